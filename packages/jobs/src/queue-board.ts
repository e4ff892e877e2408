/** Every queue of the fleet for the queue board, over one connection, opened when somebody looks. */
import type { Queue } from 'bullmq';
import { queueNames } from './catalog.ts';
import type { RedisAddress } from './contract.ts';
import { QueueUnavailable } from './producer.ts';
import { createQueueShelf } from './queue-shelf.ts';
import { within } from './within.ts';

export interface QueueBoardSource {
  /**
   * All of {@link queueNames}, in their order; the same objects each time. Their commands fail at once while Redis is
   * away, and work again when it is back.
   * @throws QueueUnavailable when Redis does not answer within two seconds
   */
  open(): Promise<readonly Queue[]>;
  close(): Promise<void>;
}

/** A person who looks waits this long; the board asks again by itself. */
const answerMs = 2000;

export function createQueueBoardSource(
  options: RedisAddress & { onError: (error: Error) => void },
): QueueBoardSource {
  const shelf = createQueueShelf(options);
  const openAll = async (): Promise<Queue[]> => {
    await shelf.connected(answerMs);
    return Promise.all(queueNames.map((name) => shelf.open(name)));
  };
  return {
    open: async () => {
      try {
        return await within(answerMs, openAll(), 'Redis did not answer in time');
      } catch (error) {
        throw new QueueUnavailable(error);
      }
    },
    close: () => shelf.close(),
  };
}
