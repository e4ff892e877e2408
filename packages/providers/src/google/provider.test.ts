/** What the sandbox never does: answers that Google should not give, seen through the real client over HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { SyncError, type Admission } from '@calfleet/domain';
import { createGoogleTokenEndpoint } from './oauth.ts';
import { createGoogleProvider } from './provider.ts';

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };

let server: Server;
let rootUrl: string;
let seen: { url: URL; headers: IncomingMessage['headers']; body: string }[];
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ url: new URL(request.url ?? '', rootUrl), headers: request.headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  rootUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/google/`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  seen = [];
});

const json =
  (value: unknown, status = 200) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

const provider = (timeoutMs = 5_000) => createGoogleProvider({ rootUrl, timeoutMs, clock });

const session = { accountId: 'account', accessToken: async () => 'secret-token' };

const list = (
  changes: { cursor?: string; pageCursor?: string; pageSize?: number; timeoutMs?: number } = {},
) =>
  provider(changes.timeoutMs).listChanges(session, {
    providerCalendarId: 'en.canadian#holiday@group.v.calendar.google.com',
    cursor: null,
    pageCursor: null,
    window: { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' },
    pageSize: 2500,
    calendarTimeZone: null,
    ...changes,
  });

const errorFrom = async (promise: Promise<unknown>): Promise<SyncError> =>
  (await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as SyncError;

const last = { items: [], nextSyncToken: 'next' };

describe('leave to send', () => {
  const refusal = (status: number, reason: string, message = '') =>
    json({ error: { errors: [{ domain: 'usageLimits', reason, message }], code: status, message } }, status);

  /** What was asked for and told, in order. */
  async function listWith(admission: Partial<Admission>): Promise<unknown[]> {
    const said: unknown[] = [];
    const leave = async (...told: unknown[]): Promise<void> => void said.push(['leave', ...told]);
    const asking = {
      ...session,
      admit: async (requests: number): Promise<Admission> => {
        said.push(['admit', requests, seen.length]);
        return { leave, ...admission };
      },
    };
    const request = {
      providerCalendarId: 'c',
      cursor: null,
      pageCursor: null,
      pageSize: 1,
      calendarTimeZone: null,
    };
    const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' };
    await errorFrom(provider().listChanges(asking, { ...request, window }));
    return said;
  }

  it('is asked for before each request, and given back after it', async () => {
    answer = json(last);
    expect(await listWith({})).toEqual([
      ['admit', 1, 0],
      ['leave', undefined, undefined],
    ]);
  });

  it('is asked for once more when the token was refused', async () => {
    answer = json({ error: { errors: [{ reason: 'authError' }], code: 401 } }, 401);
    expect(await listWith({})).toEqual([
      ['admit', 1, 0],
      ['leave', undefined, undefined],
      ['admit', 1, 1],
      ['leave', undefined, undefined],
    ]);
  });

  it('carries back for how long Google wants to be left alone, and by whom', async () => {
    answer = refusal(403, 'userRateLimitExceeded');
    expect((await listWith({})).at(-1)).toEqual(['leave', 60_000, 'account']);
    answer = refusal(
      403,
      'rateLimitExceeded',
      "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'x'.",
    );
    expect((await listWith({})).at(-1)).toEqual(['leave', 60_000, 'project']);
  });

  it('sends nothing without it', async () => {
    const parked = new SyncError('rate_limited', 'parked', { retryAfterMs: 5_000 });
    const refused = { ...session, admit: async () => Promise.reject(parked) };
    expect(await errorFrom(provider().listCalendars(refused, { pageCursor: null }))).toBe(parked);
    expect(seen).toEqual([]);
  });
});

describe('the request', () => {
  it('keeps the path of the root and escapes the calendar', async () => {
    answer = json(last);
    await list();
    expect(seen[0]?.url.pathname).toBe(
      '/google/calendar/v3/calendars/en.canadian%23holiday%40group.v.calendar.google.com/events',
    );
  });

  it('sends the same parameters on every page, and nothing that ends a sync token', async () => {
    answer = json(last);
    await list();
    await list({ cursor: 'c', pageCursor: 'p' });
    const [first, later] = seen.map(({ url }) => Object.fromEntries(url.searchParams));
    expect(first).toEqual({ singleEvents: 'false', maxResults: '2500' });
    expect(later).toEqual({ ...first, syncToken: 'c', pageToken: 'p' });
  });

  it.each([
    [9_999, '2500'],
    [0, '1'],
  ])('bounds a page size of %i to %s', async (pageSize, maxResults) => {
    answer = json(last);
    await list({ pageSize });
    expect(seen[0]?.url.searchParams.get('maxResults')).toBe(maxResults);
  });

  it('asks for gzip in the two ways that Google wants, and reads it', async () => {
    answer = (response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync(JSON.stringify(last)));
    expect((await list()).nextCursor).toBe('next');
    expect(seen[0]?.headers['accept-encoding']).toContain('gzip');
    expect(seen[0]?.headers['user-agent']).toMatch(/^calfleet\/.*gzip/);
  });

  it('sends the expiry of a channel in milliseconds', async () => {
    answer = json({ resourceId: 'r', expiration: '1795262400000' });
    const request = { providerCalendarId: 'c', watchId: 'w', address: 'https://a.example', token: 't' };
    const channel = await provider().watch(session, { ...request, expiresAt: '2026-11-27T12:00:00Z' });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      id: 'w',
      type: 'web_hook',
      address: 'https://a.example',
      token: 't',
      expiration: '1795780800000',
    });
    expect(channel).toEqual({ resourceId: 'r', expiresAt: '2026-11-21T12:00:00Z' });
  });
});

describe('pages that are not believed', () => {
  it.each([
    ['neither token', { items: [] }],
    ['both tokens', { items: [], nextPageToken: 'p', nextSyncToken: 's' }],
    ['the page token just used', { items: [], nextPageToken: 'asked' }],
    ['items that are no list', { items: {}, nextSyncToken: 's' }],
    ['no object', []],
  ])('has %s', async (_, page) => {
    answer = json(page);
    expect((await errorFrom(list({ pageCursor: 'asked' }))).code).toBe('provider_unavailable');
  });

  it.each(['', '{"items":[],"nextSyn', '<html>hello</html>'])('is "%s"', async (text) => {
    answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    expect((await errorFrom(list())).code).toBe('provider_unavailable');
  });

  it('keeps the good items of a page with bad ones', async () => {
    const end = { date: '2026-11-24' };
    const good = { id: 'good1', start: { date: '2026-11-23' }, end };
    const startless = { id: 'odd1', end };
    const yearZero = { id: 'odd2', start: { date: '0000-11-23' }, end };
    answer = json({ items: [null, startless, good, yearZero, 7], nextSyncToken: 's' });
    const types = (await list()).items.map(({ type }) => type);
    expect(types).toEqual(['unreadable', 'unreadable', 'event', 'unreadable', 'unreadable']);
  });
});

describe('failures', () => {
  it('gives up after the timeout', async () => {
    answer = () => undefined;
    const error = await errorFrom(list({ timeoutMs: 50 }));
    expect([error.code, seen.length]).toEqual(['provider_unavailable', 1]);
  });

  it('does not retry behind the back of the queue', async () => {
    answer = json({ error: { errors: [{ reason: 'backendError' }], code: 503 } }, 503);
    expect([(await errorFrom(list())).code, seen.length]).toEqual(['provider_unavailable', 1]);
  });

  it('keeps the token, the calendar and the body out of errors', async () => {
    answer = json({ error: { errors: [{ reason: 'forbidden', message: 'private party' }], code: 403 } }, 403);
    const error = await errorFrom(list({ cursor: 'secret-cursor' }));
    expect(JSON.stringify([error.message, error.stack, error.context])).not.toMatch(/secret|holiday|party/);
  });

  it('leaves a failure of the token source as it is', async () => {
    const broken = { accountId: 'a', accessToken: async () => Promise.reject(new TypeError('ours')) };
    const asked = provider().listCalendars(broken, { pageCursor: null });
    await expect(asked).rejects.toThrow(new TypeError('ours'));
  });
});

it('lists calendars with hidden ones, their roles and their own names', async () => {
  answer = json({
    items: [
      {
        id: 'a',
        summary: 'A',
        summaryOverride: 'mine',
        accessRole: 'writerWithoutPrivateAccess',
        timeZone: 'UTC',
      },
      { id: 'b', accessRole: 'freeBusyReader', deleted: true },
      { id: 'c', summary: 'C\0', accessRole: 'somethingNew', primary: true },
      { summary: 'no id' },
    ],
    nextPageToken: 'more',
  });
  const page = await provider().listCalendars(session, { pageCursor: 'asked' });
  expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toEqual({
    maxResults: '250',
    showDeleted: 'false',
    showHidden: 'true',
    pageToken: 'asked',
  });
  expect(page.nextPageCursor).toBe('more');
  expect(page.calendars).toMatchObject([
    { providerCalendarId: 'a', name: 'mine', accessRole: 'writer', timeZone: 'UTC', removed: false },
    { providerCalendarId: 'b', name: 'b', accessRole: 'free_busy_reader', timeZone: null, removed: true },
    { providerCalendarId: 'c', name: 'C\uFFFD', accessRole: 'reader', primary: true },
  ]);
});

const tokens = () =>
  createGoogleTokenEndpoint({
    clientId: 'id',
    clientSecret: 'hush',
    tokenUrl: `${rootUrl}token`,
    revokeUrl: `${rootUrl}revoke`,
    timeoutMs: 5_000,
  });

describe('a grant is ended', () => {
  const revoke = () => tokens().revoke?.({ refreshToken: 'grant', clock });

  it('by its refresh token, in a form', async () => {
    answer = json({});
    await revoke();
    expect(seen).toMatchObject([{ body: 'token=grant' }]);
    expect(seen[0]?.url.pathname).toMatch(/revoke$/);
  });

  it('once: one that is dead already is success', async () => {
    answer = json({ error: 'invalid_token', error_description: 'Token expired or revoked' }, 400);
    await expect(revoke()).resolves.toBeUndefined();
  });

  it.each([
    [503, {}, 'provider_unavailable'],
    [403, 'a page of a proxy', 'provider_unavailable'],
    [429, {}, 'rate_limited'],
    [400, { error: 'unsupported_token_type' }, 'request_rejected'],
  ])('a %d with %j is %s', async (status, body, code) => {
    answer = json(body, status);
    await expect(revoke()).rejects.toMatchObject({ code });
  });
});

describe('the token endpoint', () => {
  const refresh = () => tokens().refresh({ refreshToken: 'grant', clock });

  it('sends the grant as a form and reads the answer', async () => {
    answer = json({ access_token: 'at', expires_in: 3599, scope: 'a b', token_type: 'Bearer' });
    expect(await refresh()).toEqual({
      accessToken: 'at',
      expiresAt: '2026-11-20T12:59:59Z',
      refreshToken: null,
      scopes: ['a', 'b'],
    });
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'grant',
      client_id: 'id',
      client_secret: 'hush',
    });
  });

  it.each([
    [
      400,
      { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
      'credentials_revoked',
    ],
    [400, { error: 'admin_policy_enforced' }, 'credentials_revoked'],
    [401, { error: 'invalid_client' }, 'misconfigured'],
    [401, { error: 'unauthorized_client' }, 'misconfigured'],
    [400, { error: 'something_new' }, 'provider_unavailable'],
    [400, 'no JSON object', 'provider_unavailable'],
    [429, { error: 'rate_limit_exceeded' }, 'rate_limited'],
    [500, { error: 'invalid_grant' }, 'provider_unavailable'],
    [503, {}, 'provider_unavailable'],
    [200, {}, 'provider_unavailable'],
    [200, { access_token: 'at' }, 'provider_unavailable'],
  ])('reads %i %j as %s', async (status, body, code) => {
    answer = json(body, status);
    const error = await errorFrom(refresh());
    expect(error.code).toBe(code);
    expect(JSON.stringify([error.message, error.context])).not.toMatch(/hush|"grant"|at"/);
  });

  it('says provider_unavailable for a cut or torn answer', async () => {
    answer = (response) => response.writeHead(200).end('{"access_tok');
    expect((await errorFrom(refresh())).code).toBe('provider_unavailable');
    answer = (response) => response.destroy();
    expect((await errorFrom(refresh())).code).toBe('provider_unavailable');
  });
});
