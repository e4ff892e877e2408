/**
 * Replicas that share the work: 2,000 calendars of both providers, 100 ms from the provider to every answer, and one,
 * two and four worker processes of four slots each. The floor is what so many slots could do if a pull were nothing but
 * the provider's wait.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { createProducer, type Producer } from '@calfleet/jobs';
import type { Child } from '../child.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { enterAccount, enterCalendar, plantAccount, plantCalendar } from '../planting.ts';

const slots = 4;
const latencyMs = 100;
const workerCounts = [1, 2, 4];
const prefix = '{fleet}';
/** As many as Graph serves of a mailbox at a time. */
const calendarsPerMailbox = 4;
const calendarsPerAccount = 10;
/** So high that no budget is what is measured. */
const unbounded = {
  GOOGLE_QUOTA_PROJECT_PER_MINUTE: '1000000',
  GOOGLE_QUOTA_USER_PER_MINUTE: '1000000',
  MICROSOFT_QUOTA_MAILBOX_PER_10_MINUTES: '1000000',
};

export async function benchFleet(ground: Ground): Promise<Figure[]> {
  const store = await ground.openStore('fleet');
  const onError = () => undefined;
  const producer = createProducer({ redisUrl: ground.redisUrl, prefix, onError, timeoutMs: 30_000 });
  try {
    const calendars = await plantCalendars(ground, store, ground.quick ? 80 : 2_000);
    const bench = { ground, store, producer, calendars };
    // Once without the clock, and without the wait: the first mirror of each.
    await pullAll(bench, workerCounts.length);
    const fault = { effect: { kind: 'latency' as const, ms: latencyMs }, rate: 1, count: null };
    await ground.sandbox.control.addFault({
      ...fault,
      operation: ['events.list', 'graph.delta', 'graph.batch'],
    });
    const runs: Measured[] = [];
    for (const workers of workerCounts) runs.push(await pullAll(bench, workers));
    await ground.sandbox.control.clearFaults();
    return runs.map((run) => figureOf(run, runs[0] ?? run, calendars.length));
  } finally {
    await producer.close();
    await store.close();
  }
}

interface Bench {
  ground: Ground;
  store: Store;
  producer: Producer;
  calendars: readonly CalendarId[];
}

/** Half of each provider, with an event each. */
async function plantCalendars(ground: Ground, store: Store, count: number): Promise<CalendarId[]> {
  const ids: CalendarId[] = [];
  for (let n = 0; n < count / 2; n += calendarsPerAccount) {
    const account = await plantAccount(ground, store, { listed: true });
    for (let m = 0; m < calendarsPerAccount; m += 1) {
      ids.push((await plantCalendar(ground, store, account, 1)).id);
    }
  }
  const { microsoft } = ground.sandbox.control;
  for (let n = 0; n < count / 2; n += calendarsPerMailbox) {
    const email = `fleet-${n}@bench.test`;
    const { refreshToken = '' } = await microsoft.createMailbox({ email });
    const given = { provider: 'microsoft' as const, email, refreshToken, listed: true };
    const account = await enterAccount(ground, store, given);
    for (let m = 0; m < calendarsPerMailbox; m += 1) {
      const { id: providerCalendarId } = await microsoft.mailbox(email).createCalendar();
      ids.push(await enterCalendar(store, { account, providerCalendarId }, 'microsoft'));
    }
  }
  return ids;
}

interface Measured {
  workers: number;
  seconds: number;
  /** Of all workers, seconds. */
  cpuSeconds: number;
  /** Share of all cores that something used meanwhile, 0 to 1. */
  busy: number;
}

/** Every calendar is rung for once; from the ring to the last round's end. */
async function pullAll({ ground, store, producer, calendars }: Bench, count: number): Promise<Measured> {
  const workers: Child[] = [];
  const env = {
    ...ground.settings,
    ...unbounded,
    DATABASE_URL: store.url,
    REDIS_PREFIX: prefix,
    LOG_LEVEL: 'error',
    WORKER_METRICS_PORT: '0',
    WORKER_QUEUES: 'pull',
    WORKER_CONCURRENCY: String(slots),
  };
  for (let n = 0; n < count; n += 1) workers.push(await ground.start('worker', { env }));
  try {
    await store.admin.query('update calendars set dirty_seq = dirty_seq + 1');
    const [cpuBefore, before] = [await cpuOf(workers), await busyOf()];
    const startedAt = performance.now();
    const requestedAt = systemClock.now().toISOString();
    await producer.enqueueMany(
      calendars.map((calendarId) => ({
        name: 'pull-calendar' as const,
        payload: { calendarId, reason: 'notify' as const, requestedAt },
      })),
    );
    await until(async () => {
      const { rows } = await store.admin.query<{ left: number }>(
        'select count(*)::int as left from calendars where synced_seq < dirty_seq or lease_until is not null',
      );
      return rows[0]?.left === 0;
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const [cpuAfter, after] = [await cpuOf(workers), await busyOf()];
    return {
      workers: count,
      seconds,
      cpuSeconds: cpuAfter - cpuBefore,
      busy: (after.busy - before.busy) / (after.all - before.all),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** Linux counts in hundredths of a second. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const ticksPerSecond = 100;

/** Seconds that these processes have used so far. */
export async function cpuOf(workers: readonly Child[]): Promise<number> {
  const each = workers.map(async ({ pid }) => {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  });
  return (await Promise.all(each)).reduce((sum, seconds) => sum + seconds, 0);
}

async function busyOf(): Promise<{ busy: number; all: number }> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + soft;
  return { busy, all: busy + idle + wait };
}

function figureOf(run: Measured, one: Measured, calendars: number): Figure {
  const rate = calendars / run.seconds;
  const floor = (run.workers * slots * 1_000) / latencyMs;
  const times = one.seconds / run.seconds;
  const cpuMs = (run.cpuSeconds * 1_000) / calendars;
  return {
    what: `pulls with ${run.workers} worker${run.workers === 1 ? '' : 's'} of ${slots} slots`,
    ours: rate,
    unit: 'pulls/s',
    floor,
    ratio: rate / floor,
    aim: run.workers === 4 ? { text: '≥ 3.4 × one worker (8 cores)', met: times >= 3.4 } : null,
    note:
      `${calendars.toLocaleString('en-US')} calendars, half of each provider, ${latencyMs} ms to every answer; ` +
      `${times.toFixed(2)} × one worker, ${cpuMs.toFixed(1)} ms of the workers' CPU a pull, all cores ` +
      `${(run.busy * 100).toFixed(0)} % busy; floor: the slots, if a pull were one wait`,
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(600_000);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error('Waited ten minutes in vain for the last pull.');
    await pause(50);
  }
}
