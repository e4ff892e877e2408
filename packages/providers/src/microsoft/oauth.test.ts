import { clock, errorFrom, FakeGraph } from './graph.fixture.ts';
import { createMicrosoftTokenEndpoint } from './oauth.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

const refresh = () =>
  createMicrosoftTokenEndpoint({
    clientId: 'id',
    clientSecret: 'hush',
    tenant: 'common',
    loginRootUrl: `${graph.origin}/login/`,
    timeoutMs: 5_000,
  }).refresh({ refreshToken: 'grant', clock });

it('sends the grant as a form and keeps the rotated one', async () => {
  graph.always({
    access_token: 'at',
    expires_in: 3599,
    scope: 'a b',
    token_type: 'Bearer',
    refresh_token: 'rotated',
  });
  expect(await refresh()).toEqual({
    accessToken: 'at',
    expiresAt: '2026-11-20T12:59:59Z',
    refreshToken: 'rotated',
    scopes: ['a', 'b'],
  });
  expect(graph.seen[0]?.url.pathname).toBe('/login/common/oauth2/v2.0/token');
  expect(Object.fromEntries(new URLSearchParams(graph.seen[0]?.body))).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'grant',
    client_id: 'id',
    client_secret: 'hush',
  });
});

const refused = (error: string, number: number) => ({
  error,
  error_description: `AADSTS${number}: ada@example.com has gone. Trace ID: 1`,
  error_codes: [number],
});

it.each([
  [400, refused('invalid_grant', 700082), 'credentials_revoked'],
  [400, refused('interaction_required', 50076), 'credentials_revoked'],
  [400, refused('consent_required', 65001), 'credentials_revoked'],
  [401, refused('invalid_client', 7000222), 'misconfigured'],
  [400, refused('unauthorized_client', 700016), 'misconfigured'],
  [400, refused('invalid_scope', 70011), 'misconfigured'],
  [400, refused('temporarily_unavailable', 90033), 'provider_unavailable'],
  [400, refused('something_new', 1), 'provider_unavailable'],
  [400, 'no JSON object', 'provider_unavailable'],
  [429, refused('temporarily_unavailable', 90055), 'rate_limited'],
  [500, refused('invalid_grant', 700082), 'provider_unavailable'],
  [503, {}, 'provider_unavailable'],
  [200, {}, 'provider_unavailable'],
  [200, { access_token: 'at' }, 'provider_unavailable'],
])('reads %i %j as %s', async (status, body, code) => {
  graph.always(body, status);
  const error = await errorFrom(refresh());
  expect(error.code).toBe(code);
  expect(JSON.stringify([error.message, error.context])).not.toMatch(/hush|"grant"|at"|ada|AADSTS/);
});

it('names the AADSTS number for people', async () => {
  graph.always(refused('invalid_grant', 700082), 400);
  expect((await errorFrom(refresh())).context).toEqual({
    operation: 'refresh',
    status: 400,
    reason: 'invalid_grant',
    aadsts: 700082,
  });
});

it.each([
  [429, {}, 60_000],
  [429, { 'retry-after': '5' }, 5_000],
  [503, { 'retry-after': '30' }, 30_000],
  [503, {}, undefined],
])('waits after %i with %j for %p ms', async (status, headers, ms) => {
  graph.always({}, status, headers);
  expect((await errorFrom(refresh())).retryAfterMs).toBe(ms);
});

it('says provider_unavailable for a cut or torn answer', async () => {
  graph.answer = (_, response) => void response.writeHead(200).end('{"access_tok');
  expect((await errorFrom(refresh())).code).toBe('provider_unavailable');
  graph.answer = (_, response) => void response.destroy();
  expect((await errorFrom(refresh())).code).toBe('provider_unavailable');
});
