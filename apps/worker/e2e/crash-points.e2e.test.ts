import { markDirty } from '@calfleet/db';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { createMailboxLimiter, type MailboxLimiter } from '@calfleet/jobs';
import { discoverAccount, pullCalendar, type SyncDeps } from '@calfleet/sync';
import { workerConfig } from '@calfleet/config';
import { createMetrics } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis, type TestDatabase, type TestRedis } from '@calfleet/testkit';
import { createEngine } from '../src/engine.ts';
import { bundleProgram, type Program } from './bundle.ts';
import { openHouse, type House, type Mailbox } from './house.ts';
import { recordLines } from './lines.ts';
import { expectExact } from './google-truth.ts';

const pages = 10;
const perPage = 5;
const points = ['before', 'inside', 'after'] as const;
/** As many as the machine has cores: each kill is a process of its own. */
const atOnce = 2;

let database: TestDatabase;
let redis: TestRedis;
let house: House;
let program: Program;
let limiter: MailboxLimiter;
/** The process that takes over, inside this one. */
let successor: SyncDeps;

beforeAll(async () => {
  [database, redis, program] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
    bundleProgram('apps/worker/e2e/crash-point.ts'),
  ]);
  house = await openHouse({ databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix });
  house.sandbox.setQuirks({ pageSizeMax: perPage });
  const { db, producer } = house;
  const { logger } = recordLines();
  limiter = createMailboxLimiter({ redisUrl: redis.url, prefix: redis.prefix });
  const parts = { db, producer, limiter, logger, metrics: createMetrics(), clock: systemClock };
  successor = createEngine(workerConfig(house.environment()), parts);
});

afterAll(async () => {
  await limiter.close();
  await house.close();
  await program.remove();
  await redis.clear();
  await database.drop();
});

test(
  'the worker process is killed with SIGKILL before, inside and after every transaction of a 10-page full round; ' +
    'each time the end state is exact, at most one page is fetched again per kill, and a notification that falls ' +
    'in the gap is not lost (I5 across a resume)',
  async () => {
    const { transactions } = await uninterrupted();
    // At least one per page and the one that begins.
    expect(transactions).toBeGreaterThan(pages);
    const kills = Array.from({ length: transactions }, (_, n) => n + 1).flatMap((step) =>
      points.map((point) => ({ step, point })),
    );
    const waiting = [...kills];
    const work = async (): Promise<void> => {
      for (let kill = waiting.shift(); kill; kill = waiting.shift()) await killAndResume(kill);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    expect(kills).toHaveLength(transactions * points.length);
  },
  1_200_000,
);

/** The measure: how many transactions there are to be killed at, and that without a kill all is well. */
async function uninterrupted(): Promise<{ transactions: number }> {
  const mailbox = await newMailbox('uninterrupted');
  const end = await pullInChild(mailbox.calendarId, {});
  expect(end).toMatchObject({ code: 0, signal: null });
  await expectExact({ ...house, ...mailbox });
  return JSON.parse(end.output) as { transactions: number };
}

async function killAndResume({ step, point }: { step: number; point: string }): Promise<void> {
  const name = `${point} transaction ${step}`;
  const mailbox = await newMailbox(name.replaceAll(' ', '-'));
  const { calendarId, owner, first } = mailbox;
  const { signal } = await pullInChild(calendarId, { CRASH_STEP: String(step), CRASH_POINT: point });
  expect({ name, signal }).toEqual({ name, signal: 'SIGKILL' });
  const hadBegun = await wasBegun(calendarId);

  // In the gap: the change is on the round's first page, which nobody asks for again once it was applied.
  owner.patch(first, { summary: 'changed while nobody worked' });
  await house.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
  await expireLease(calendarId);
  for (let pulls = 0; await isUnsettled(calendarId); pulls += 1) {
    if (pulls === 5) throw new Error(`${name}: the calendar never comes to rest`);
    const wish = { calendarId, reason: 'notify' as const, requestedAt: systemClock.now() };
    await pullCalendar(successor, wish, new AbortController().signal);
  }

  const asked = house.sandbox.usage.report(mailbox.email).byOperation['events.list'] ?? 0;
  const rounds = await readRounds(calendarId);
  const again = asked - rounds.incrementalPages - pages;
  expect({ name, full: rounds.full, again: again === 0 || again === 1 }).toEqual({
    name,
    full: 1,
    again: true,
  });
  // I5: the hint came after the round's first request, so the round cannot have answered it.
  if (hadBegun) expect({ name, another: rounds.incremental >= 1 }).toEqual({ name, another: true });
  await expectExact({ ...house, ...mailbox });
  expect({ name, created: await createdTwice(calendarId) }).toEqual({ name, created: [] });
}

async function newMailbox(name: string): Promise<Mailbox & { calendarId: CalendarId; first: string }> {
  const mailbox = await house.connect(`${name}@example.test`);
  const { owner, accountId } = mailbox;
  const at = (day: number): string => new Date(Date.now() + day * 86_400_000).toISOString().slice(0, 10);
  const zoned = (day: number, hour: string) => ({ dateTime: `${at(day)}T${hour}:00:00Z`, timeZone: 'UTC' });
  const lasting = (day: number) => ({ start: zoned(day, '09'), end: zoned(day, '10') });
  const [first = ''] = owner.insertMany([{ summary: 'first', ...lasting(1) }]);
  const series = owner.insert({ summary: 'series', ...lasting(2), recurrence: ['RRULE:FREQ=DAILY;COUNT=6'] });
  const slot = (day: number): string => `${series.id}_${at(day).replaceAll('-', '')}T090000Z`;
  owner.patch(slot(3), { summary: 'moved', start: zoned(3, '15'), end: zoned(3, '16') });
  owner.delete(slot(4));
  const left = pages * perPage - owner.truth().events.length;
  owner.insertMany(Array.from({ length: left }, (_, n) => ({ summary: `event ${n}`, ...lasting(n % 40) })));
  await discoverAccount(successor, accountId);
  return { ...mailbox, first, calendarId: await house.calendarOf(mailbox) };
}

const pullInChild = (calendarId: CalendarId, changes: Record<string, string>) =>
  program.start(house.environment({ CRASH_CALENDAR: calendarId, ...changes })).ended;

interface Facts {
  round_id: string | null;
  generation: number;
  dirty: boolean;
}

async function readFacts(calendarId: CalendarId): Promise<Facts> {
  const [facts] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Facts[]>`
      select round_id, generation::int, dirty_seq > synced_seq as dirty from calendars where id = ${calendarId}::uuid`,
  );
  if (!facts) throw new Error('The calendar is gone.');
  return facts;
}

const wasBegun = async (calendarId: CalendarId): Promise<boolean> =>
  (await readFacts(calendarId)).generation > 0;

async function isUnsettled(calendarId: CalendarId): Promise<boolean> {
  const { dirty, round_id: round } = await readFacts(calendarId);
  return dirty || round !== null;
}

/** Sixty seconds pass. */
const expireLease = (calendarId: CalendarId): Promise<unknown> =>
  house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      update calendars set lease_until = clock_timestamp() - interval '1 s'
       where id = ${calendarId}::uuid and lease_until is not null`,
  );

async function readRounds(
  calendarId: CalendarId,
): Promise<{ full: number; incremental: number; incrementalPages: number }> {
  const rows = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ mode: string; pages: number }[]>`
      select mode, pages from calendar_sync_runs where calendar_id = ${calendarId}::uuid`,
  );
  const incremental = rows.filter(({ mode }) => mode === 'incremental');
  return {
    full: rows.length - incremental.length,
    incremental: incremental.length,
    incrementalPages: incremental.reduce((sum, run) => sum + run.pages, 0),
  };
}

/** Events that the feed announced as new more than once. */
async function createdTwice(calendarId: CalendarId): Promise<string[]> {
  const rows = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ event_id: string }[]>`
      select event_id from calendar_changes where calendar_id = ${calendarId}::uuid and kind = 'created'
       group by event_id having count(*) > 1`,
  );
  return rows.map((row) => row.event_id);
}
