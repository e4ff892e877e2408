import { newId } from '@calfleet/domain';
import { eventually, startOwnRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import { queueNames, tickNames } from './catalog.ts';
import { createRedisEpoch } from './epoch.ts';
import { fleetOn, gate, slowSchedules } from './fleet.fixture.ts';
import { createProducer } from './producer.ts';
import { createSchedules } from './schedules.ts';

let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let fleet: ReturnType<typeof fleetOn>;
const prefix = '{calfleet}';
/** The producer's default. */
const addMs = 1500;
/** What every process promises for its end. */
const closedWithinMs = 10_000;

beforeEach(async () => {
  redis = await startOwnRedis();
  // As every process has it: how long an add takes at most is the question here.
  fleet = fleetOn({ redisUrl: redis.url, prefix }, { timeoutMs: addMs });
});

afterEach(async () => {
  await fleet.close();
  await redis.stop();
});

/** What Microsoft grants whoever takes a notification; an add is told in time for that. */
const grantedMs = 3000;

const refused = async () => {
  const before = performance.now();
  await expect(fleet.producer.enqueue('ensure-watch', { calendarId: newId() })).rejects.toMatchObject({
    code: 'provider_unavailable',
  });
  return performance.now() - before;
};

test('without Redis an add fails soon; when Redis is back, adding and working go on by themselves', async () => {
  const done: string[] = [];
  fleet.work({ 'ensure-watch': async ({ calendarId }) => void done.push(calendarId) });
  const [before, after] = [newId(), newId()];
  await fleet.producer.enqueue('ensure-watch', { calendarId: before });
  await eventually(() => done.includes(before));

  await redis.kill();
  expect(await refused()).toBeLessThan(grantedMs);
  expect(await fleet.producer.ready()).toBe(false);
  expect(await refused()).toBeLessThan(grantedMs);

  await redis.restart();
  await eventually(() => fleet.producer.enqueue('ensure-watch', { calendarId: after }));
  await eventually(() => done.includes(after));
  const lost = fleet.lines.filter(({ message }) => message === 'Redis is away');
  expect(lost.length).toBeGreaterThan(0);
  // Once per queue, not once per attempt to reconnect.
  expect(lost.length).toBeLessThanOrEqual(queueNames.length);
});

test('a Redis that takes the connection and answers nothing does not hang an add', async () => {
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  process.kill(redis.pid(), 'SIGSTOP');
  try {
    expect(await refused()).toBeLessThan(grantedMs);
    expect(await fleet.producer.ready()).toBe(false);
  } finally {
    process.kill(redis.pid(), 'SIGCONT');
  }
  await eventually(() => fleet.producer.enqueue('ensure-watch', { calendarId: newId() }));
  expect(await fleet.producer.ready()).toBe(true);
});

test('a Redis that is slow to take the first connection is early, not away', async () => {
  process.kill(redis.pid(), 'SIGSTOP');
  const begun = performance.now();
  const slow = createProducer({ redisUrl: redis.url, prefix, onError: () => undefined, timeoutMs: 60_000 });
  try {
    const added = slow.enqueue('ensure-watch', { calendarId: newId() });
    // Longer than a lost connection is waited for.
    await eventually(() => performance.now() - begun > 1000);
    process.kill(redis.pid(), 'SIGCONT');
    await added;
  } finally {
    process.kill(redis.pid(), 'SIGCONT');
    await slow.close();
  }
});

test('a flushed Redis is noticed, kills nobody, and takes new work', async () => {
  const { open, opened } = gate();
  const done: string[] = [];
  let held = '';
  fleet.work({
    'ensure-watch': async ({ calendarId }) => {
      if (held === '') {
        held = calendarId;
        await opened;
      }
      done.push(calendarId);
    },
  });
  const schedules = createSchedules({ redisUrl: redis.url, prefix, onError: () => undefined });
  const epoch = createRedisEpoch({ redisUrl: redis.url, prefix });
  await schedules.install(slowSchedules());
  await epoch.write('one');
  expect(await epoch.read()).toBe('one');
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await eventually(() => held !== '');

  const client = new Redis(redis.url);
  await client.flushall();
  await client.script('FLUSH');
  client.disconnect();
  expect(await epoch.read()).toBeNull();
  expect(await schedules.missing()).toEqual(tickNames);

  open();
  const next = newId();
  await fleet.producer.enqueue('ensure-watch', { calendarId: next });
  await eventually(() => done.includes(next));
  await schedules.install(slowSchedules());
  expect(await schedules.missing()).toEqual([]);
  await Promise.all([schedules.close(), epoch.close()]);
});

test('a stop does not wait for a Redis that is gone', async () => {
  const started = gate();
  const workers = fleet.work({
    'ensure-watch': async () => {
      started.open();
      await new Promise(() => undefined);
    },
  });
  const schedules = createSchedules({ redisUrl: redis.url, prefix, onError: () => undefined });
  expect(await schedules.missing()).toHaveLength(tickNames.length);
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await started.opened;
  await redis.kill();

  const before = performance.now();
  await workers.close({ timeoutMs: 2000 });
  await schedules.close();
  await fleet.producer.close();
  expect(performance.now() - before).toBeLessThan(closedWithinMs);
});
