/** Four workers in processes of their own share one queue: a calendar is pulled by one at a time, a tick runs once. */
import { systemClock, type CalendarId } from '@calfleet/domain';
import { tickNames, type JobRequest } from '@calfleet/jobs';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { expectExact } from './google-truth.ts';
import { openHouse, type House, type Mailbox } from './house.ts';

const workersCount = 4;
const calendarsCount = 12;
const storms = 5;

let program: Program;
let database: TestDatabase;
let redis: TestRedis;
let house: House;
let workers: RunningProgram[];

beforeAll(async () => {
  program = await bundleProgram('apps/worker/src/main.ts');
});

afterAll(() => program.remove());

beforeEach(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openHouse({ databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix });
  workers = [];
});

afterEach(async () => {
  for (const { process } of workers) process.kill('SIGTERM');
  await Promise.all(workers.map(({ ended }) => ended));
  await house.close();
  await redis.clear();
  await database.drop();
});

async function startWorkers(changes: Record<string, string>): Promise<void> {
  const environment = house.environment({ LOG_LEVEL: 'info', WORKER_CONCURRENCY: '4', ...changes });
  workers = Array.from({ length: workersCount }, () => program.start(environment));
  await Promise.all(workers.map((each) => eventually(() => each.output().includes('"listening"'))));
}

interface Line {
  message: string;
  job_id?: string;
  stream?: string;
}

const linesOf = (worker: RunningProgram): Line[] =>
  worker
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);

test('whatever a calendar is rung for, by however many: one request of it is in flight at a time, and all work', async () => {
  await startWorkers({ SCHEDULE_WEBHOOK_DRAIN: 'every 1h', SCHEDULE_INCREMENTAL_PULL: 'every 1h' });
  const mailboxes = await Promise.all(
    Array.from({ length: calendarsCount }, (_, n) => house.connect(`owner-${n}@example.test`)),
  );
  const calendars = await mirrored(mailboxes);
  house.sandbox.usage.clear();
  house.sandbox.faults.add({
    operation: 'events.list',
    rate: 1,
    count: null,
    effect: { kind: 'latency', ms: 100 },
  });
  for (let storm = 0; storm < storms; storm += 1) {
    // Before anything rings: what is asked for early counts too.
    const asked = house.sandbox.usage.report().byOperation['events.list'] ?? 0;
    // The owners' changes ring by themselves; besides, everything is rung for by hand.
    for (const { owner } of mailboxes) owner.insert(meeting(`storm ${storm}`, storm));
    await house.producer.enqueueMany(calendars.flatMap(everyReason));
    await eventually(
      () => (house.sandbox.usage.report().byOperation['events.list'] ?? 0) >= asked + calendarsCount,
    );
  }
  house.sandbox.faults.clear();
  await eventually(async () => (await stored()) === storms * calendarsCount);
  // Read before the comparison, which itself asks the provider. One calendar an account, so that the requests of the
  // account are those of the calendar.
  const atOnce = mailboxes.map(({ email }) => house.sandbox.usage.report(email).concurrentMax);
  expect(atOnce).toEqual(mailboxes.map(() => 1));
  await mirrored(mailboxes);
  for (const worker of workers) expect(linesOf(worker).map(({ message }) => message)).toContain('Pulled');
});

test('no tick runs twice: each has one start in the whole fleet, on one worker or another', async () => {
  const often = Object.fromEntries(
    tickNames.map((name) => [`SCHEDULE_${name.toUpperCase().replaceAll('-', '_')}`, 'every 1s']),
  );
  await startWorkers(often);
  const started = (): (Line & { worker: number })[] =>
    workers.flatMap((each, worker) =>
      linesOf(each)
        .filter(({ message }) => message === 'Tick started')
        .map((line) => ({ ...line, worker })),
    );
  await eventually(() => tickNames.every((_, n) => countOf(started(), n) >= 5), { everyMs: 200 });
  const jobs = started().map(({ job_id: id }) => id);
  // A tick's job is named for its moment: seen twice, it would have run twice.
  expect(jobs).toHaveLength(new Set(jobs).size);
  expect(jobs.every((id) => id?.startsWith('repeat:'))).toBe(true);
});

const countOf = (lines: readonly Line[], tick: number): number =>
  lines.filter(({ job_id: id }) => id?.startsWith(`repeat:${tickNames[tick] ?? ''}:`)).length;

function everyReason(calendarId: CalendarId): JobRequest[] {
  const requestedAt = systemClock.now().toISOString();
  return (['user', 'notify', 'schedule', 'backfill'] as const).map((reason) => ({
    name: 'pull-calendar',
    payload: { calendarId, reason, requestedAt },
  }));
}

async function stored(): Promise<number> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ count: number }[]>`
      select count(*)::int as count from calendar_events where summary like 'storm %'`,
  );
  return row?.count ?? 0;
}

const mirrored = (mailboxes: readonly Mailbox[]): Promise<CalendarId[]> =>
  eventually(async () => {
    const ids: CalendarId[] = [];
    for (const mailbox of mailboxes) {
      const calendarId = await house.calendarOf(mailbox);
      await expectExact({ ...house, ...mailbox, calendarId });
      ids.push(calendarId);
    }
    return ids;
  });

function meeting(summary: string, day: number) {
  const date = new Date(Date.now() + day * 86_400_000).toISOString().slice(0, 10);
  const at = (hour: string) => ({ dateTime: `${date}T${hour}:00:00Z`, timeZone: 'UTC' });
  return { summary, start: at('09'), end: at('10') };
}
