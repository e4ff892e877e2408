/**
 * Adds jobs. An add either is in Redis when it resolves, or fails within its time: whoever answers a provider must
 * neither hang on Redis nor say yes without it.
 */
import { SyncError } from '@calfleet/domain';
import { openImpatient, outageReporter, readiness } from './connection.ts';
import type { Producer, RedisAddress } from './contract.ts';
import { planOf, type Plan } from './plan.ts';
import { createQueueShelf } from './queue-shelf.ts';
import { within } from './within.ts';

/** Redis did not take the job in time. It may still have it; adding again is harmless. */
export class QueueUnavailable extends SyncError {
  constructor(cause: unknown) {
    super('provider_unavailable', 'Redis did not take the job', { cause });
    this.name = 'QueueUnavailable';
  }
}

export interface ProducerOptions extends RedisAddress {
  /** Told once per outage, and of anything unusual. */
  onError: (error: Error) => void;
  /** Longest time of one call, milliseconds. Default 1500, half of what Microsoft grants a notification. */
  timeoutMs?: number;
}

/** A blip is worth a short wait, an outage is not: callers would pile up. */
const connectGraceMs = 300;

export function createProducer({ redisUrl, prefix, onError, timeoutMs = 1500 }: ProducerOptions): Producer {
  const redis = openImpatient(redisUrl);
  const report = outageReporter({ lost: onError, back: () => undefined, other: onError });
  redis.on('error', (error: Error) => report.error(error));
  redis.on('ready', () => report.ready());
  const connected = readiness(redis);
  const shelf = createQueueShelf(redis, { prefix, onError: (error) => report.error(error) });

  const add = async (plans: readonly Plan[]): Promise<void> => {
    await connected(connectGraceMs);
    const [only] = plans;
    if (only && plans.length === 1) {
      await (await shelf.open(only.queue)).add(only.name, only.payload, only.options);
      return;
    }
    for (const name of new Set(plans.map((plan) => plan.queue))) {
      const jobs = plans.filter((plan) => plan.queue === name);
      const queue = await shelf.open(name);
      await queue.addBulk(jobs.map((job) => ({ name: job.name, data: job.payload, opts: job.options })));
    }
  };

  const addInTime = async (plans: readonly Plan[]): Promise<void> => {
    try {
      await within(timeoutMs, add(plans), 'Redis did not answer in time');
    } catch (error) {
      throw new QueueUnavailable(error);
    }
  };

  return {
    enqueue: async (name, payload, options) => addInTime([planOf(name, payload, options)]),
    enqueueMany: async (requests) => {
      const plans = requests.map(({ name, payload, options }) => planOf(name, payload, options));
      for (let start = 0; start < plans.length; start += batchSize) {
        await addInTime(plans.slice(start, start + batchSize));
      }
    },
    ready: async () => {
      try {
        await within(
          timeoutMs,
          connected(connectGraceMs).then(() => redis.ping()),
          'no answer',
        );
        return true;
      } catch {
        return false;
      }
    },
    close: () => shelf.close(),
  };
}

/** One pipeline of this many stays far below the time limit of a call, also on a slow Redis. */
const batchSize = 500;
