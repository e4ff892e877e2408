/** The fleet's ticks. Every worker installs them at its start; installing again changes nothing that runs. */
import { Queue } from 'bullmq';
import type { Schedule } from '@calfleet/config';
import { tickNames, type TickName } from './catalog.ts';
import { patient } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { failedJobsKept } from './plan.ts';
import { closeWithin } from './within.ts';

export interface Schedules {
  /**
   * Makes Redis hold these. Also right after Redis lost its memory. Others stay: during a rolling update workers of two
   * versions install theirs, and neither may take away what the other knows.
   */
  install(schedules: Record<TickName, Schedule>): Promise<void>;
  /** Ticks that Redis does not know. */
  missing(): Promise<TickName[]>;
  close(): Promise<void>;
}

export function createSchedules({
  redisUrl,
  prefix,
  onError,
}: RedisAddress & { onError: (error: Error) => void }): Schedules {
  const queue = new Queue('schedules', { connection: patient(redisUrl), prefix, skipMetasUpdate: true });
  queue.on('error', onError);
  return {
    install: async (schedules) => {
      for (const name of tickNames) {
        const schedule = schedules[name];
        const repeat =
          'everyMs' in schedule ? { every: schedule.everyMs } : { pattern: schedule.cron, tz: 'UTC' };
        // No deduplication in the template: it stops the schedule (docs/decisions/0010).
        await queue.upsertJobScheduler(name, repeat, {
          name,
          data: {},
          opts: { attempts: 1, removeOnComplete: true, removeOnFail: failedJobsKept, stackTraceLimit: 1 },
        });
      }
    },
    missing: async () => {
      const known = new Set((await queue.getJobSchedulers()).map(({ key }) => key));
      return tickNames.filter((name) => !known.has(name));
    },
    close: () => closeWithin(1000, queue),
  };
}
