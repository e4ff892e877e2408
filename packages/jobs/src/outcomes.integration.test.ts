import { newId, SyncError } from '@calfleet/domain';
import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import type { JobEvent, Outcome } from './contract.ts';
import { fleetOn, gate } from './fleet.fixture.ts';
import { createQueueMonitor } from './monitor.ts';

/** What every process promises for its end. */
const closedWithinMs = 10_000;

let fleet: ReturnType<typeof fleetOn>;
let address: { redisUrl: string; prefix: string };
let redis: TestRedis;

beforeEach(async () => {
  redis = await createTestRedis();
  address = { redisUrl: redis.url, prefix: redis.prefix };
  fleet = fleetOn(address);
});

afterEach(async () => {
  await fleet.close();
  await redis.clear();
});

const outcomeOf = (error: unknown): Outcome =>
  error instanceof SyncError && error.code === 'rate_limited'
    ? { action: 'snooze', ms: 50 }
    : error instanceof SyncError && error.code === 'lease_lost'
      ? { action: 'drop' }
      : error instanceof SyncError && error.code === 'request_rejected'
        ? { action: 'park' }
        : { action: 'retry' };

test('a snooze burns no attempt, a retry does', async () => {
  const attempts: number[] = [];
  const outcomes: string[] = [];
  fleet.work(
    {
      'ensure-watch': async (_, { attempt }) => {
        attempts.push(attempt);
        if (attempts.length <= 12) throw new SyncError('rate_limited', 'later');
        if (attempts.length === 13) throw new SyncError('provider_unavailable', 'again');
      },
    },
    { outcomeOf, onEvent: ({ outcome }) => outcomes.push(outcome) },
  );
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await eventually(() => expect(outcomes.at(-1)).toBe('done'));
  expect(attempts).toEqual([...Array<number>(13).fill(1), 2]);
  expect(outcomes.slice(11)).toEqual(['snoozed', 'retried', 'done']);
});

test('dropped work is gone, parked work is kept for people, without what its error said', async () => {
  const events: JobEvent[] = [];
  fleet.work(
    {
      'ensure-watch': () => Promise.reject(new SyncError('lease_lost', 'someone else')),
      'discover-account': () => Promise.reject(new SyncError('request_rejected', 'canary-of-a-title')),
    },
    { outcomeOf, onEvent: (event) => events.push(event) },
  );
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await fleet.producer.enqueue('discover-account', { accountId: newId() });
  await eventually(() => expect(events.map(({ outcome }) => outcome).sort()).toEqual(['dropped', 'parked']));

  const monitor = createQueueMonitor({ ...address, onError: () => undefined });
  await eventually(async () => {
    const readings = await monitor.read(new Date());
    const failed = Object.fromEntries(readings.map(({ queue, jobs }) => [queue, jobs.failed]));
    expect(failed).toMatchObject({ watches: 0, accounts: 1 });
  });
  await monitor.close();
  expect(await dump(address)).not.toContain('canary-of-a-title');
});

test('a job whose worker is killed three times still runs', async () => {
  const starts: number[] = [];
  const { open, opened } = gate();
  fleet.work(
    {
      'pull-calendar': async (_, { attempt }) => {
        starts.push(attempt);
        if (starts.length <= 3) await opened;
      },
    },
    // Only a lock that the test takes away may ever be missing, however slow this process is.
    { queues: ['pull'], timings: { lockMs: 60_000, stalledCheckMs: 100 } },
  );
  await fleet.producer.enqueue('pull-calendar', {
    calendarId: newId(),
    reason: 'notify',
    requestedAt: '2026-01-15T12:00:00.000Z',
  });
  const client = new Redis(address.redisUrl);
  for (let kill = 1; kill <= 3; kill++) {
    await eventually(() => starts.length === kill);
    // What Redis sees of a kill -9: the lock is gone and nobody renews it.
    await eventually(async () => (await removeLocks(client, address.prefix)) > 0);
    await eventually(() => starts.length > kill);
  }
  expect(starts).toHaveLength(4);
  open();
  client.disconnect();
});

test('a stop hands back what does not end, and another worker takes it without a burnt attempt', async () => {
  const stubborn = gate();
  let aborted = false;
  const first = fleet.work(
    {
      'ensure-watch': async (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        started.open();
        await stubborn.opened;
      },
    },
    { queues: ['watches'] },
  );
  const started = gate();
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await started.opened;
  const before = performance.now();
  await first.close({ timeoutMs: 1000 });
  expect(performance.now() - before).toBeLessThan(closedWithinMs);
  expect(aborted).toBe(true);

  const attempts: number[] = [];
  fleet.work(
    { 'ensure-watch': async (_, { attempt }) => void attempts.push(attempt) },
    { queues: ['watches'] },
  );
  await eventually(() => expect(attempts).toEqual([1]));
  stubborn.open();
});

async function removeLocks(redis: Redis, prefix: string): Promise<number> {
  const locks = await redis.keys(`${prefix}:pull:*:lock`);
  return locks.length === 0 ? 0 : redis.del(...locks);
}

/** Everything that Redis holds under the prefix, as text. */
async function dump({ redisUrl, prefix }: { redisUrl: string; prefix: string }): Promise<string> {
  const redis = new Redis(redisUrl);
  const keys = await redis.keys(`${prefix}*`);
  const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  redis.disconnect();
  return Buffer.concat(values.map((value) => value ?? Buffer.alloc(0))).toString('latin1');
}
