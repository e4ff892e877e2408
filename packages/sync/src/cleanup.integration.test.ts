/** What is past its time goes, nothing else does, and nobody waits for it. */
import { Client } from 'pg';
import { ensureChangePartitions, type Database } from '@calfleet/db';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { expectedOccurrences } from '../testing/oracle.ts';
import { readMirror } from '../testing/mirror.ts';
import { meeting, pullNow } from '../testing/scene.ts';
import { World, openTestDatabase } from '../testing/world.ts';
import { cleanUp } from './cleanup.ts';

let database: TestDatabase;
let db: Database;
let admin: Client;
let world: World;
const dayMs = 86_400_000;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openTestDatabase(database.url);
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
});
beforeEach(async () => {
  world = await World.create(db);
});
afterEach(() => world.end());
afterAll(async () => {
  await admin.end();
  await db.close();
  await database.drop();
});

const daysAgo = (days: number): Date => new Date(world.clock.now().getTime() - days * dayMs);

/** As superuser. `$c`, `$a` and `$u` are the world's calendar, account and user. @returns the first column */
async function ask(text: string, values: unknown[] = []): Promise<string[]> {
  const filled = text
    .replaceAll('$c', `'${world.calendarId}'`)
    .replaceAll('$a', `'${world.accountId}'`)
    .replaceAll('$u', `'${world.userId}'`);
  const { rows } = await admin.query<Record<string, unknown>>(filled, values);
  return rows.map((row) => String(Object.values(row)[0]));
}

interface PlantedEvent {
  kind?: 'single' | 'series' | 'exception';
  of?: string;
  slotCancelled?: boolean;
  deletedDaysAgo: number | null;
}

const plantEvent = (
  id: string,
  { kind = 'single', of, slotCancelled = false, deletedDaysAgo }: PlantedEvent,
) =>
  ask(
    `insert into calendar_events (id, user_id, calendar_id, provider_event_id, provider_series_id, kind, slot, status,
       all_day, starts_at, ends_at, visibility, transparency, event_type, fingerprint, created_at, updated_at,
       generation, last_confirmed_at, deleted_at, slot_cancelled)
     values (gen_random_uuid(), $u, $c, $1, $2, $3, $4, 'confirmed', false, $5, $5, 'default', 'opaque', 'default',
       '\\x', $5, $5, 1, $5, $6, $7)`,
    [
      id,
      of ?? null,
      kind,
      kind === 'exception' ? '20260101T100000Z' : null,
      daysAgo(400),
      deletedDaysAgo === null ? null : daysAgo(deletedDaysAgo),
      slotCancelled,
    ],
  );

const eventsLeft = (): Promise<string[]> =>
  ask('select provider_event_id from calendar_events where calendar_id = $c order by 1');

test('deleted events go after 30 days; a cancelled slot stays as long as its series lives', async () => {
  await plantEvent('alive', { deletedDaysAgo: null });
  await plantEvent('gone 29', { deletedDaysAgo: 29 });
  await plantEvent('gone 31', { deletedDaysAgo: 31 });
  await plantEvent('series', { kind: 'series', deletedDaysAgo: null });
  await plantEvent('series slot', {
    kind: 'exception',
    of: 'series',
    slotCancelled: true,
    deletedDaysAgo: 399,
  });
  await plantEvent('series free', { kind: 'exception', of: 'series', deletedDaysAgo: 399 });
  await plantEvent('dead', { kind: 'series', deletedDaysAgo: 31 });
  await plantEvent('dead slot', { kind: 'exception', of: 'dead', slotCancelled: true, deletedDaysAgo: 399 });
  await plantEvent('dying', { kind: 'series', deletedDaysAgo: 29 });
  await plantEvent('dying slot', {
    kind: 'exception',
    of: 'dying',
    slotCancelled: true,
    deletedDaysAgo: 399,
  });
  // Its series may still come, and no list names it again.
  await plantEvent('unseen slot', {
    kind: 'exception',
    of: 'unseen',
    slotCancelled: true,
    deletedDaysAgo: 399,
  });
  // Batches smaller than the slots that stay, which are the oldest: they do not stand in the way of what goes.
  const limits = { rows: 2, batches: 10, ms: 60_000, holdMs: 250 };
  expect(await cleanUp(world.deps, { limits })).toMatchObject({ events: 4, failed: 0, left: 0 });
  expect(await eventsLeft()).toEqual(
    ['alive', 'dying', 'dying slot', 'gone 29', 'series', 'series slot', 'unseen slot'].sort(),
  );
});

test('a deleted event stays while a round that began before it still lists pages, and goes when that is long dead', async () => {
  await plantEvent('gone', { deletedDaysAgo: 31 });
  const round = (pageDaysAgo: number) =>
    ask(
      `update calendars set round_id = gen_random_uuid(), round_mode = 'full', round_generation = 1,
         round_dirty_seq = 1, round_write_seq = 0, round_trigger = 'schedule', round_window_start = $1,
         round_window_end = $2, round_started_at = $1, round_page_at = $2 where id = $c`,
      [daysAgo(32), daysAgo(pageDaysAgo)],
    );
  await round(0);
  await cleanUp(world.deps);
  expect(await eventsLeft()).toEqual(['gone']);
  await round(31.5);
  await cleanUp(world.deps);
  expect(await eventsLeft()).toEqual([]);
});

test('an occurrence that was cancelled does not come back with the years', async () => {
  const { cloud, providerCalendarId: calendar } = world;
  cloud.put(calendar, {
    ...meeting('daily', 0),
    fields: { ...meeting('daily', 0).fields, recurrence: ['RRULE:FREQ=DAILY;INTERVAL=1'] },
  });
  const originalStart = { kind: 'zoned' as const, instant: '2027-01-10T10:00:00Z', zone: 'UTC' };
  cloud.cancelOccurrence(calendar, { id: 'off', seriesId: 'daily', originalStart });
  await pullNow(world);
  for (let weeks = 0; weeks < 7; weeks += 1) {
    world.clock.advance(7 * dayMs);
    await cleanUp(world.deps);
  }
  const mirror = await readMirror(db, world.calendarId);
  const truth = cloud.truth(calendar);
  expect(mirror.occurrences).toEqual(
    expectedOccurrences(truth, { from: mirror.windowStart, to: mirror.windowEnd }),
  );
  expect(mirror.occurrences.join()).not.toContain('20270110T100000Z');
});

const plantRuns = (daysPast: number, count = 1) =>
  ask(
    `insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, synced_seq,
       started_at, finished_at, error)
     select gen_random_uuid(), $u, $a, $c, 'notify', 'full', 'completed', 0, $1, $1, n::text
     from generate_series(1, $2::int) n returning id`,
    [daysAgo(daysPast), count],
  );

test('runs, audits and answers to writes go by their age', async () => {
  const runs = [await plantRuns(29.9), await plantRuns(30.1)];
  for (const days of [89.9, 90.1]) {
    await ask(
      `insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, requested_at,
         finished_at) values (gen_random_uuid(), $u, $a, $c, 'completed', 0, 0, $1, $1)`,
      [daysAgo(days)],
    );
  }
  for (const hours of [23, 24.5, 25.5]) {
    await ask(
      `insert into calendar_idempotency_keys (user_id, key, request_hash, created_at) values ($u, $1, '\\x', $2)`,
      [`key ${hours}`, daysAgo(hours / 24)],
    );
  }
  expect(await cleanUp(world.deps)).toMatchObject({
    runs: 1,
    audits: 1,
    idempotency_keys: 1,
    failed: 0,
    left: 0,
  });
  expect(await ask('select id from calendar_sync_runs where calendar_id = $c')).toEqual(runs[0]);
  expect(
    await ask('select finished_at > $1 from calendar_audits where calendar_id = $c', [daysAgo(90)]),
  ).toEqual(['true']);
  expect(await ask('select key from calendar_idempotency_keys where user_id = $u order by 1')).toEqual([
    'key 23',
    'key 24.5',
  ]);
});

test('channels that ended go after 8 days, and none that may still speak', async () => {
  const plant = (state: string, days: number, expiresDaysAgo: number | null) =>
    ask(
      `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
         signing_key_id, expires_at, created_at, updated_at, last_error)
       values (gen_random_uuid(), $u, $a, $c, 'memory', $1, 'r', 'k', $2, $3, $3, $4)`,
      [state, expiresDaysAgo === null ? null : daysAgo(expiresDaysAgo), daysAgo(days), `${state} ${days}`],
    );
  for (const state of ['stopped', 'expired', 'abandoned', 'failed']) {
    await plant(state, 7.9, null);
    await plant(state, 8.1, 1);
  }
  await plant('abandoned', 9, -1);
  await plant('creating', 99, null);
  await plant('active', 99, -1);
  await plant('retired', 99, -1);
  expect(await cleanUp(world.deps)).toMatchObject({ channels: 4, failed: 0 });
  expect(
    await ask('select last_error from calendar_sync_channels where calendar_id = $c order by 1'),
  ).toEqual([
    'abandoned 7.9',
    'abandoned 9',
    'active 99',
    'creating 99',
    'expired 7.9',
    'failed 7.9',
    'retired 99',
    'stopped 7.9',
  ]);
});

test('an unreadable item goes when a full reading did not show it; an endless rule stays with its series', async () => {
  const plant = (id: string, code: string, days: number) =>
    ask(
      `insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, first_seen_at,
         last_seen_at) values (gen_random_uuid(), $u, $c, $1, $2, 'test', convert_to($1, 'UTF8'), $3, $3)`,
      [id, code, daysAgo(days)],
    );
  await plantEvent('endless', { kind: 'series', deletedDaysAgo: null });
  await plant('endless', 'recurrence_truncated', 100);
  await plant('ended', 'recurrence_truncated', 100);
  await plant('old', 'unreadable', 91);
  await plant('older than the reading', 'unstorable', 100);
  await plant('young', 'unreadable', 89);
  const left = () =>
    ask('select provider_event_id from calendar_quarantine where calendar_id = $c order by 1');
  await cleanUp(world.deps);
  expect(await left()).toHaveLength(5);
  await ask('update calendars set last_full_at = $1 where id = $c', [daysAgo(95)]);
  expect(await cleanUp(world.deps)).toMatchObject({ quarantine: 2 });
  expect(await left()).toEqual(['endless', 'old', 'young']);
});

test('a full round says when the calendar was read whole; a round of changes does not', async () => {
  await pullNow(world);
  const full = world.clock.now();
  world.clock.advance(dayMs);
  await ask('update calendars set dirty_seq = dirty_seq + 1 where id = $c');
  await pullNow(world);
  expect(
    await ask('select last_full_at = $1 and last_mode = $2 from calendars where id = $c', [
      full,
      'incremental',
    ]),
  ).toEqual(['true']);
});

test('weeks of the feed are dropped whole, and what found no week of its own is deleted', async () => {
  const say = (at: Date) =>
    ask(
      `insert into calendar_changes (at, user_id, kind, calendar_id, origin) values ($1, $u, 'calendar_changed', $c, 'system')`,
      [at],
    );
  // Before any partition, as after months in which no worker made one.
  await say(daysAgo(900));
  await say(daysAgo(100));
  await db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, daysAgo(60), 8));
  for (const days of [59, 45, 32, 29, 0]) await say(daysAgo(days));
  expect(await cleanUp(world.deps)).toMatchObject({ feed_rows: 2, failed: 0, left: 0 });
  const ages = await ask(
    'select round(extract(epoch from $1::timestamptz - at) / 86400) from calendar_changes where calendar_id = $c order by at',
    [world.clock.now()],
  );
  // The week that holds the 31st day stays until its last day is past.
  expect(ages.filter((age) => Number(age) <= 31)).toEqual(['29', '0']);
  expect(ages.filter((age) => Number(age) > 38)).toEqual([]);
});

test('batches: a backlog larger than the night is worked off by the following ones, which say what is left', async () => {
  await plantRuns(40, 2_500);
  const limits = { rows: 1_000, batches: 2, ms: 60_000, holdMs: 0 };
  expect(await cleanUp(world.deps, { limits })).toMatchObject({ runs: 2_000, left: 1 });
  expect(await cleanUp(world.deps, { limits })).toMatchObject({ runs: 500, left: 0 });
});

/** A second session that holds something until it is told to let go. */
async function holding(text: string): Promise<() => Promise<void>> {
  const other = new Client({ connectionString: database.adminUrl });
  await other.connect();
  await other.query('begin');
  await other.query(text);
  return async () => {
    await other.query('rollback');
    await other.end();
  };
}

test('rows that somebody holds are gone round, and go the next night', async () => {
  const [id] = await plantRuns(40, 3);
  await plantEvent('gone', { deletedDaysAgo: 40 });
  const lets = [
    await holding(`select from calendar_sync_runs where id = '${id}' for update`),
    // A page that is being applied may bring it back to life.
    await holding(`select pg_advisory_xact_lock(hashtextextended('${world.calendarId}', 0))`),
  ];
  const warnings: string[] = [];
  const logger = Object.assign(Object.create(world.deps.logger), {
    warn: (message: string) => warnings.push(message),
  }) as typeof world.deps.logger;
  expect(await cleanUp({ ...world.deps, logger })).toMatchObject({ runs: 2, events: 0, failed: 0 });
  // Nobody was waited for, so that nobody had to be named.
  expect(warnings).toEqual([]);
  for (const letGo of lets) await letGo();
  expect(await cleanUp(world.deps)).toMatchObject({ runs: 1, events: 1 });
});

test('while a batch is open, readers and writers of the same tables go on', async () => {
  await plantRuns(40);
  await plantRuns(1);
  await plantEvent('gone', { deletedDaysAgo: 40 });
  await plantEvent('alive', { deletedDaysAgo: null });
  let open = 0;
  world.hook = async (point) => {
    if (point !== 'inside') return;
    open += 1;
    // Would fail at once if a lock of ours stood in their way.
    await admin.query(`set lock_timeout = '50ms'`);
    await ask(`update calendar_sync_runs set error = 'seen' where calendar_id = $c and finished_at > $1`, [
      daysAgo(10),
    ]);
    await plantRuns(1);
    await ask(`update calendar_events set summary = 'seen' where calendar_id = $c and deleted_at is null`);
    await ask('select count(*) from calendar_events');
    await ask('update calendars set dirty_seq = dirty_seq + 1 where id = $c');
    await ask(
      `insert into calendar_changes (at, user_id, kind, calendar_id, origin) values ($1, $u, 'calendar_changed', $c, 'system')`,
      [world.clock.now()],
    );
  };
  // There is no week to drop: that alone holds the feed, for 0.3 s at most.
  expect(await cleanUp(world.deps)).toMatchObject({ runs: 1, events: 1, failed: 0 });
  world.hook = null;
  await admin.query('reset lock_timeout');
  expect(open).toBeGreaterThan(6);
});

test('while somebody reads the feed all the time, its weeks stay, everything else goes, and the feed is left alone between attempts', async () => {
  await db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, daysAgo(60), 1));
  await plantRuns(40);
  const letGo = await holding('select count(*) from calendar_changes');
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
    // While we pause nobody waits for us: a writer would fail at once.
    await admin.query(`set lock_timeout = '50ms'`);
    await ask(
      `insert into calendar_changes (at, user_id, kind, calendar_id, origin) values ($1, $u, 'calendar_changed', $c, 'system')`,
      [world.clock.now()],
    );
    await admin.query('reset lock_timeout');
  };
  expect(await cleanUp(world.deps, { pause })).toMatchObject({ runs: 1, left: 1, failed: 0 });
  expect(pauses).toHaveLength(9);
  for (const ms of pauses) expect(ms >= 1_000 && ms <= 5_000).toBe(true);
  expect(new Set(pauses).size).toBeGreaterThan(1);
  await letGo();
  expect(await cleanUp(world.deps)).toMatchObject({ feed_weeks: 2, left: 0 });
});

test('a row that cannot be deleted is named and gone round; so is a table', async () => {
  const errors: unknown[] = [];
  const logger = Object.assign(Object.create(world.deps.logger), {
    error: (message: string, facts: unknown) => errors.push({ message, facts }),
  }) as typeof world.deps.logger;
  const ids = await plantRuns(40, 40);
  const poison = ids[17] ?? '';
  await admin.query('create table holds_a_run (run uuid references calendar_sync_runs (id))');
  await admin.query('insert into holds_a_run values ($1)', [poison]);
  await admin.query('alter table calendar_audits rename to calendar_audits_elsewhere');
  const counts = await cleanUp({ ...world.deps, logger });
  await admin.query('alter table calendar_audits_elsewhere rename to calendar_audits');
  await admin.query('drop table holds_a_run');
  expect(counts).toMatchObject({ runs: 39, failed: 1, left: 0 });
  expect(errors).toEqual([
    {
      message: 'A row past its time cannot be deleted',
      facts: expect.objectContaining({ table: 'runs', row: poison }) as unknown,
    },
    { message: 'Cleanup failed', facts: expect.objectContaining({ table: 'audits' }) as unknown },
  ]);
  expect(await cleanUp(world.deps)).toMatchObject({ runs: 1 });
});

test('a process that stops takes nothing more in hand', async () => {
  await plantRuns(40, 10);
  const counts = await cleanUp(world.deps, { signal: AbortSignal.abort() });
  expect(counts).toMatchObject({ runs: 0, events: 0 });
  expect(counts['left']).toBeGreaterThan(0);
});
