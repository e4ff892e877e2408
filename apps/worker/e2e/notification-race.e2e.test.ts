/** `RACE_RUNS` chooses how many, `RACE_SEED` replays: run by run the same choices, though never the same machine. */
import { systemClock } from '@calfleet/domain';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import fc from 'fast-check';
import { openRaceHouse, putEvent, type RaceCalendar, type RaceHouse } from './race-house.ts';

const runs = Number(process.env['RACE_RUNS'] ?? 100);
const seed = Number(process.env['RACE_SEED'] ?? Date.now() % 2 ** 31);
/** Races at the same time: each has its own calendar, and all share workers, Redis and Postgres. */
const atOnce = 10;
const events = 8;

const race = fc.record({
  /** The round has three pages of three. */
  page: fc.nat(2),
  when: fc.constantFrom('before' as const, 'after' as const),
  reason: fc.constantFrom('user' as const, 'notify' as const, 'schedule' as const, 'backfill' as const),
  notifications: fc.integer({ min: 1, max: 3 }),
  /** The round goes on only after every notification was marked, or at once, whatever comes first. */
  waits: fc.boolean(),
  delayMs: fc.constantFrom(0, 1, 5, 20, 60, 150),
  /** Turns of the event loop between the notifications and the round's going on. */
  turns: fc.nat(40),
  /** The event that changes: of the first page, the last one, or a new one. */
  changed: fc.constantFrom('event-0', `event-${events - 1}`, 'event-new'),
});
type Race = typeof race extends fc.Arbitrary<infer T> ? T : never;

let database: TestDatabase;
let redis: TestRedis;
let house: RaceHouse;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openRaceHouse(database, redis);
});

afterAll(async () => {
  await house.close();
  await redis.clear();
  await database.drop();
});

test(
  'A notification during an active pull leads to exactly one more pull: randomised interleavings on real Redis and ' +
    `Postgres (${runs} runs, seed ${seed})`,
  async () => {
    const races = fc.sample(race, { numRuns: runs, seed });
    let played = 0;
    for (let start = 0; start < races.length; start += atOnce) {
      const batch = races.slice(start, start + atOnce);
      const calendars = await Promise.all(batch.map(play));
      await house.quiet();
      for (const [n, calendar] of calendars.entries()) await judge(batch[n] as Race, calendar, start + n);
      played += batch.length;
    }
    expect(played).toBe(runs);
  },
  Math.max(600_000, runs * 6_000),
);

interface Played extends RaceCalendar {
  summary: string;
}

async function play({
  page,
  when,
  reason,
  notifications,
  waits,
  delayMs,
  turns,
  changed,
}: Race): Promise<Played> {
  const calendar = await house.newCalendar(events);
  const hold = house.hold(calendar, { page, when });
  const requestedAt = systemClock.now().toISOString();
  await house.producer.enqueue('pull-calendar', { calendarId: calendar.id, reason, requestedAt });
  await hold.held;

  const summary = `changed behind page ${page}`;
  putEvent(house.cloud, calendar.providerCalendarId, changed, summary);
  const notify = () =>
    house.producer.enqueue(
      'receive-notification',
      {
        watchId: calendar.watchId,
        event: 'change',
        resourceId: 'resource',
        expiresAt: null,
        receivedAt: requestedAt,
      },
      { delayMs },
    );
  if (waits) {
    for (let n = 1; n <= notifications; n += 1) {
      await notify();
      // One after the other, so that none of them is folded into the next.
      await eventually(async () => (await readSeqs(calendar)).dirty === 1 + n, { everyMs: 5 });
    }
  } else {
    await Promise.all(Array.from({ length: notifications }, notify));
  }
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  hold.open();
  return { ...calendar, summary };
}

async function judge(played: Race, calendar: Played, n: number): Promise<void> {
  const { dirty, synced } = await readSeqs(calendar);
  const rounds = await countRounds(calendar);
  const marks = dirty - 1;
  const seen = await readSummary(calendar, played.changed);
  const what = { n, seed, ...played };
  expect({ ...what, isClean: dirty === synced, seen }).toEqual({
    ...what,
    isClean: true,
    seen: calendar.summary,
  });
  // Marks that all came during the round are answered by one more. Where the round went on meanwhile, a later mark
  // may find the next round begun already, and then that one has to be followed by another.
  const isExact = played.waits || marks === 1;
  const another = rounds - 1;
  expect({
    ...what,
    marks,
    another,
    holds: isExact ? another === 1 : another >= 1 && another <= marks,
  }).toEqual({
    ...what,
    marks,
    another,
    holds: true,
  });
}

async function readSeqs({ id }: RaceCalendar): Promise<{ dirty: number; synced: number }> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ dirty: number; synced: number }[]>`
      select dirty_seq::int as dirty, synced_seq::int as synced from calendars where id = ${id}::uuid`,
  );
  if (!row) throw new Error('The calendar is gone.');
  return row;
}

async function countRounds({ id }: RaceCalendar): Promise<number> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ rounds: number }[]>`
      select count(*)::int as rounds from calendar_sync_runs where calendar_id = ${id}::uuid`,
  );
  return row?.rounds ?? 0;
}

async function readSummary({ id }: RaceCalendar, providerEventId: string): Promise<string | null> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ summary: string | null }[]>`
      select summary from calendar_events where calendar_id = ${id}::uuid and provider_event_id = ${providerEventId}`,
  );
  return row?.summary ?? null;
}
