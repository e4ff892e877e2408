/** Jobs that nobody can run, in every queue: each is parked where a person finds it, and what stands behind it runs. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { newId } from '@calfleet/domain';
import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import { queueNames, type JobName, type QueueName } from './catalog.ts';
import type { Handlers, JobEvent, RedisAddress } from './contract.ts';
import { fleetOn } from './fleet.fixture.ts';
import { createQueueMonitor, type QueueMonitor } from './monitor.ts';
import { createQueueBoardSource, type QueueBoardSource } from './queue-board.ts';

let redis: TestRedis;
let raw: Redis;
let address: RedisAddress;
let fleet: ReturnType<typeof fleetOn>;
let board: QueueBoardSource;
let monitor: QueueMonitor;

beforeEach(async () => {
  redis = await createTestRedis();
  address = { redisUrl: redis.url, prefix: redis.prefix };
  raw = new Redis(redis.url);
  fleet = fleetOn(address);
  const onError = () => undefined;
  board = createQueueBoardSource({ ...address, onError });
  monitor = createQueueMonitor({ ...address, onError });
});

afterEach(async () => {
  await fleet.close();
  await Promise.all([board.close(), monitor.close()]);
  raw.disconnect();
  await redis.clear();
});

const ids = { calendarId: newId(), accountId: newId(), watchId: newId() };
const requestedAt = '2026-11-22T10:00:00Z';
/** One good job of each queue. */
const healthy: Record<QueueName, { name: JobName; payload: object }> = {
  webhooks: {
    name: 'receive-notification',
    payload: {
      watchId: ids.watchId,
      event: 'sync',
      resourceId: null,
      expiresAt: null,
      receivedAt: requestedAt,
    },
  },
  pull: { name: 'pull-calendar', payload: { calendarId: ids.calendarId, reason: 'user', requestedAt } },
  backfill: {
    name: 'pull-calendar',
    payload: { calendarId: ids.calendarId, reason: 'backfill', requestedAt },
  },
  push: { name: 'push-calendar', payload: { calendarId: ids.calendarId } },
  accounts: { name: 'discover-account', payload: { accountId: ids.accountId } },
  watches: { name: 'ensure-watch', payload: { calendarId: ids.calendarId } },
  schedules: { name: 'cleanup', payload: {} },
};

/** Without any option, as a stranger adds them. */
const poison = ({ name, payload }: { name: string; payload: object }): [string, string, unknown][] => [
  ['of no name we know', 'sync-everything', payload],
  ['named like a part of every object', 'constructor', payload],
  ['whose payload is a text', name, 'now'],
  ['whose payload is a list', name, [payload]],
  ['whose payload is null', name, null],
  ['with wrong ids', name, { ...payload, calendarId: '42', accountId: "'; drop table", watchId: {} }],
  ['of a megabyte', name, { note: 'x'.repeat(1_000_000) }],
  ['of a version that had other fields', name, { force: true }],
];

/** Stands for a lock that runs out soon, so that nobody waits for it. */
const timings = { lockMs: 1_000, stalledCheckMs: 500 };

function work(events: JobEvent[], failing: Partial<Handlers> = {}): { ran: string[] } {
  const ran: string[] = [];
  const handler = (_: unknown, { jobId }: { jobId: string }) => Promise.resolve(void ran.push(jobId));
  const names = Object.values(healthy).map(({ name }) => name);
  const handlers = Object.fromEntries(names.map((name) => [name, handler])) as Partial<Handlers>;
  fleet.work(
    { ...handlers, ...failing },
    { concurrency: 1, timings, onEvent: (event) => void events.push(event) },
  );
  return { ran };
}

const failedOf = async (name: QueueName) => {
  const queue = (await board.open()).find((each) => each.name === name);
  return (await queue?.getFailed()) ?? [];
};

test.each(queueNames)(
  '%s: what cannot be run is parked with its reason, and a good job behind it runs',
  async (name) => {
    const queue = new Queue(name, { connection: { url: redis.url }, prefix: redis.prefix });
    const bad = poison(healthy[name]);
    for (const [, jobName, data] of bad) await queue.add(jobName, data);
    const good = await queue.add(healthy[name].name, healthy[name].payload, { removeOnComplete: true });
    await queue.close();
    const events: JobEvent[] = [];
    const { ran } = work(events);
    await eventually(() => ran.includes(good.id ?? ''));
    const failed = await eventually(async () => {
      const jobs = await failedOf(name);
      return jobs.length === bad.length && jobs;
    });
    expect(failed.map((job) => job.failedReason)).toEqual(bad.map(() => 'invalid payload'));
    // Once each: nothing of it is tried again.
    expect(failed.map((job) => job.attemptsStarted)).toEqual(bad.map(() => 1));
    const parked = events.filter(({ outcome }) => outcome === 'parked');
    expect(parked.map(({ queue: of }) => of)).toEqual(bad.map(() => name));
    const reading = (await monitor.read(new Date(0))).find((each) => each.queue === name);
    expect(reading?.jobs.failed).toBe(bad.length);
    expect(fleet.lines.filter(({ level }) => level === 'error')).toHaveLength(bad.length);
  },
);

test.each(queueNames.filter((name) => name !== 'schedules'))(
  '%s: a job of a newer version, with a field that we do not know, runs',
  async (name) => {
    const queue = new Queue(name, { connection: { url: redis.url }, prefix: redis.prefix });
    const newer = await queue.add(healthy[name].name, { ...healthy[name].payload, force: true });
    await queue.close();
    const { ran } = work([]);
    await eventually(() => ran.includes(newer.id ?? ''));
  },
);

/** What somebody's hand, a broken write or another program may leave behind. */
const unreadable: [string, Record<string, string>][] = [
  ['a payload that is no JSON', { name: 'mirror-audit', data: '{"half":' }],
  ['options that are no JSON', { name: 'mirror-audit', data: '{}', opts: '<xml/>' }],
  ['a progress that is no JSON', { name: 'mirror-audit', data: '{}', opts: '{}', progress: 'half' }],
  ['a parent that is no JSON', { name: 'mirror-audit', data: '{}', opts: '{}', parent: 'nobody' }],
];

test.each(queueNames)(
  '%s: a job that BullMQ itself cannot read is parked, too, and stops nobody',
  async (name) => {
    const key = `${redis.prefix}:${name}`;
    for (const [index, [, fields]] of unreadable.entries()) {
      await raw.hset(`${key}:bad-${index}`, { timestamp: '1', delay: '0', priority: '0', ...fields });
      await raw.lpush(`${key}:wait`, `bad-${index}`);
    }
    // An id without a job behind it.
    await raw.lpush(`${key}:wait`, 'ghost');
    const events: JobEvent[] = [];
    const { ran } = work(events);
    const queue = new Queue(name, { connection: { url: redis.url }, prefix: redis.prefix });
    const good = await queue.add(healthy[name].name, healthy[name].payload, { removeOnComplete: true });
    await queue.close();
    await eventually(() => ran.includes(good.id ?? ''));
    const failed = await eventually(async () => {
      const jobs = await failedOf(name);
      return jobs.length === unreadable.length + 1 && jobs;
    });
    expect(new Set(failed.map((job) => job.failedReason))).toEqual(new Set(['invalid payload']));
    const bad = unreadable.map((_, index) => `bad-${index}`);
    expect(failed.map((job) => job.id).sort()).toEqual([...bad, 'ghost']);
    expect(await raw.lrange(`${key}:active`, 0, -1)).toEqual([]);
    const named = fleet.lines.filter(
      ({ message }) => message === 'A job cannot be read: its next run parks it',
    );
    expect(named.map(({ facts }) => facts['job_id'])).toEqual(expect.arrayContaining(bad));
  },
);

test('while a tick that cannot be read is in the active list, the other ticks run', async () => {
  const key = `${redis.prefix}:schedules`;
  await raw.hset(`${key}:bad`, { name: 'mirror-audit', data: 'garbage', opts: '{}', timestamp: '1' });
  await raw.lpush(`${key}:active`, 'bad', 'ghost');
  // Somebody holds it, so that it stays.
  await raw.set(`${key}:bad:lock`, 'somebody', 'PX', 60_000);
  const events: JobEvent[] = [];
  const { ran } = work(events);
  await fleet.producer.enqueue('cleanup', {});
  await eventually(() => ran.length === 1);
});

test('a job that loses its worker each time waits longer and longer between its runs, and the others run meanwhile', async () => {
  const key = `${redis.prefix}:pull`;
  const { name, payload } = healthy.pull;
  const pill = { name, data: JSON.stringify(payload), opts: '{"attempts":8}', timestamp: '1', delay: '0' };
  const events: JobEvent[] = [];
  const { ran } = work(events);
  const waits: number[] = [];
  for (const lost of [4, 5, 6, 12, 40]) {
    // As BullMQ leaves a job behind that was lost so many times, the last time it had waited for the one before.
    await raw.hset(`${key}:pill`, { ...pill, stc: String(lost), progress: String(lost - 1) });
    const before = events.length;
    await raw.lpush(`${key}:wait`, 'pill');
    await fleet.producer.enqueue('recheck-events', { calendarId: newId() });
    const event = await eventually(() => events.slice(before).find((each) => each.name === name) ?? false);
    if (event.outcome === 'snoozed') {
      const due = await eventually(async () => (await raw.zscore(`${key}:delayed`, 'pill')) ?? false);
      const startedAt = await raw.hget(`${key}:pill`, 'processedOn');
      waits.push(Math.round((Number(due) / 4096 - Number(startedAt)) / 10_000) * 10);
      await raw.zrem(`${key}:delayed`, 'pill');
    } else waits.push(0);
  }
  expect(waits).toEqual([0, 30, 60, 1800, 1800]);
  // It has waited for this loss: it runs.
  await raw.hset(`${key}:pill`, { ...pill, stc: '40', progress: '40' });
  await raw.lpush(`${key}:wait`, 'pill');
  await fleet.producer.enqueue('recheck-events', { calendarId: newId() });
  await eventually(() => ran.filter((id) => id === 'pill').length === 2);
});
