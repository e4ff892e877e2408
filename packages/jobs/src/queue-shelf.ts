/** Queues to add to or to look at, over one connection, each opened when first asked for. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueName } from './catalog.ts';
import { openImpatient, outageReporter, readiness } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { closeWithin } from './within.ts';

export interface QueueShelf {
  /** The connection of them all. */
  redis: Redis;
  /** @throws when Redis takes no commands within that time */
  connected(withinMs: number): Promise<void>;
  /** @throws when Redis went away meanwhile; the next call opens anew */
  open(name: QueueName): Promise<Queue>;
  /** Whoever still adds gets an error. */
  close(): Promise<void>;
}

/** @param options.onError told once per outage, and of anything unusual */
export function createQueueShelf({
  redisUrl,
  prefix,
  onError,
}: RedisAddress & { onError: (error: Error) => void }): QueueShelf {
  const redis = openImpatient(redisUrl);
  const report = outageReporter({ lost: onError, back: () => undefined, other: onError });
  redis.on('error', (error: Error) => report.error(error));
  redis.on('ready', () => report.ready());
  const queues = new Map<QueueName, Promise<Queue>>();
  return {
    redis,
    connected: readiness(redis),
    open: (name) => {
      const known = queues.get(name);
      if (known) return known;
      const queue = new Queue(name, { connection: redis, prefix, skipMetasUpdate: true });
      queue.on('error', (error) => report.error(error));
      const opening = queue.waitUntilReady().then(() => queue);
      queues.set(name, opening);
      // BullMQ keeps a failed start for ever; forgotten here, it is tried again.
      opening.catch(() => queues.delete(name));
      return opening;
    },
    close: async () => {
      // Cut first: a queue that is just being opened would else wait for a Redis that may never come back.
      redis.disconnect();
      const opened = await Promise.allSettled(queues.values());
      await Promise.all(
        opened.flatMap((queue) => (queue.status === 'fulfilled' ? [closeWithin(1000, queue.value)] : [])),
      );
    },
  };
}
