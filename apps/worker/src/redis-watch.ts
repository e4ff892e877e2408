/**
 * Asks whether Redis still has its memory. A timer of the process and never a job: the schedules would die with the
 * memory whose loss they should notice (docs/decisions/0012).
 */
import type { WorkerConfig } from '@calfleet/config';
import type { RedisEpoch, Schedules } from '@calfleet/jobs';
import { checkRedisMemory, type SyncDeps } from '@calfleet/sync';
import { startBeat, type Beat } from './beat.ts';

export interface RedisWatchDeps {
  sync: SyncDeps;
  epoch: RedisEpoch;
  schedules: Schedules;
  config: Pick<WorkerConfig, 'schedules'>;
}

/** The drain's own default, for a drain that is told its times by a cron line. */
const everyMsDefault = 30_000;

export function watchRedis({ sync, epoch, schedules, config }: RedisWatchDeps): Beat {
  const drain = config.schedules['webhook-drain'];
  return startBeat({
    everyMs: 'everyMs' in drain ? drain.everyMs : everyMsDefault,
    task: async () => {
      const marked = await checkRedisMemory(sync, epoch, () => schedules.install(config.schedules));
      if (marked !== null) sync.logger.info('Marked what a Redis without memory may have missed', { marked });
      const missing = await schedules.missing();
      if (missing.length === 0) return;
      sync.logger.warn('Schedules were missing in Redis and are installed again', { missing });
      await schedules.install(config.schedules);
    },
    onError: (error) =>
      sync.logger.warn('Redis could not be asked for its memory; the next look will', { error }),
  });
}
