import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { AccountOwner } from '../control/owner.ts';
import { askForToken, reasonOf, Visitor } from './visitor.ts';

const EMAIL = 'ada@example.test';
const GRANT = { refresh_token: 'refresh-ada' };
let sandbox: Sandbox;
let account: AccountOwner;

beforeEach(async () => {
  sandbox = await startSandbox();
  account = sandbox.google.createAccount({ email: EMAIL, refreshToken: 'refresh-ada' });
  account.createCalendar({ primary: true });
});

afterEach(() => sandbox.close());

it('refreshes without a new refresh token, and counts it', async () => {
  const { status, body } = await askForToken(sandbox, GRANT);
  expect(status).toBe(200);
  expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
  expect(body.expires_in).toBe(3599);
  const visitor = new Visitor(sandbox, String(body.access_token));
  expect((await visitor.list('primary')).status).toBe(200);
  expect(sandbox.usage.report(EMAIL)).toMatchObject({ refreshes: 1, byOperation: { 'oauth.token': 1 } });
});

it.each([
  [{ refresh_token: 'unknown' }, 400, 'invalid_grant'],
  [{ ...GRANT, client_secret: 'wrong' }, 401, 'invalid_client'],
  [{ ...GRANT, client_id: 'nobody' }, 401, 'invalid_client'],
  [{ ...GRANT, grant_type: 'password' }, 400, 'unsupported_grant_type'],
  [{}, 400, 'invalid_request'],
])('refuses %j', async (form, status, error) => {
  const answer = await askForToken(sandbox, form);
  expect([answer.status, answer.body.error]).toEqual([status, error]);
  expect(sandbox.usage.report().refreshes).toBe(0);
});

it('ends access tokens with time, on demand, and answers 401 without one', async () => {
  const visitor = new Visitor(sandbox, account.accessToken());
  expect((await visitor.list('primary')).status).toBe(200);
  sandbox.clock.advance(3_600_001);
  const late = await visitor.list('primary');
  expect([late.status, reasonOf(late)]).toEqual([401, 'authError']);
  visitor.accessToken = account.accessToken();
  account.expireAccessTokens();
  expect((await visitor.list('primary')).status).toBe(401);
  visitor.accessToken = 'made-up';
  expect((await visitor.list('primary')).status).toBe(401);
});

it('answers invalid_grant after a revocation, by the user or through the endpoint', async () => {
  const { body } = await askForToken(sandbox, GRANT);
  const visitor = new Visitor(sandbox, String(body.access_token));
  const revoke = (): Promise<Response> =>
    fetch(`${sandbox.googleRootUrl}oauth2/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: visitor.accessToken }),
    });
  expect((await revoke()).status).toBe(200);
  expect((await revoke()).status).toBe(400);
  expect((await visitor.list('primary')).status).toBe(401);
  expect((await askForToken(sandbox, GRANT)).body.error).toBe('invalid_grant');
  const second = account.issueRefreshToken();
  expect((await askForToken(sandbox, { refresh_token: second })).status).toBe(200);
  account.revoke();
  expect((await askForToken(sandbox, { refresh_token: second })).body.error).toBe('invalid_grant');
});

it('evicts the oldest of more than a hundred grants, and ends grants of apps in testing', async () => {
  for (let i = 0; i < 100; i += 1) account.issueRefreshToken(`grant-${i}`);
  expect((await askForToken(sandbox, GRANT)).status).toBe(400);
  expect((await askForToken(sandbox, { refresh_token: 'grant-0' })).status).toBe(200);
  sandbox.setQuirks({ refreshTokenTtlMs: 7 * 86_400_000 });
  sandbox.clock.advance(7 * 86_400_000);
  expect((await askForToken(sandbox, { refresh_token: 'grant-99' })).body.error).toBe('invalid_grant');
});

it('says who the user is', async () => {
  const response = await fetch(`${sandbox.googleRootUrl}oauth2/userinfo`, {
    headers: { authorization: `Bearer ${account.accessToken()}` },
  });
  expect(await response.json()).toMatchObject({
    email: EMAIL,
    sub: expect.stringMatching(/^\d+$/) as string,
  });
});

it('shapes planned faults of the token endpoint like the token endpoint', async () => {
  sandbox.faults.add({
    account: EMAIL,
    operation: 'oauth.token',
    effect: { kind: 'status', status: 400, reason: 'invalid_grant' },
  });
  sandbox.faults.add({ operation: 'oauth.token', skip: 1, effect: { kind: 'status', status: 503 } });
  expect((await askForToken(sandbox, GRANT)).body.error).toBe('invalid_grant');
  expect((await askForToken(sandbox, GRANT)).status).toBe(200);
  expect((await askForToken(sandbox, GRANT)).status).toBe(503);
});
