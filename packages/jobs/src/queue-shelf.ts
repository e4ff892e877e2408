/** Queues to add to or to look at, over one connection, each opened when first asked for. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueName } from './catalog.ts';
import { closeWithin } from './within.ts';

export interface QueueShelf {
  /** @throws when Redis went away meanwhile; the next call opens anew */
  open(name: QueueName): Promise<Queue>;
  /** Whoever still adds gets an error. */
  close(): Promise<void>;
}

export function createQueueShelf(
  redis: Redis,
  { prefix, onError }: { prefix: string; onError: (error: Error) => void },
): QueueShelf {
  const queues = new Map<QueueName, Promise<Queue>>();
  return {
    open: (name) => {
      const known = queues.get(name);
      if (known) return known;
      const queue = new Queue(name, { connection: redis, prefix, skipMetasUpdate: true });
      queue.on('error', onError);
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
