/** What both providers' consent pages and codes do, from the side of a client that does everything wrong. */
import { createHash } from 'node:crypto';
import { startSandbox, sandboxClient, type Sandbox } from '../sandbox.ts';

const email = 'ada@example.test';
const redirectUri = 'https://app.example.test/callback?x=1';
const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
type Dialect = 'google' | 'microsoft';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
  sandbox.google.createAccount({ email, scopes: [] });
  sandbox.microsoft.createMailbox({ email, scopes: [] });
});
afterEach(() => sandbox.close());

const asked = {
  google: 'openid https://www.googleapis.com/auth/calendar.events',
  microsoft: 'openid offline_access https://graph.microsoft.com/Calendars.Read',
};

function authorization(provider: Dialect, changes: Record<string, string> = {}): string {
  const root =
    provider === 'google'
      ? `${sandbox.googleRootUrl}oauth2/auth`
      : `${sandbox.microsoftLoginUrl}/common/oauth2/v2.0/authorize`;
  const params = new URLSearchParams({
    response_type: 'code',
    client_id: sandboxClient.id,
    redirect_uri: redirectUri,
    scope: asked[provider],
    state: 's&1',
    nonce: 'n-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent',
    ...changes,
  });
  return `${root}?${params.toString()}`;
}

const codeOf = (provider: Dialect, changes: Record<string, string> = {}): string => {
  const location = sandbox.consent({ authorizationUrl: authorization(provider, changes), account: email });
  return new URL(location).searchParams.get('code') ?? '';
};

async function exchange(provider: Dialect, form: Record<string, string>) {
  const url =
    provider === 'google'
      ? `${sandbox.googleRootUrl}oauth2/token`
      : `${sandbox.microsoftLoginUrl}/common/oauth2/v2.0/token`;
  const response = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: sandboxClient.id,
      client_secret: sandboxClient.secret,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...form,
    }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe.each(['google', 'microsoft'] as const)('%s', (provider) => {
  it('shows a form that escapes what it was asked for, and sends the browser back with a code', async () => {
    const hostile = `${asked[provider]} "><script>alert(1)</script>`;
    const page = await fetch(authorization(provider, { scope: hostile }));
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
    expect(html).not.toContain('<script>');
    const form = new URLSearchParams({ account: email, decision: 'allow' });
    const end = await fetch(authorization(provider), { method: 'POST', body: form, redirect: 'manual' });
    const back = new URL(end.headers.get('location') ?? '');
    expect(end.status).toBe(302);
    expect(back.searchParams.get('x')).toBe('1');
    expect(back.searchParams.get('state')).toBe('s&1');
    expect(back.searchParams.has('code')).toBe(true);
  });

  it('gives tokens and an identity token for a code, once', async () => {
    const code = codeOf(provider);
    const { status, body } = await exchange(provider, { code });
    expect(status).toBe(200);
    expect(typeof body['refresh_token']).toBe('string');
    const [, payload = ''] = String(body['id_token']).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      aud: sandboxClient.id,
      nonce: 'n-1',
    });
    expect(await exchange(provider, { code })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it.each([
    [{ code: 'made-up' }],
    [{ code_verifier: 'w'.repeat(43) }],
    [{ redirect_uri: 'https://app.example.test/callback' }],
    [{ client_secret: 'wrong' }],
  ])('refuses an exchange with %j, and leaves the code as it is', async (form: Record<string, string>) => {
    const code = codeOf(provider);
    expect((await exchange(provider, { code, ...form })).status).toBeGreaterThanOrEqual(400);
    expect((await exchange(provider, { code })).status).toBe(200);
  });

  it('ends codes with time', async () => {
    const code = codeOf(provider);
    sandbox.clock.advance(600_000);
    expect((await exchange(provider, { code })).body['error']).toBe('invalid_grant');
  });

  it.each([{ client_id: 'nobody' }, { redirect_uri: 'not an address' }])(
    'tells only the user about %j',
    async (changes) => {
      const page = await fetch(authorization(provider, changes), {
        redirect: 'manual',
      });
      expect(page.status).toBeGreaterThanOrEqual(400);
      expect(page.headers.get('location')).toBeNull();
    },
  );

  it('sends a request that is wrong in itself back, with its state', async () => {
    const page = await fetch(authorization(provider, { response_type: 'token' }), { redirect: 'manual' });
    const back = new URL(page.headers.get('location') ?? '').searchParams;
    expect([back.get('error'), back.get('state')]).toEqual(['unsupported_response_type', 's&1']);
  });
});

it('Google gives no refresh token again unless consent was asked for again', async () => {
  const { body } = await exchange('google', { code: codeOf('google', { prompt: 'none' }) });
  expect(body).not.toHaveProperty('refresh_token');
  const online = await exchange('google', { code: codeOf('google', { access_type: 'online' }) });
  expect(online.body).not.toHaveProperty('refresh_token');
});

it('Google gives along what was granted before, where that is asked for; Microsoft in any case', async () => {
  sandbox.google.account(email).setScopes(['earlier']);
  const alone = await exchange('google', { code: codeOf('google') });
  expect(String(alone.body['scope'])).not.toContain('earlier');
  sandbox.google.account(email).setScopes(['earlier']);
  const along = await exchange('google', { code: codeOf('google', { include_granted_scopes: 'true' }) });
  expect(String(along.body['scope'])).toContain('earlier');
  const untick = { authorizationUrl: authorization('microsoft'), account: email, scopes: [] };
  sandbox.consent({ ...untick, scopes: ['https://graph.microsoft.com/Calendars.Read'] });
  const code = new URL(sandbox.consent(untick)).searchParams.get('code') ?? '';
  expect(String((await exchange('microsoft', { code })).body['scope'])).toContain('Calendars.Read');
});
