/**
 * A worker dies while its providers hold what it sent and it never learnt so: one event there, one row here, told once.
 * `LOST_ANSWERS` chooses how many such deaths of a creation there are per provider; 25 die with one worker.
 */
import { Redis } from 'ioredis';
import type { CalendarId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

const lostAnswers = Number(process.env['LOST_ANSWERS'] ?? 100);
const calendarsCount = 25;
const kills = Math.ceil(lostAnswers / calendarsCount);

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
let program: Program;
let worker: RunningProgram;
beforeAll(async () => {
  [fleet, program] = await Promise.all([openTwoWayHouse(), bundleProgram('apps/worker/e2e/hasty-worker.ts')]);
});
afterEach(async () => {
  worker.process.kill('SIGKILL');
  await worker.ended;
  fleet.house.sandbox.faults.clear();
});
afterAll(async () => {
  await fleet.close();
  await program.remove();
});

const creating = { google: 'events.insert', microsoft: 'graph.event.create' } as const;
/** The ways in which Outlook answers a creation that it knows. */
const recognitions = [400, 409, 'existing'] as const;

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test(
    `the process is killed ${kills} times between ${calendarsCount} insertions and their answers, and once before the insertions`,
    async () => {
      worker = startWorker();
      const sides = await Promise.all(Array.from({ length: calendarsCount }, () => fleet.connect(provider)));
      const titles: string[] = [];
      for (let kill = 0; kill <= kills; kill += 1) {
        const isStored = kill < kills;
        const duplicateTransaction = recognitions[kill % recognitions.length] ?? 400;
        fleet.house.sandbox.microsoft.setQuirks({ duplicateTransaction });
        const title = `death ${String(kill).padStart(4, '0')}`;
        await createEverywhere(sides, title, { provider, isStored });
        const kept = isStored ? [...titles, title] : titles;
        expect(sides.map(({ elsewhere }) => elsewhere.titles())).toEqual(sides.map(() => kept));
        await replaceWorker();
        titles.push(title);
        await rest(sides, titles);
      }
      await expectToldOnce(sides, titles.length);
    },
    120_000 + lostAnswers * 2_000,
  );
});

/** As many as can be under way to their providers at once. */
const startWorker = (): RunningProgram =>
  program.start(
    fleet.house.environment({
      WORKER_CONCURRENCY: String(2 * calendarsCount),
      SCHEDULE_WEBHOOK_DRAIN: 'every 1s',
    }),
  );

/** One creation in each calendar, sent and never answered. */
async function createEverywhere(
  sides: readonly TwoWay[],
  summary: string,
  { provider, isStored }: { provider: ProviderUnderTest; isStored: boolean },
): Promise<void> {
  const { faults } = fleet.house.sandbox;
  faults.clear();
  const kind = isStored ? 'hang_after' : 'hang_before';
  faults.add({ operation: creating[provider], count: calendarsCount, effect: { kind } });
  const time = (hour: number) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });
  const made = await Promise.all(
    sides.map(({ client, calendarId }) =>
      client.POST('/events', { body: { calendar_id: calendarId, summary, start: time(14), end: time(15) } }),
    ),
  );
  expect(new Set(made.map(({ response }) => response.status))).toEqual(new Set([202]));
  await eventually(() => faults.list().every(({ left }) => left === 0));
}

async function replaceWorker(): Promise<void> {
  worker.process.kill('SIGKILL');
  expect((await worker.ended).signal).toBe('SIGKILL');
  await aMinutePasses();
  worker = startWorker();
}

/** Whoever held a lease on a calendar, or a place among the requests of a mailbox, has lost it. */
async function aMinutePasses(): Promise<void> {
  const { redisUrl, redisPrefix } = fleet.house.services;
  const redis = new Redis(redisUrl);
  const places = await redis.keys(`${redisPrefix}:mailbox:*:places`);
  if (places.length > 0) await redis.unlink(...places);
  await redis.quit();
  await fleet.house.db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendars set push_until = clock_timestamp() - interval '1 s' where push_until is not null`;
    await tx.$executeRaw`
      update calendars set lease_until = clock_timestamp() - interval '1 s' where lease_until is not null`;
  });
}

/** Each write is applied, each event is there once, and the mirror is exact. */
async function rest(sides: readonly TwoWay[], titles: readonly string[]): Promise<void> {
  const applied = sides.map(() => titles.map(() => 'applied'));
  await eventually(async () => {
    expect(await statesOf(sides)).toEqual(applied);
    expect(sides.map(({ elsewhere }) => elsewhere.titles())).toEqual(sides.map(() => titles));
    for (const { elsewhere } of sides) await elsewhere.expectMirrored();
  });
}

/** By calendar, in the order of the sides. */
async function statesOf(sides: readonly TwoWay[]): Promise<string[][]> {
  const rows = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId; state: string }[]>`
      select calendar_id as id, state from calendar_writes where calendar_id = any(${idsOf(sides)}::uuid[])`,
  );
  return sides.map(({ calendarId }) => rows.filter(({ id }) => id === calendarId).map(({ state }) => state));
}

/** What only the provider can set. */
const itsOwn = ['html_link', 'ical_uid', 'organizer'];

/** Each event was new once, and changed once at most: by what came with its provider's first word of it. */
async function expectToldOnce(sides: readonly TwoWay[], perCalendar: number): Promise<void> {
  const told = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ kinds: string[]; fields: string[]; origins: string[] }[]>`
      select array_agg(kind order by xid, seq) as kinds, array_agg(origin order by xid, seq) as origins,
        (array_agg(array_to_string(fields, ' ') order by xid, seq)) as fields
      from calendar_changes where calendar_id = any(${idsOf(sides)}::uuid[]) and event_id is not null
      group by event_id`,
  );
  expect(told).toHaveLength(sides.length * perCalendar);
  for (const { kinds, origins, fields } of told) {
    expect([kinds, origins]).toEqual([
      ['created', 'updated'].slice(0, kinds.length),
      ['local', 'provider'].slice(0, kinds.length),
    ]);
    const echoed = (fields[1] ?? '').split(' ').filter((name) => name !== '');
    expect(itsOwn).toEqual(expect.arrayContaining(echoed));
  }
}

const idsOf = (sides: readonly TwoWay[]): CalendarId[] => sides.map(({ calendarId }) => calendarId);
