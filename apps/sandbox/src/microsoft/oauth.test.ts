import { sandboxClient } from '../sandbox.ts';
import { PERSONAL_TENANT } from './grants.ts';
import { newMailbox, OTHER_APP, startGraph, type GraphFixture } from './subscriptions.fixture.ts';

const GRANT = { refresh_token: 'refresh-ada' };
let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
});

afterEach(() => fixture.close());

interface TokenAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

async function ask(form: Record<string, string | undefined>, tenant = 'common'): Promise<TokenAnswer> {
  const fields = {
    grant_type: 'refresh_token',
    client_id: sandboxClient.id,
    client_secret: sandboxClient.secret,
    ...form,
  };
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  const response = await fetch(`${fixture.url}/microsoft/login/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(given),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

const refreshTokenOf = ({ body }: TokenAnswer): string => String(body.refresh_token);
const meaning = ({ status, body }: TokenAnswer): unknown[] => [
  status,
  body.error,
  (body.error_codes as number[])[0],
];

it('gives an access token and the next refresh token, and counts it', async () => {
  const answer = await ask(GRANT);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    token_type: 'Bearer',
    scope: 'openid profile email User.Read Calendars.ReadWrite MailboxSettings.Read',
    expires_in: 3599,
    ext_expires_in: 3599,
    access_token: expect.stringMatching(/^eyJ/) as string,
    refresh_token: expect.stringMatching(/^1\.AX.{1000,}/) as string,
  });
  ada.visitor.accessToken = String(answer.body.access_token);
  expect((await ada.visitor.call('GET', 'subscriptions')).status).toBe(200);
  expect(fixture.graph.usage.report('ada@example.test')).toMatchObject({
    refreshes: 1,
    byOperation: { 'login.token': 1 },
  });
});

it('gives personal accounts a token that nobody can read', async () => {
  newMailbox(fixture, 'noor', { tenantId: PERSONAL_TENANT });
  const answer = await ask({ refresh_token: 'refresh-noor' }, 'consumers');
  expect(answer.body.access_token).toMatch(/^EwB/);
});

describe('rotation', () => {
  it('lets old refresh tokens work on', async () => {
    const second = refreshTokenOf(await ask(GRANT));
    expect(second).not.toBe('refresh-ada');
    expect((await ask(GRANT)).status).toBe(200);
    expect((await ask({ refresh_token: second })).status).toBe(200);
    expect(ada.owner.refreshTokens).toHaveLength(4);
  });

  it('can revoke a token by its use', async () => {
    fixture.owner.setQuirks({ refreshTokenReuse: 'revoked' });
    const second = refreshTokenOf(await ask(GRANT));
    expect(meaning(await ask(GRANT))).toEqual([400, 'invalid_grant', 70000]);
    expect((await ask({ refresh_token: second })).status).toBe(200);
  });

  it('can end the whole family when a used one comes back, and leaves other grants alone', async () => {
    fixture.owner.setQuirks({ refreshTokenReuse: 'revoked', refreshTokenReuseEndsFamily: true });
    const other = ada.owner.issueRefreshToken();
    const second = refreshTokenOf(await ask(GRANT));
    await ask(GRANT);
    expect(meaning(await ask({ refresh_token: second }))).toEqual([400, 'invalid_grant', 50173]);
    expect((await ask({ refresh_token: other })).status).toBe(200);
  });

  it('forgets the oldest of very many', async () => {
    for (let i = 0; i < 100; i += 1) ada.owner.issueRefreshToken(`grant-${i}`);
    expect((await ask(GRANT)).status).toBe(400);
    expect((await ask({ refresh_token: 'grant-50' })).status).toBe(200);
  });
});

it.each([
  [{ refresh_token: 'unknown' }, 400, 'invalid_grant', 50173],
  [{ ...GRANT, client_id: OTHER_APP.id, client_secret: OTHER_APP.secret }, 400, 'invalid_grant', 9002313],
  [{ ...GRANT, client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
  [{ ...GRANT, client_secret: undefined }, 401, 'invalid_client', 7000218],
  [{ ...GRANT, client_id: 'nobody' }, 400, 'unauthorized_client', 700016],
  [{ ...GRANT, client_id: undefined }, 400, 'invalid_request', 900144],
  [{ ...GRANT, grant_type: undefined }, 400, 'invalid_request', 900144],
  [{ ...GRANT, grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
  [{}, 400, 'invalid_request', 900144],
  [{ ...GRANT, scope: 'openid Mail.Send' }, 400, 'invalid_grant', 65001],
])('refuses %j', async (form, status, error, code) => {
  expect(meaning(await ask(form))).toEqual([status, error, code]);
  expect(fixture.graph.usage.report().refreshes).toBe(0);
});

it('writes errors as the login host does', async () => {
  const { body } = await ask({ refresh_token: 'unknown' });
  const timestamp = `${fixture.clock.iso().slice(0, 19).replace('T', ' ')}Z`;
  expect(body).toMatchObject({ timestamp, suberror: 'bad_token' });
  expect(body.trace_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(body.error_description).toBe(
    `AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. Trace ID: ${String(body.trace_id)} Correlation ID: ${String(body.correlation_id)} Timestamp: ${timestamp}`,
  );
});

it('takes a subset of the scopes, with and without the address of Graph', async () => {
  const answer = await ask({
    ...GRANT,
    scope: 'openid offline_access https://graph.microsoft.com/Calendars.ReadWrite',
  });
  expect(answer.body.scope).toBe('openid Calendars.ReadWrite');
});

it.each([
  ['common', 200],
  ['organizations', 200],
  ['EXAMPLE.test', 200],
  ['consumers', 400],
  ['elsewhere.test', 400],
])('signs a work account in at %s with %i', async (tenant, status) => {
  expect((await ask(GRANT, tenant)).status).toBe(status);
});

it('ends access tokens with time and refresh tokens after ninety days', async () => {
  const { body } = await ask(GRANT);
  const second = String(body.refresh_token);
  ada.visitor.accessToken = String(body.access_token);
  fixture.clock.advance(3_600_000);
  expect((await ada.visitor.call('GET', 'subscriptions')).status).toBe(401);
  fixture.clock.advance(89 * 86_400_000);
  const third = refreshTokenOf(await ask({ refresh_token: second }));
  fixture.clock.advance(86_400_000);
  expect(meaning(await ask({ refresh_token: second }))).toEqual([400, 'invalid_grant', 700082]);
  expect((await ask({ refresh_token: third })).status).toBe(200);
});

it('revokes refresh tokens at once and access tokens when told', async () => {
  ada.owner.revoke();
  expect((await ask(GRANT)).body.error).toBe('invalid_grant');
  expect((await ada.visitor.call('GET', 'subscriptions')).status).toBe(200);
  fixture.owner.setQuirks({ revocationEndsAccessTokens: true });
  const granted = ada.owner.grantTokens({ scopes: ['Calendars.Read'] });
  expect((await ask({ refresh_token: granted.refreshToken })).body.scope).toBe('Calendars.Read');
  ada.visitor.accessToken = granted.accessToken;
  ada.owner.revoke();
  expect((await ada.visitor.call('GET', 'subscriptions')).status).toBe(401);
});

describe('planned faults', () => {
  const plan = (effect: Record<string, unknown>): string =>
    fixture.graph.faults.add({
      account: 'ada@example.test',
      operation: 'login.token',
      effect: { kind: 'status', status: 400, ...effect },
    });

  it.each([
    [{}, [400, 'invalid_grant', 50173]],
    [{ reason: 'interaction_required' }, [400, 'interaction_required', 50076]],
    [{ reason: 'consent_required' }, [400, 'consent_required', 65001]],
    [{ reason: 'invalid_client', status: 401 }, [401, 'invalid_client', 7000215]],
    [{ status: 503 }, [503, 'temporarily_unavailable', 90033]],
    [{ status: 500 }, [500, 'server_error', 90002]],
    [
      { reason: 'invalid_grant', message: 'AADSTS700082: It slept too long.' },
      [400, 'invalid_grant', 700082],
    ],
  ])('answers %j in the shape of the endpoint, once', async (effect, expected) => {
    plan(effect);
    expect(meaning(await ask(GRANT))).toEqual(expected);
    expect((await ask(GRANT)).status).toBe(200);
  });

  it('names how long to wait', async () => {
    plan({ status: 429, retryAfterSeconds: 7 });
    const answer = await ask(GRANT);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7']);
  });
});
