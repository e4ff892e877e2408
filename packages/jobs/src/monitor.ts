/** What waits in the queues, for metrics and status. */
import type { Queue } from 'bullmq';
import { queueNames, type QueueName } from './catalog.ts';
import { openImpatient, outageReporter, readiness } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { createQueueShelf } from './queue-shelf.ts';
import { within } from './within.ts';

const states = ['waiting', 'prioritized', 'delayed', 'active', 'failed'] as const;
export type QueueState = (typeof states)[number];

export interface QueueReading {
  queue: QueueName;
  jobs: Record<QueueState, number>;
  /** How long the job at the head of the queue could have run already, milliseconds; 0 when none waits. */
  oldestAgeMs: number;
}

export interface QueueMonitor {
  /** @throws when Redis does not answer within two seconds */
  read(now: Date): Promise<QueueReading[]>;
  close(): Promise<void>;
}

export function createQueueMonitor({
  redisUrl,
  prefix,
  onError,
}: RedisAddress & { onError: (error: Error) => void }): QueueMonitor {
  const redis = openImpatient(redisUrl);
  const report = outageReporter({ lost: onError, back: () => undefined, other: onError });
  redis.on('error', (error: Error) => report.error(error));
  redis.on('ready', () => report.ready());
  const connected = readiness(redis);
  const shelf = createQueueShelf(redis, { prefix, onError: (error) => report.error(error) });
  const readAll = async (now: Date): Promise<QueueReading[]> => {
    await connected(answerMs);
    return Promise.all(queueNames.map(async (name) => readOne(name, await shelf.open(name), now)));
  };
  return {
    read: (now) => within(answerMs, readAll(now), 'Redis did not answer in time'),
    close: () => shelf.close(),
  };
}

/** Below the patience of those who ask: a scrape, a status page. */
const answerMs = 2000;

async function readOne(name: QueueName, queue: Queue, now: Date): Promise<QueueReading> {
  const counts = await queue.getJobCounts(...states);
  const jobs = Object.fromEntries(states.map((state) => [state, counts[state] ?? 0]));
  return {
    queue: name,
    jobs: jobs as Record<QueueState, number>,
    oldestAgeMs: await oldestAgeMs(queue, now),
  };
}

async function oldestAgeMs(queue: Queue, now: Date): Promise<number> {
  // One head per state: a delayed job that is overdue is as late as a waiting one, and easier to miss.
  const heads = await Promise.all(
    (['waiting', 'prioritized', 'delayed'] as const).map((state) => queue.getJobs([state], 0, 0, true)),
  );
  const ages = heads.flat().map((job) => (job ? now.getTime() - job.timestamp - job.delay : 0));
  return Math.max(0, ...ages);
}
