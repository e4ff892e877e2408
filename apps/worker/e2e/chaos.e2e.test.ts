/**
 * Everything goes wrong at once while owners keep editing. `SOAK_SECONDS` says how long (`npm run soak`: ten minutes),
 * `SOAK_SEED` repeats the order of a run's misfortunes; when they strike is the machine's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '@calfleet/db';
import { newId, systemClock, type CalendarId } from '@calfleet/domain';
import { createQueueMonitor } from '@calfleet/jobs';
import { eventually, startOwnPostgres, startOwnRedis } from '@calfleet/testkit';
import { bundleProgram, type Program } from './bundle.ts';
import { calmDown, drawing, misfortune, startOne, type Stage } from './chaos-acts.ts';
import { agreeToHeldDeletes, calendarsOf, settleTown, type Citizen } from './chaos-town.ts';
import { clockAhead } from './clock-ahead.ts';
import { openHouse, type House } from './house.ts';

const soakMs = Number(process.env['SOAK_SECONDS'] ?? 60) * 1_000;
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const workersCount = 3;
/** Owners do not wait for us: about five edits a second. */
const paceMs = 200;
/** A misfortune with every so many edits. */
const editsPerMisfortune = 5;
/**
 * Longer than the longest chain on a slow machine: a lease, back-offs and restarts, and then twice the three minutes
 * after which what a list left out is looked at for the last time.
 */
const restMs = 480_000;

let postgres: Awaited<ReturnType<typeof startOwnPostgres>>;
let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let house: House;
let worker: Program;
const stage = {} as Stage;

beforeAll(async () => {
  [postgres, redis, worker] = await Promise.all([
    startOwnPostgres(),
    startOwnRedis(),
    bundleProgram('apps/worker/src/main.ts'),
  ]);
  const folder = 'prisma/migrations';
  await migrate({ migrationUrl: postgres.adminUrl, applicationUrl: postgres.url, folder });
  const services = { databaseUrl: postgres.url, redisUrl: redis.url, redisPrefix: '{calfleet}' };
  house = await openHouse(services, { drainSeconds: 2 });
  const environment = house.environment({ SCHEDULE_INCREMENTAL_PULL: 'every 5s', WORKER_CONCURRENCY: '4' });
  Object.assign(stage, { house, postgres, redis, worker, environment, workers: [], random: drawing(seed) });
});

afterAll(async () => {
  await endWorkers();
  await house.close();
  await worker.remove();
  await Promise.all([postgres.stop(), redis.stop()]);
});

async function endWorkers(): Promise<void> {
  const workers = stage.workers.splice(0);
  for (const { process } of workers) process.kill('SIGTERM');
  await Promise.all(workers.map(({ ended }) => ended));
}

test(
  `${soakMs / 1_000} s of kills, restarts, lost memory, failures and lost notifications (SOAK_SEED=${seed}): then every mirror is exact, and an audit finds nothing`,
  async () => {
    for (let n = 0; n < workersCount; n += 1) startOne(stage);
    const citizens = await settleTown(house, { google: 5, microsoft: 3 });
    for (const citizen of citizens) citizen.edit(Math.floor(stage.random() * 2 ** 31));
    const calendars = await eventually(() => calendarsOf(house, citizens));
    const happened = await rage(citizens);

    calmDown(stage);
    await endWorkers();
    // Everybody who was told to come back later comes back: a worker of tomorrow.
    house.sandbox.clock.advance(86_400_000);
    await house.startWorker({ SCHEDULE_INCREMENTAL_PULL: 'every 5s' }, clockAhead(1));
    await expectRest(calendars);
    await expectNothingLeft();
    await expectChannels(citizens, calendars);
    expect(await auditAll([...calendars.values()])).toEqual([]);
    expect(Object.keys(happened).length).toBeGreaterThan(4);
  },
  soakMs + 4 * restMs,
);

/** @returns how often each misfortune struck */
async function rage(citizens: readonly Citizen[]): Promise<Record<string, number>> {
  const happened: Record<string, number> = {};
  const until = performance.now() + soakMs;
  for (let edits = 0; performance.now() < until; edits += 1) {
    citizens[Math.floor(stage.random() * citizens.length)]?.edit(Math.floor(stage.random() * 2 ** 31));
    await pause(paceMs);
    if (edits % editsPerMisfortune > 0) continue;
    const name = await misfortune(stage);
    happened[name] = (happened[name] ?? 0) + 1;
  }
  return happened;
}

/** Each calendar shows what its provider shows; what the brake holds, a person agrees to. */
async function expectRest(calendars: ReadonlyMap<Citizen, CalendarId>): Promise<void> {
  for (const [citizen, calendarId] of calendars) {
    await eventually(
      async () => {
        await agreeToHeldDeletes(house, citizen, calendarId);
        await citizen.expectExact(calendarId);
      },
      { describe: `the mirror of ${citizen.name}`, everyMs: 500, timeoutMs: restMs },
    );
  }
}

/** No lease that nobody gives back, no round that nobody carries on, no job that nobody runs. */
async function expectNothingLeft(): Promise<void> {
  const monitor = createQueueMonitor({ redisUrl: redis.url, prefix: '{calfleet}', onError: () => undefined });
  try {
    await eventually(
      async () => {
        const [held] = await house.db.transaction(
          { role: 'worker' },
          (tx) => tx.$queryRaw<{ leases: number; rounds: number; hints: number; rechecks: number }[]>`
            select (count(*) filter (where lease_until is not null))::int as leases,
              (count(*) filter (where round_id is not null))::int as rounds,
              (count(*) filter (where dirty_seq > synced_seq))::int as hints,
              (select count(*)::int from calendar_events where recheck_at is not null) as rechecks
            from calendars where active and state <> 'gone'`,
        );
        expect(held).toEqual({ leases: 0, rounds: 0, hints: 0, rechecks: 0 });
        const readings = await monitor.read(systemClock.now());
        const left = readings.filter(
          ({ queue, jobs }) => queue !== 'schedules' && jobs.waiting + jobs.prioritized + jobs.active > 0,
        );
        expect(left.map(({ queue }) => queue)).toEqual([]);
      },
      { everyMs: 250, timeoutMs: restMs },
    );
  } finally {
    await monitor.close();
  }
}

/** Each calendar is covered, and no channel speaks at the provider that no row knows. */
async function expectChannels(
  citizens: readonly Citizen[],
  calendars: ReadonlyMap<Citizen, CalendarId>,
): Promise<void> {
  const readRows = () =>
    house.db.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ id: string; calendar_id: CalendarId; state: string }[]>`
        select id, calendar_id, state from calendar_sync_channels`,
    );
  for (const [citizen, calendarId] of calendars) {
    await eventually(
      async () => {
        const active = (await readRows()).filter(
          (row) => row.calendar_id === calendarId && row.state === 'active',
        );
        const living = citizen.livingChannels();
        expect(active.map(({ id }) => living.includes(id))).toContain(true);
      },
      { describe: `the channel of ${citizen.name}`, everyMs: 250, timeoutMs: restMs },
    );
  }
  const known = new Set((await readRows()).map(({ id }) => id));
  expect(citizens.flatMap((each) => each.livingChannels()).filter((id) => !known.has(id))).toEqual([]);
}

/** @returns the differences that audits of all calendars find */
async function auditAll(calendarIds: readonly CalendarId[]): Promise<unknown[]> {
  const requestedAt = systemClock.now().toISOString();
  const mark = newId();
  await house.producer.enqueueMany(
    calendarIds.map((calendarId) => ({
      name: 'audit-calendar' as const,
      payload: { calendarId, requestedAt },
    })),
  );
  return eventually(
    async () => {
      const rows = await house.db.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ calendar_id: CalendarId; details: unknown[] }[]>`
          select calendar_id, details from calendar_audits where id > ${mark}::uuid and outcome = 'completed'`,
      );
      const audited = new Set(rows.map((row) => row.calendar_id));
      // A calendar whose list goes round in circles is read whole with every pull, and has no audit.
      const [whole] = await house.db.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ ids: CalendarId[] }[]>`
          select coalesce(array_agg(id), '{}') as ids from calendars where reading = 'view'`,
      );
      expect(calendarIds.filter((id) => !audited.has(id) && !whole?.ids.includes(id))).toEqual([]);
      return rows.flatMap(({ details }) => details);
    },
    { describe: 'the audits', everyMs: 250, timeoutMs: restMs },
  );
}
