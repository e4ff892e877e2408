import { newId } from '@calfleet/domain';
import { catalog, startWorkers, type Handlers, type JobName } from '@calfleet/jobs';
import { createLogger } from '@calfleet/telemetry';
import { eventually } from '@calfleet/testkit';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, type SeededCalendar } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const newUser = () => ({ userId: `user-${newId()}` });
const dirty = async ({ calendarId }: SeededCalendar) => {
  const [row] = await house.worker('select dirty_seq::int, full_requested from calendars where id = $1', [
    calendarId,
  ]);
  return row;
};

/** What the worker's last page does for a request. */
async function answerRound(at: SeededCalendar, counts: { created: number; outcome?: string }): Promise<void> {
  await house.worker(
    `with c as (update calendars set synced_seq = dirty_seq, last_mode = 'incremental' where id = $1 returning *)
     insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, created, provider_calls,
       synced_seq, started_at, finished_at)
     select $2, user_id, account_id, id, 'user', 'incremental', $3, $4, 2, synced_seq, '2026-11-20T12:00:00Z',
       '2026-11-20T12:00:01.5Z' from c`,
    [at.calendarId, newId(), counts.outcome ?? 'completed', counts.created],
  );
}

test('a request is a number in the row of every active calendar', async () => {
  const one = await seedCalendar(house, newUser());
  const two = await seedCalendar(house, one);
  const idle = await seedCalendar(house, { ...one, active: false });
  const user = one.userId;
  const reply = await house.send('POST', '/sync', undefined, { user });
  expect(reply).toMatchObject({
    status: 202,
    body: {
      status: 'queued',
      requests: [
        { calendar_id: one.calendarId, request_seq: 1 },
        { calendar_id: two.calendarId, request_seq: 1 },
      ],
    },
  });
  expect(await dirty(idle)).toEqual({ dirty_seq: 0, full_requested: false });
  const full = await house.send('POST', '/sync', { calendar_id: two.calendarId, mode: 'full' }, { user });
  expect(full.body.requests).toEqual([{ calendar_id: two.calendarId, request_seq: 2 }]);
  expect(await dirty(two)).toEqual({ dirty_seq: 2, full_requested: true });
  expect(await dirty(one)).toEqual({ dirty_seq: 1, full_requested: false });
});

test('a replay asks for nothing new', async () => {
  const at = await seedCalendar(house, newUser());
  const ask = { user: at.userId, headers: { 'idempotency-key': newId() } };
  const first = await house.send('POST', '/sync', {}, ask);
  expect((await house.send('POST', '/sync', {}, ask)).body).toEqual(first.body);
  expect(await dirty(at)).toMatchObject({ dirty_seq: 1 });
});

test('in the foreground it is answered when the round is done, with its counts, and so is a replay', async () => {
  const at = await seedCalendar(house, newUser());
  const ask = { user: at.userId, headers: { 'idempotency-key': newId() } };
  const waiting = house.send('POST', '/sync', { background: false }, ask);
  await eventually(async () => (await dirty(at))?.['dirty_seq'] === 1);
  await answerRound(at, { created: 3 });
  await answerRound(at, { created: 9 });
  const reply = await waiting;
  const counts = { mode: 'incremental', created: 3, updated: 0, deleted: 0, provider_calls: 2 };
  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({ status: 'completed', calendars: [{ calendar_id: at.calendarId, ...counts }] });
  const again = await house.send('POST', '/sync', { background: false }, ask);
  expect([again.status, again.body]).toEqual([200, reply.body]);
});

test('an account whose credentials are revoked is said, before and during the wait', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  const waiting = house.send('POST', '/sync', { background: false }, { user });
  await eventually(async () => (await dirty(at))?.['dirty_seq'] === 1);
  await house.worker(`update calendar_accounts set status = 'reauth_needed' where id = $1`, [at.accountId]);
  expect(await waiting).toMatchObject({ status: 409, body: { code: 'credentials_revoked' } });
  const next = await house.send('POST', '/sync', {}, { user });
  expect(next).toMatchObject({ status: 409, body: { code: 'credentials_revoked' } });
  expect(await dirty(at)).toMatchObject({ dirty_seq: 1 });
  const healthy = await seedCalendar(house, { userId: user });
  const rest = await house.send('POST', '/sync', {}, { user });
  expect(rest.body.requests).toEqual([{ calendar_id: healthy.calendarId, request_seq: 1 }]);
});

test('what cannot be pulled is refused: inactive, gone, disconnected', async () => {
  const idle = await seedCalendar(house, { ...newUser(), active: false });
  const ask = (at: SeededCalendar) =>
    house.send('POST', '/sync', { calendar_id: at.calendarId }, { user: at.userId });
  expect(await ask(idle)).toMatchObject({ status: 422, body: { errors: [{ path: 'calendar_id' }] } });
  const gone = await seedCalendar(house, newUser());
  await house.worker(`update calendars set state = 'gone' where id = $1`, [gone.calendarId]);
  expect(await ask(gone)).toMatchObject({ status: 410, body: { code: 'gone' } });
  const left = await seedCalendar(house, newUser());
  await house.send('DELETE', `/accounts/${left.accountId}?purge=false`, undefined, { user: left.userId });
  expect(await ask(left)).toMatchObject({ status: 410, body: { code: 'gone' } });
});

test('status shows the round, the channel and how fresh the mirror is', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  await house.worker(
    `update calendars set round_id = $2, round_mode = 'full', round_generation = 1, round_dirty_seq = 0,
       round_trigger = 'user', round_write_seq = 0, round_window_start = now(), round_window_end = now(),
       round_page_at = now(), round_started_at = now(), round_pages = 3, round_seen = 700, failures = 2,
       last_error = 'timeout' where id = $1`,
    [at.calendarId, newId()],
  );
  for (const [state, created] of [
    ['retired', '2026-11-20T10:00:00Z'],
    ['active', '2026-11-20T09:00:00Z'],
  ]) {
    await house.worker(
      `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id, signing_key_id,
         expires_at, created_at, updated_at)
       values ($1, $2, $3, $4, 'google', $5, 'r', 'k1', '2026-11-27T09:00:00Z', $6, $6)`,
      [newId(), user, at.accountId, at.calendarId, state, created],
    );
  }
  const second = await seedCalendar(house, { ...at, synced: false });
  const { status, body } = await house.get('/sync/status', { user });
  expect(status).toBe(200);
  expect(body.items).toEqual([
    {
      calendar_id: at.calendarId,
      state: 'active',
      coverage: 'push',
      dirty_seq: 0,
      synced_seq: 0,
      last_success_at: '2026-11-20T11:00:00.000Z',
      last_mode: null,
      freshness_seconds: 3600,
      next_pull_at: null,
      failures: 2,
      last_error: 'timeout',
      progress: { pages: 3, events: 700 },
      channel: { state: 'active', expires_at: '2026-11-27T09:00:00.000Z', last_notification_at: null },
    },
    expect.objectContaining({ calendar_id: second.calendarId, state: 'new', last_success_at: null }),
  ]);
});

test('runs are listed newest first, page by page', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  for (let created = 0; created < 3; created += 1) await answerRound(at, { created });
  const first = await house.get('/sync/runs?limit=2', { user });
  expect(first.body.items[0]).toEqual({
    id: first.body.items[0]?.id,
    calendar_id: at.calendarId,
    trigger: 'user',
    mode: 'incremental',
    outcome: 'completed',
    created: 2,
    updated: 0,
    deleted: 0,
    pages: 0,
    provider_calls: 2,
    started_at: '2026-11-20T12:00:00.000Z',
    duration_ms: 1500,
    error: null,
  });
  const rest = await house.get(
    `/sync/runs?limit=2&calendar_id=${at.calendarId}&cursor=${first.body.next_cursor}`,
    {
      user,
    },
  );
  expect([...first.body.items, ...rest.body.items].map((run) => run['created'])).toEqual([2, 1, 0]);
  expect(rest.body.next_cursor).toBeNull();
});

test('the doorbell rings after the commit, with ids only', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  const rung: [JobName, unknown][] = [];
  const names = Object.keys(catalog) as JobName[];
  const take = (name: JobName) => async (payload: unknown) => void rung.push([name, payload]);
  const workers = startWorkers({
    redisUrl: house.redisUrl,
    prefix: house.redisPrefix,
    handlers: Object.fromEntries(names.map((name) => [name, take(name)])) as unknown as Handlers,
    outcomeOf: () => ({ action: 'park' }),
    logger: createLogger({ service: 'test', level: 'error' }),
  });
  try {
    const asked = { user, headers: { 'x-request-id': 'asked-for-a-pull' } };
    await house.send('POST', '/sync', { calendar_id: at.calendarId }, asked);
    const { body } = await house.send(
      'POST',
      '/accounts',
      { provider: 'google', refresh_token: 't' },
      { user, headers: { 'x-request-id': 'connected' } },
    );
    await eventually(() => {
      expect(rung).toContainEqual([
        'pull-calendar',
        {
          calendarId: at.calendarId,
          reason: 'user',
          requestedAt: '2026-11-20T12:00:00.000Z',
          requestId: 'asked-for-a-pull',
        },
      ]);
      expect(rung).toContainEqual([
        'discover-account',
        { accountId: body.id, daily: false, requestId: 'connected' },
      ]);
    });
  } finally {
    await workers.close({ timeoutMs: 1000 });
  }
});

test('without Redis the request is stored all the same, and readiness says so', async () => {
  // Port 9 (discard) is closed: nobody answers.
  const lonely = await openHouse({ redisUrl: 'redis://127.0.0.1:9' });
  try {
    const at = await seedCalendar(lonely, newUser());
    const reply = await lonely.send('POST', '/sync', {}, { user: at.userId });
    expect(reply).toMatchObject({ status: 202, body: { requests: [{ request_seq: 1 }] } });
    expect(await lonely.get('!/readyz')).toMatchObject({
      status: 503,
      body: { postgres: true, redis: false },
    });
    expect((await lonely.get('!/healthz')).status).toBe(200);
  } finally {
    await lonely.close();
  }
});
