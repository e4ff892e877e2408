/** A tick that is still running is not started a second time, on whichever worker it runs. */
import { Queue, type Job } from 'bullmq';
import { tickNames } from './catalog.ts';
import { patient } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { closeWithin } from './within.ts';

export type TickGuard = ReturnType<typeof createTickGuard>;

export function createTickGuard({ redisUrl, prefix }: RedisAddress) {
  const queue = new Queue('schedules', { connection: patient(redisUrl), prefix, skipMetasUpdate: true });
  // The worker of this queue reports the same outage.
  queue.on('error', () => undefined);
  const isTick = (name: string) => tickNames.some((tick) => tick === name);
  return {
    /** False when the same tick began earlier and has not ended. Both are in the active list, so one of them sees it. */
    mayRun: async (job: Job): Promise<boolean> => {
      if (!isTick(job.name)) return true;
      const active = await queue.getActive();
      const key = (tick: Job) => [tick.processedOn ?? 0, tick.id ?? ''] as const;
      const [mine, myId] = key(job);
      return !active.some((other) => {
        if (!other || other.name !== job.name || other.id === job.id) return false;
        const [theirs, theirId] = key(other);
        return theirs < mine || (theirs === mine && theirId < myId);
      });
    },
    close: () => closeWithin(1000, queue),
  };
}
