import { storeCalendars } from '@calfleet/db';
import { newId, type AccountId, type CalendarId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, type SeededCalendar } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const office = {
  time_zone: 'Europe/Berlin',
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '09:00',
  end: '17:00',
};
const wish = {
  auto_sync_enabled: true,
  sync_frequency_minutes: 60,
  conflict_strategy: 'manual',
  write_permissions: 'managed',
};
const newUser = () => `user-${newId()}`;
const post = (user: string, body: unknown, headers: Record<string, string> = {}) =>
  house.send('POST', '/sync/schedule', body, { user, headers });

/** `seedCalendar`'s pull was at 11:00, and now it is 12:00; 20 November 2026 is a Friday. */
async function dueRow({ calendarId }: SeededCalendar) {
  const [row] = await house.worker<{ auto_sync: boolean; next_pull_at: Date | null }>(
    'select auto_sync, next_pull_at from calendars where id = $1',
    [calendarId],
  );
  return { autoSync: row?.auto_sync, at: row?.next_pull_at?.toISOString().slice(0, 16) };
}

async function seedDue(
  user: string,
  options: { coverage?: string; due?: string; code?: string | null; quiet?: number; state?: string } = {},
): Promise<SeededCalendar> {
  const {
    coverage = 'poll',
    due = '2026-11-20T20:00:00Z',
    code = null,
    quiet = 0,
    state = 'active',
  } = options;
  const at = await seedCalendar(house, { userId: user, coverage });
  await house.worker(
    'update calendars set next_pull_at = $2, last_error_code = $3, quiet_polls = $4, state = $5 where id = $1',
    [at.calendarId, due, code, quiet, state],
  );
  return at;
}

test('before the first wish it answers what happens without one', async () => {
  const user = newUser();
  const reply = await house.get('/sync/schedule', { user });
  expect([reply.status, reply.body]).toEqual([
    200,
    {
      auto_sync_enabled: false,
      sync_frequency_minutes: 20,
      conflict_strategy: 'newest_wins',
      write_permissions: 'none',
    },
  ]);
});

test('what is posted is stored whole, answered, and another user’s no more than before', async () => {
  const [user, other] = [newUser(), newUser()];
  const posted = await post(user, { ...wish, working_hours: office });
  expect([posted.status, posted.body]).toEqual([200, { ...wish, working_hours: office }]);
  expect((await house.get('/sync/schedule', { user })).body).toEqual(posted.body);
  expect((await house.get('/sync/schedule', { user: other })).body).toMatchObject({
    auto_sync_enabled: false,
  });
  // Left-out hours are none.
  expect((await post(user, wish)).body).toEqual(wish);
  expect((await house.get('/sync/schedule', { user })).body).toEqual(wish);
});

test('a key answers a replay without storing again, and refuses another body', async () => {
  const user = newUser();
  const key = { 'idempotency-key': newId() };
  await post(user, wish, key);
  await post(user, { ...wish, sync_frequency_minutes: 5 });
  expect((await post(user, wish, key)).body).toEqual(wish);
  expect((await house.get('/sync/schedule', { user })).body).toMatchObject({ sync_frequency_minutes: 5 });
  const mismatch = await post(user, { ...wish, sync_frequency_minutes: 6 }, key);
  expect([mismatch.status, mismatch.body.code]).toEqual([409, 'idempotency_mismatch']);
});

test.each([
  ['auto_sync_enabled', { ...wish, auto_sync_enabled: 'yes' }],
  ['sync_frequency_minutes', { ...wish, sync_frequency_minutes: 4 }],
  ['sync_frequency_minutes', { ...wish, sync_frequency_minutes: 1441 }],
  ['sync_frequency_minutes', { ...wish, sync_frequency_minutes: 7.5 }],
  ['sync_frequency_minutes', { ...wish, sync_frequency_minutes: '60' }],
  ['conflict_strategy', { ...wish, conflict_strategy: 'oldest_wins' }],
  ['write_permissions', { ...wish, write_permissions: null }],
  ['frequency', { ...wish, frequency: 5 }],
  ['working_hours', { ...wish, working_hours: null }],
  ['working_hours', { ...wish, working_hours: [] }],
  ['working_hours.lunch', { ...wish, working_hours: { ...office, lunch: '12:00' } }],
  ['working_hours.time_zone', { ...wish, working_hours: { ...office, time_zone: 'Europe/Atlantis' } }],
  ['working_hours.time_zone', { ...wish, working_hours: { ...office, time_zone: '+02:00' } }],
  [
    'working_hours.time_zone',
    { ...wish, working_hours: { ...office, time_zone: 'W. Europe Standard Time' } },
  ],
  ['working_hours.days', { ...wish, working_hours: { ...office, days: [] } }],
  ['working_hours.days', { ...wish, working_hours: { ...office, days: ['mon', 'tue', 'mon'] } }],
  ['working_hours.days.1', { ...wish, working_hours: { ...office, days: ['mon', 'Tuesday'] } }],
  ['working_hours.start', { ...wish, working_hours: { ...office, start: '9:00' } }],
  ['working_hours.start', { ...wish, working_hours: { ...office, start: '24:00' } }],
  ['working_hours.end', { ...wish, working_hours: { ...office, end: '24:01' } }],
  ['working_hours.end', { ...wish, working_hours: { ...office, end: '09:00' } }],
  ['working_hours.end', { ...wish, working_hours: { ...office, end: undefined } }],
])('a wrong %s is named, and nothing is stored: %j', async (path, body) => {
  const user = newUser();
  const reply = await post(user, body);
  expect([reply.status, reply.body.code]).toEqual([422, 'invalid_input']);
  expect(reply.body.errors.map((error) => error.path)).toEqual([path]);
  expect((await house.get('/sync/schedule', { user })).body).toMatchObject({ sync_frequency_minutes: 20 });
});

test('every wrong field is named at once, but no more than can be read', async () => {
  const { status, body } = await post(newUser(), {
    working_hours: { ...office, days: Array(500).fill('x') },
  });
  expect(status).toBe(422);
  expect(body.errors.map(({ path }) => path).slice(0, 5)).toEqual([
    'auto_sync_enabled',
    'sync_frequency_minutes',
    'conflict_strategy',
    'write_permissions',
    'working_hours.days.0',
  ]);
  expect(body.errors).toHaveLength(20);
});

test.each([
  ['a shorter beat comes nearer', { sync_frequency_minutes: 120 }, {}, '2026-11-20T12:48'],
  ['a longer one goes away', { sync_frequency_minutes: 1440 }, {}, '2026-11-21T08:36'],
  [
    'one whose time is over is due now, not in the past',
    { sync_frequency_minutes: 5 },
    {},
    '2026-11-20T12:00',
  ],
  ['quiet and push-covered: it stretches', {}, { coverage: 'push', quiet: 3 }, '2026-11-20T17:00'],
  [
    'without auto-sync the fleet’s beat',
    { auto_sync_enabled: false },
    { due: '2026-11-22' },
    '2026-11-20T12:00',
  ],
  [
    'outside working hours the night beat',
    { working_hours: { ...office, days: ['sun'] } },
    {},
    '2026-11-20T15:00',
  ],
  ['a back-off stays', { sync_frequency_minutes: 5 }, { code: 'provider_unavailable' }, '2026-11-20T20:00'],
  ['a provider’s park stays', { sync_frequency_minutes: 5 }, { code: 'rate_limited' }, '2026-11-20T20:00'],
  ['a paused calendar stays', { sync_frequency_minutes: 5 }, { state: 'paused' }, '2026-11-20T20:00'],
])('%s', async (_name, wanted, row, expected) => {
  const user = newUser();
  const at = await seedDue(user, row);
  const { status } = await post(user, { ...wish, ...wanted });
  expect(status).toBe(200);
  const autoSync = !('auto_sync_enabled' in wanted);
  expect(await dueRow(at)).toEqual({ autoSync, at: expected });
});

test('it moves all calendars of the user and nobody else’s; one never pulled stays due', async () => {
  const [user, other] = [newUser(), newUser()];
  const mine = [await seedDue(user), await seedDue(user)];
  const theirs = await seedDue(other);
  const born = await seedCalendar(house, { userId: user, synced: false });
  await house.worker('update calendars set next_pull_at = $2 where id = $1', [
    born.calendarId,
    '2026-11-20T11:59:00Z',
  ]);
  await post(user, { ...wish, sync_frequency_minutes: 120 });
  for (const each of mine) expect(await dueRow(each)).toEqual({ autoSync: true, at: '2026-11-20T12:48' });
  expect(await dueRow(theirs)).toEqual({ autoSync: false, at: '2026-11-20T20:00' });
  expect(await dueRow(born)).toEqual({ autoSync: true, at: '2026-11-20T11:59' });
});

test('a page that is being applied is waited for, so that its next pull is not of yesterday’s wishes', async () => {
  const user = newUser();
  const at = await seedDue(user);
  const page = await house.workerClient();
  await page.query('begin');
  await page.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [at.calendarId]);
  let answered = false;
  const posting = post(user, { ...wish, sync_frequency_minutes: 120 }).finally(() => (answered = true));
  await page.query(
    `update calendars set last_synced_at = '2026-11-20T11:30:00Z', next_pull_at = '2026-11-20T11:48:00Z' where id = $1`,
    [at.calendarId],
  );
  await eventually(async () =>
    (await house.activity('api-test')).some(({ query }) => query.includes('pg_advisory_xact_lock')),
  );
  expect(answered).toBe(false);
  await page.query('commit');
  await page.end();
  await posting;
  expect(await dueRow(at)).toMatchObject({ at: '2026-11-20T13:18' });
});

test('a calendar that is discovered later, or again, has its user’s beat', async () => {
  const user = newUser();
  const { accountId } = await seedCalendar(house, { userId: user });
  const account = { id: accountId as AccountId, userId: user, provider: 'google' as const };
  const listed = {
    name: 'Team',
    timeZone: null,
    accessRole: 'owner' as const,
    primary: false,
    removed: false,
  };
  const discover = async (ids: string[]) => {
    const calendars = ids.map((id) => ({ ...listed, id: newId<CalendarId>(), providerCalendarId: id }));
    await house.db.transaction({ role: 'worker' }, (tx) =>
      storeCalendars(tx, account, calendars, house.clock.now()),
    );
    const rows = await house.worker<{ auto_sync: boolean }>(
      'select auto_sync from calendars where account_id = $1 and provider_calendar_id = any($2)',
      [accountId, ids],
    );
    return rows.map((row) => row.auto_sync);
  };
  expect(await discover(['early'])).toEqual([false]);
  await post(user, wish);
  await house.worker(`update calendars set auto_sync = false where provider_calendar_id = 'early'`);
  expect(await discover(['early', 'late'])).toEqual([true, true]);
});

test('status says what the last audit found, once there was one', async () => {
  const user = newUser();
  const { calendarId } = await seedCalendar(house, { userId: user });
  const status = async () => (await house.get('/sync/status', { user })).body.items[0];
  expect(await status()).not.toHaveProperty('drift');
  await house.worker('update calendars set audited_at = $2 where id = $1', [
    calendarId,
    '2026-11-20T03:30:00Z',
  ]);
  expect(await status()).not.toHaveProperty('drift');
  await house.worker('update calendars set audit_differences = 3 where id = $1', [calendarId]);
  expect(await status()).toHaveProperty('drift', { checked_at: '2026-11-20T03:30:00.000Z', differences: 3 });
});
