import { newId } from '@calfleet/domain';
import { adminKey, openHouse, prefix, type House } from './testing/house.ts';
import { seedCalendar, seedSingle, type SeededCalendar } from './testing/rows.ts';

let house: House;
let mine: SeededCalendar;
let eventId: string;
let quarantineId: string;

beforeAll(async () => {
  house = await openHouse();
  mine = await seedCalendar(house);
  eventId = await seedSingle(house, mine, {
    zoned: ['2026-11-23T09:00:00Z', '2026-11-23T10:00:00Z', 'Europe/Berlin'],
  });
  quarantineId = newId();
  await house.worker(
    `insert into calendar_quarantine (id, user_id, calendar_id, code, reason, raw, first_seen_at, last_seen_at)
     values ($1, 'ada', $2, 'unreadable', 'no start', '{}', now(), now())`,
    [quarantineId, mine.calendarId],
  );
});
afterAll(() => house.close());

const writesStored = async () => {
  const [row] = await house.worker<{ stored: string }>(
    `select (select count(*) from calendar_accounts) || '/' || (select sum(dirty_seq) from calendars) || '/' ||
      (select count(*) from calendar_changes) || '/' || (select count(*) from calendar_idempotency_keys) as stored`,
  );
  return row?.stored;
};

describe('who is calling', () => {
  test.each([
    ['no key', null],
    ['a wrong key', 'x'.repeat(adminKey.length)],
    ['a key that begins right', `${adminKey}x`],
    ['a piece of the key', adminKey.slice(0, -1)],
  ])('%s is 401, also for an address that is not there', async (_name, key) => {
    for (const path of ['/calendars', '/nowhere']) {
      const reply = await house.get(path, { key });
      expect(reply).toMatchObject({ status: 401, body: { code: 'not_authenticated', status: 401 } });
      expect(reply.type).toContain('application/problem+json');
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('without a user every call is a 422 that names the header', async () => {
    for (const user of [null, 'x'.repeat(256)]) {
      const reply = await house.get('/accounts', { user });
      expect(reply).toMatchObject({ status: 422, body: { errors: [{ path: 'X-User-Id' }] } });
    }
  });

  test('a user exists as soon as it is named', async () => {
    const reply = await house.get('/calendars', { user: `new-${newId()}` });
    expect(reply).toMatchObject({ status: 200, body: { items: [], next_cursor: null } });
  });
});

describe('what is not theirs', () => {
  test('another user’s id and an unknown one have the same answer, and nothing happens', async () => {
    const before = await writesStored();
    const unknown = newId();
    const calls: [string, (id: string) => string, unknown?][] = [
      ['GET', (id) => `/accounts/${id}`],
      ['GET', (id) => `/calendars/${id}`],
      ['PATCH', (id) => `/calendars/${id}`, { active: false }],
      ['POST', (id) => `/calendars/${id}/held-deletes`, { action: 'apply' }],
      ['GET', (id) => `/events/${id}`],
      ['GET', (id) => `/events/${id}_20261123T090000Z`],
      ['GET', (id) => `/events?calendar_id=${id}`],
      ['GET', (id) => `/calendars?account_id=${id}`],
      ['GET', (id) => `/sync/runs?calendar_id=${id}`],
      ['GET', (id) => `/freebusy?calendar_id=${id}&start=2026-11-23T00:00:00Z&end=2026-11-24T00:00:00Z`],
      ['POST', () => '/sync', { calendar_id: 'ID' }],
      ['POST', (id) => `/quarantine/${id}/retry`],
    ];
    for (const [method, path, body] of calls) {
      for (const id of [mine.accountId, mine.calendarId, eventId, quarantineId, unknown]) {
        const sent: unknown = body && JSON.parse(JSON.stringify(body).replace('ID', id));
        const reply = await house.send(method, path(id), sent, { user: 'eve' });
        expect([method, path(id), reply.status, reply.body.code]).toEqual([
          method,
          path(id),
          404,
          'not_found',
        ]);
        expect(reply.body).toMatchObject({ detail: 'There is nothing here' });
      }
    }
    expect(await writesStored()).toBe(before);
  });

  test('an id that is no uuid is nobody’s: 404 in the path, 422 in the query', async () => {
    expect((await house.get('/calendars/1%00')).status).toBe(404);
    expect((await house.get("/events/'or 1=1")).status).toBe(404);
    const reply = await house.get('/events?calendar_id=1');
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ path: 'calendar_id' }] } });
  });
});

describe('problems', () => {
  test('carry the request id that was sent, or one of ours', async () => {
    const named = await house.get('/nowhere', { headers: { 'x-request-id': 'abc-1' } });
    expect(named.headers.get('x-request-id')).toBe('abc-1');
    expect(named.body).toEqual({
      type: 'about:blank',
      title: 'There is nothing here',
      status: 404,
      code: 'not_found',
      detail: 'There is no such address',
      request_id: 'abc-1',
    });
    const other = await house.get('/nowhere', { headers: { 'x-request-id': 'not usable, "quotes"' } });
    expect(other.body['request_id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['/accounts?limit=0', 'limit'],
    ['/accounts?limit=501', 'limit'],
    ['/accounts?limit=ten', 'limit'],
    ['/accounts?cursor=', 'cursor'],
    ['/accounts?cursor=WyJjYWxlbmRhcnMiLCJ4Il0', 'cursor'],
    ['/accounts?nme=x', 'nme'],
    ['/accounts?limit=1&limit=2', 'limit'],
    ['/accounts?__proto__=1', '__proto__'],
    ['/calendars?account_id=x', 'account_id'],
    ['/events?start=yesterday', 'start'],
    ['/events?start=2026-02-30T00:00:00Z', 'start'],
    ['/events?start=2026-11-23T00:00:00', 'start'],
    ['/events?start=0000-01-01T00:00:00Z', 'start'],
    ['/events?start=2026-11-24T00:00:00Z&end=2026-11-23T00:00:00Z', 'end'],
    ['/events?time_zone=Middle/Earth', 'time_zone'],
    ['/events?managed=yes', 'managed'],
    ['/events?q=%00', 'q'],
    ['/events?include_deleted=1', 'include_deleted'],
    ['/freebusy?end=2026-11-23T00:00:00Z', 'start'],
    ['/changes', 'after'],
    ['/changes?after=soon', 'after'],
    ['/changes?after=now&wait_seconds=31', 'wait_seconds'],
    ['/sync/runs?calendar_id=', 'calendar_id'],
    ['/sync/status?calendar=x', 'calendar'],
    ['/quarantine?limit=-1', 'limit'],
  ])('GET %s names %s', async (path, name) => {
    const reply = await house.get(path);
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid_input' } });
    expect(reply.body.errors.map((error) => error.path)).toContain(name);
  });

  test.each([
    ['POST', '/accounts', {}, 'provider'],
    ['POST', '/accounts', { provider: 'yahoo', refresh_token: 'x' }, 'provider'],
    ['POST', '/accounts', { provider: 'microsoft', refresh_token: 'x' }, 'provider'],
    ['POST', '/accounts', { provider: 'google' }, 'refresh_token'],
    ['POST', '/accounts', { provider: 'google', refresh_token: 'a\u0000b' }, 'refresh_token'],
    ['POST', '/accounts', { provider: 'google', refresh_token: 'x', user_id: 'eve' }, 'user_id'],
    ['POST', '/accounts', { provider: 'google', refresh_token: 'x', scopes: ['a', 7] }, 'scopes.1'],
    ['POST', '/accounts', [], ''],
    ['POST', '/accounts', '{"provider":', ''],
    ['POST', '/sync', { mode: 'half' }, 'mode'],
    ['POST', '/sync', { calendar_id: '7' }, 'calendar_id'],
    ['POST', '/sync', { background: 'no' }, 'background'],
    ['POST', '/sync?full=1', {}, 'full'],
    ['PATCH', '/calendars/CALENDAR', {}, ''],
    ['PATCH', '/calendars/CALENDAR', { write_enabled: 'yes' }, 'write_enabled'],
    ['PATCH', '/calendars/CALENDAR', { active: null }, 'active'],
    ['PATCH', '/calendars/CALENDAR', { cursor: 'x' }, 'cursor'],
    ['POST', '/calendars/CALENDAR/held-deletes', { action: 'shrug' }, 'action'],
    ['POST', '/calendars/CALENDAR/held-deletes', { action: 'apply' }, 'action'],
  ])('%s %s %j names "%s" and stores nothing', async (method, path, body, name) => {
    const before = await writesStored();
    const key = { 'idempotency-key': newId() };
    const reply = await house.send(method, path.replace('CALENDAR', mine.calendarId), body, { headers: key });
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid_input' } });
    expect(reply.body.errors.map((error) => error.path)).toContain(name);
    expect(await writesStored()).toBe(before);
  });

  test('bodies: 413 beyond 256 KiB, 415 unless JSON', async () => {
    const big = await house.send('POST', '/sync', { mode: 'x'.repeat(256 * 1024) });
    expect(big).toMatchObject({ status: 413, body: { status: 413 } });
    const form = await house.send('POST', '/sync', 'a=b', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form).toMatchObject({ status: 415, body: { status: 415 } });
  });

  test('nothing is stored in a cache and no software is named', async () => {
    const reply = await house.get('/calendars');
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('x-powered-by')).toBeNull();
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('idempotency', () => {
  const account = { provider: 'google', refresh_token: 'canary-refresh-token' };

  test('a replay returns the first answer, another body is a mismatch, another user is nobody', async () => {
    const headers = { 'idempotency-key': newId() };
    const first = await house.send('POST', '/accounts', account, { headers });
    const again = await house.send(
      'POST',
      '/accounts',
      { refresh_token: account.refresh_token, provider: 'google' },
      { headers },
    );
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const other = await house.send('POST', '/accounts', { ...account, refresh_token: 'x' }, { headers });
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_mismatch' } });
    const stranger = await house.send('POST', '/accounts', account, { headers, user: 'bob' });
    expect(stranger.status).toBe(201);
    expect(stranger.body.id).not.toBe(first.body.id);
  });

  test('twenty at once have one effect', async () => {
    const headers = { 'idempotency-key': newId() };
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => house.send('POST', '/accounts', account, { headers, user: 'twenty' })),
    );
    expect(new Set(replies.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    const rows = await house.worker(`select id from calendar_accounts where user_id = 'twenty'`);
    expect(rows).toHaveLength(1);
  });

  test('a key is forgotten after 24 hours', async () => {
    const headers = { 'idempotency-key': newId() };
    const first = await house.send('POST', '/accounts', account, { headers });
    house.clock.advance(24 * 3_600_000 + 1);
    const later = await house.send('POST', '/accounts', account, { headers });
    house.clock.advance(-24 * 3_600_000 - 1);
    expect(later.body.id).not.toBe(first.body.id);
  });

  test('a key has 1 to 255 characters', async () => {
    const reply = await house.send('POST', '/sync', {}, { headers: { 'idempotency-key': 'k'.repeat(256) } });
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ path: 'Idempotency-Key' }] } });
  });

  test('no secret is kept or logged', async () => {
    const [row] = await house.worker<{ dump: string }>(
      `select string_agg(k::text, '') || (select string_agg(a::text, '') from calendar_accounts a) as dump
       from calendar_idempotency_keys k`,
    );
    const canary = Buffer.from('canary-refresh-token').toString('hex');
    expect(row?.dump).toContain('ada');
    expect(row?.dump).not.toContain('canary');
    expect(row?.dump).not.toContain(canary);
    expect(house.logs.join('')).not.toContain('canary');
  });
});

describe('for supervisors', () => {
  test('health, readiness and metrics need no key and lie outside the prefix', async () => {
    const bare = { key: null, user: null };
    expect(await house.get('!/healthz', bare)).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await house.get('!/readyz', bare)).toMatchObject({
      status: 200,
      body: { status: 'ready', postgres: true, redis: true },
    });
    const metrics = await house.get('!/metrics', bare);
    expect(metrics.status).toBe(200);
    expect(metrics.body['text']).toContain('calfleet_');
    expect((await house.get(`!${prefix.slice(0, 5)}`, bare)).status).toBe(404);
  });
});
