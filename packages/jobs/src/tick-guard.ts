/** A tick that is still running is not started a second time, on whichever worker it runs. */
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { tickNames } from './catalog.ts';

export type TickGuard = ReturnType<typeof createTickGuard>;

/** Reads two fields of each job, and never a whole one: one that BullMQ cannot read must not stop the others. */
export function createTickGuard(redis: Redis, queueKey: string) {
  const isTick = (name: string) => tickNames.some((tick) => tick === name);
  return {
    /** False when the same tick began earlier and has not ended. Both are in the active list, so one of them sees it. */
    mayRun: async (job: Job): Promise<boolean> => {
      if (!isTick(job.name)) return true;
      const mine = [job.processedOn ?? 0, job.id ?? ''] as const;
      for (const id of await redis.lrange(`${queueKey}:active`, 0, -1)) {
        if (id === job.id) continue;
        const [name, startedAt] = await redis.hmget(`${queueKey}:${id}`, 'name', 'processedOn');
        const theirs = Number(startedAt ?? 0);
        if (name === job.name && (theirs < mine[0] || (theirs === mine[0] && id < mine[1]))) return false;
      }
      return true;
    },
  };
}
