/** Exchanges of codes with answers that the sandbox never gives: whose they are, and what they are believed. */
import { createGoogleConsentEndpoint } from './google/oauth.ts';
import { clock, errorFrom, FakeGraph } from './microsoft/graph.fixture.ts';
import { createMicrosoftConsentEndpoint } from './microsoft/oauth.ts';

const graph = new FakeGraph();
beforeAll(() => graph.open());
afterAll(() => graph.close());
beforeEach(() => {
  graph.seen = [];
});

const client = { clientId: 'id', clientSecret: 'hush', timeoutMs: 5_000 };
const endpoints = {
  google: () =>
    createGoogleConsentEndpoint({
      ...client,
      authUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
      tokenUrl: `${graph.origin}/token`,
    }),
  microsoft: () =>
    createMicrosoftConsentEndpoint({ ...client, tenant: 'common', loginRootUrl: `${graph.origin}/login/` }),
};

const request = {
  access: 'read_write' as const,
  code: 'the-code',
  codeVerifier: 'the-verifier',
  nonce: 'the-nonce',
  redirectUri: 'https://calendar.example.test/callback',
  issuer: null,
  clock,
};
const exp = clock.now().getTime() / 1000 + 3600;
const tid = '5a4db0c5-0000-4000-8000-00000000face';

const claimsOf = {
  google: () => ({
    iss: 'https://accounts.google.com',
    aud: 'id',
    exp,
    nonce: 'the-nonce',
    email: 'ada@example.test',
  }),
  microsoft: () => ({
    iss: `${graph.origin}/login/${tid}/v2.0`,
    aud: 'id',
    exp,
    nonce: 'the-nonce',
    tid,
    oid: '00a11ce0-0000-4000-8000-000000000001',
    preferred_username: 'ada@example.test',
  }),
};
const scopes = {
  google:
    'openid https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/calendar.calendarlist.readonly',
  microsoft: 'openid profile Calendars.ReadWrite User.Read',
};

const token = (claims: object): string => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;

type Dialect = 'google' | 'microsoft';
const providers = ['google', 'microsoft'] as const;

const answering = (provider: Dialect, changes: Record<string, unknown> = {}, claims: object = {}) =>
  graph.always({
    access_token: 'at',
    expires_in: 3599,
    refresh_token: 'rt',
    scope: scopes[provider],
    id_token: token({ ...claimsOf[provider](), ...claims }),
    ...changes,
  });

test.each(providers)(
  '%s: sends code and verifier as a form, and reads what was granted',
  async (provider) => {
    answering(provider);
    expect(await endpoints[provider]().exchange(request)).toMatchObject({
      refreshToken: 'rt',
      missing: [],
      scopes: scopes[provider].split(' '),
      mailbox: { email: 'ada@example.test' },
    });
    expect(Object.fromEntries(new URLSearchParams(graph.seen[0]?.body))).toEqual({
      grant_type: 'authorization_code',
      code: 'the-code',
      code_verifier: 'the-verifier',
      redirect_uri: request.redirectUri,
      client_id: 'id',
      client_secret: 'hush',
    });
  },
);

test.each(
  providers.flatMap((provider) =>
    [
      { iss: 'https://evil.example.test/v2.0' },
      { iss: undefined },
      { aud: 'another' },
      { aud: ['id', 'another'] },
      { nonce: 'another' },
      { nonce: undefined },
      { exp: clock.now().getTime() / 1000 - 301 },
      { exp: 'never' },
      { oid: undefined, email: undefined },
    ].map((claims) => [provider, claims] as const),
  ),
)('%s: believes no identity token with %j', async (provider, claims) => {
  answering(provider, {}, claims);
  expect((await errorFrom(endpoints[provider]().exchange(request))).code).toBe('request_rejected');
});

test.each([undefined, '', 'a.b', 'a.e30.c', 'a.b.c.d', 'a.bm90IGpzb24.c'])(
  'takes %j for no identity token',
  async (id_token) => {
    answering('google', { id_token });
    expect((await errorFrom(endpoints.google().exchange(request))).code).toBe('request_rejected');
  },
);

test.each(providers)('%s: sends no code that is said to come from somebody else', async (provider) => {
  answering(provider);
  const error = await errorFrom(
    endpoints[provider]().exchange({ ...request, issuer: 'https://evil.example.test' }),
  );
  expect(error.code).toBe('request_rejected');
  expect(graph.seen).toEqual([]);
});

test.each([
  ['google', 'openid', ['calendar.calendarlist.readonly', 'calendar.events']],
  ['google', scopes.google.replace('calendar.events', 'calendar.events.readonly'), ['calendar.events']],
  ['google', 'https://www.googleapis.com/auth/calendar', []],
  ['microsoft', 'openid calendars.readwrite', []],
  ['microsoft', 'https://graph.microsoft.com/Calendars.Read', ['Calendars.ReadWrite']],
  ['microsoft', 'User.Read', ['Calendars.Read', 'Calendars.ReadWrite']],
] as const)('%s: of %j misses %j', async (provider, scope, names) => {
  answering(provider, { scope });
  const { missing } = await endpoints[provider]().exchange(request);
  expect(missing.map((name) => name.split('/').at(-1))).toEqual(names);
});

test.each(providers)('%s: misses offline access without a refresh token', async (provider) => {
  answering(provider, { refresh_token: undefined });
  const { missing, refreshToken } = await endpoints[provider]().exchange(request);
  expect(refreshToken).toBeNull();
  expect(missing).toHaveLength(1);
});

test('names personal mailboxes as Graph does', async () => {
  answering('microsoft', {}, { oid: '00000000-0000-0000-ab12-cd34ef567890' });
  const { mailbox } = await endpoints.microsoft().exchange(request);
  expect(mailbox.id).toBe('ab12cd34ef567890');
});

test.each([
  [400, 'invalid_grant', 'request_rejected'],
  [400, 'redirect_uri_mismatch', 'misconfigured'],
  [400, 'invalid_request', 'misconfigured'],
  [401, 'invalid_client', 'misconfigured'],
  [500, 'invalid_grant', 'provider_unavailable'],
  [200, undefined, 'request_rejected'],
])('reads %i %s as %s, and repeats no secret', async (status, error, code) => {
  graph.always({ error, error_description: 'the-code of ada' }, status);
  const failure = await errorFrom(endpoints.google().exchange(request));
  expect(failure.code).toBe(code);
  expect(JSON.stringify([failure.message, failure.context])).not.toMatch(/hush|the-code|the-verifier|of ada/);
});
