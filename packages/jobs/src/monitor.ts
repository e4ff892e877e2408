/** What waits in the queues, for metrics and status. */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { queueNames, type QueueName } from './catalog.ts';
import type { RedisAddress } from './contract.ts';
import { createQueueShelf } from './queue-shelf.ts';
import { within } from './within.ts';

const states = ['waiting', 'prioritized', 'delayed', 'active', 'failed'] as const;
export type QueueState = (typeof states)[number];
/** Where jobs grow old. Failed ones are kept on purpose. */
export type AgingState = Exclude<QueueState, 'failed'>;

export interface QueueReading {
  queue: QueueName;
  jobs: Record<QueueState, number>;
  /** How long the job that waits longest could have run already, milliseconds; 0 when none waits. */
  oldestAgeMs: number;
  /** The same in each state, and how long the oldest active job has been running; 0 where there is none. */
  ageMs: Record<AgingState, number>;
}

/** A schedule as Redis has it. */
export interface ScheduleReading {
  name: string;
  /** When its next tick is due, or should have run. */
  nextAt: Date | null;
}

export interface QueueMonitor {
  /** @throws when Redis does not answer within two seconds */
  read(now: Date): Promise<QueueReading[]>;
  /** What is installed, whether or not it is ours. @throws as `read` does */
  schedules(): Promise<ScheduleReading[]>;
  close(): Promise<void>;
}

export function createQueueMonitor(
  options: RedisAddress & { onError: (error: Error) => void },
): QueueMonitor {
  const shelf = createQueueShelf(options);
  const { redis } = shelf;
  const readAll = async (now: Date): Promise<QueueReading[]> => {
    await shelf.connected(answerMs);
    return Promise.all(queueNames.map(async (name) => readOne(redis, name, await shelf.open(name), now)));
  };
  const readSchedules = async (): Promise<ScheduleReading[]> => {
    await shelf.connected(answerMs);
    const known = await (await shelf.open('schedules')).getJobSchedulers();
    return known.map(({ key, next }) => ({ name: key, nextAt: next === undefined ? null : new Date(next) }));
  };
  return {
    schedules: () => within(answerMs, readSchedules(), 'Redis did not answer in time'),
    read: (now) => within(answerMs, readAll(now), 'Redis did not answer in time'),
    close: () => shelf.close(),
  };
}

/** Below the patience of those who ask: a scrape, a status page. */
const answerMs = 2000;

async function readOne(redis: Redis, name: QueueName, queue: Queue, now: Date): Promise<QueueReading> {
  const counts = await queue.getJobCounts(...states);
  const jobs = Object.fromEntries(states.map((state) => [state, counts[state] ?? 0]));
  const at = now.getTime();
  const [waiting, active, prioritized, delayed] = await Promise.all([
    ageOf(redis, queue, await oldestOfList(redis, queue.toKey('wait')), at),
    ageOf(redis, queue, await oldestOfList(redis, queue.toKey('active')), at),
    prioritizedAge(redis, queue, at),
    overdue(redis, queue, at),
  ]);
  return {
    queue: name,
    jobs: jobs as Record<QueueState, number>,
    oldestAgeMs: Math.max(waiting, prioritized, delayed),
    ageMs: { waiting, prioritized, delayed, active },
  };
}

/** Jobs are taken from a list's end. */
const oldestOfList = (redis: Redis, key: string): Promise<string | null> => redis.lindex(key, -1);

/** Since a job could have run, or has been running. What ran before has been able to since that start at the longest. */
async function ageOf(redis: Redis, queue: Queue, id: string | null, at: number): Promise<number> {
  if (id === null) return 0;
  const [added, delay, startedAt] = await redis.hmget(queue.toKey(id), 'timestamp', 'delay', 'processedOn');
  // Gone meanwhile.
  if (!added) return 0;
  return Math.max(0, at - Math.max(Number(added) + Number(delay ?? 0), Number(startedAt ?? 0)));
}

/** BullMQ keeps them by `priority * 2^32 + counter`, so the head of the set is the most urgent job and not the oldest. */
const perPriority = 2 ** 32;
/** Twice as many as there are. */
const prioritiesMax = 8;

async function prioritizedAge(redis: Redis, queue: Queue, at: number): Promise<number> {
  let oldest = 0;
  let from = 0;
  for (let looked = 0; looked < prioritiesMax; looked += 1) {
    const key = queue.toKey('prioritized');
    const [id, score] = await redis.zrangebyscore(key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1);
    if (id === undefined) break;
    oldest = Math.max(oldest, await ageOf(redis, queue, id, at));
    from = (Math.floor(Number(score) / perPriority) + 1) * perPriority;
  }
  return oldest;
}

/** BullMQ keeps them by `due * 4096 + counter`. One that is overdue is as late as a waiting one, and easier to miss. */
async function overdue(redis: Redis, queue: Queue, at: number): Promise<number> {
  const [, score] = await redis.zrangebyscore(
    queue.toKey('delayed'),
    '-inf',
    '+inf',
    'WITHSCORES',
    'LIMIT',
    0,
    1,
  );
  return score === undefined ? 0 : Math.max(0, at - Math.floor(Number(score) / 4096));
}
