/** Keeps the feed's partitions ahead of time: a change without a partition could not be written. */
import { ensureChangePartitions } from '@calfleet/db';
import type { SyncDeps } from '@calfleet/sync';
import { startBeat, type Beat } from './beat.ts';

/** Two months: a fleet whose workers all stood still for weeks still writes. */
const weeksAhead = 8;
const everyMs = 86_400_000;

export const ensurePartitions = ({ db, clock }: Pick<SyncDeps, 'db' | 'clock'>): Promise<number> =>
  db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, clock.now(), weeksAhead));

export function keepPartitions(deps: Pick<SyncDeps, 'db' | 'clock' | 'logger'>): Beat {
  return startBeat({
    everyMs,
    task: async () => {
      const made = await ensurePartitions(deps);
      if (made > 0) deps.logger.info('Partitions of the feed made', { made });
    },
    onError: (error) => deps.logger.error('The partitions of the feed could not be made', { error }),
  });
}
