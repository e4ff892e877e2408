/**
 * How every tick runs: it says on its own stream when it begins and what it did, keeps its last run where an operator
 * finds it, and a failure is its own: the next tick comes by itself.
 */
import { asSyncError } from '@calfleet/domain';
import { beginSchedule, endSchedule } from '@calfleet/db';
import type { TickName } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';

/** What a tick did, in numbers. */
export type TickCounts = Record<string, number>;

/** The `stream` of a tick's log lines. */
export const streams: Record<TickName, string> = {
  'auto-sync': 'calendar_auto_sync',
  'webhook-drain': 'calendar_webhook_processor',
  'conflict-resolution': 'calendar_conflict_resolution',
  cleanup: 'calendar_cleanup',
  'incremental-pull': 'calendar_incremental_pull',
  'watch-renewal': 'calendar_watch_renewal',
  'mirror-audit': 'calendar_mirror_audit',
};

/** @throws what the work throws, once it is said and kept */
export async function runTick(
  deps: SyncDeps,
  name: TickName,
  work: (deps: SyncDeps) => Promise<TickCounts>,
): Promise<void> {
  const logger = deps.logger.child({ stream: streams[name] });
  const startedAt = deps.clock.now();
  logger.info('Tick started');
  await deps.db.transaction({ role: 'worker' }, (tx) => beginSchedule(tx, { name, at: startedAt }));
  let counts: TickCounts = {};
  let failure: Error | null = null;
  try {
    counts = await work({ ...deps, logger });
  } catch (thrown) {
    failure = thrown instanceof Error ? thrown : asSyncError(thrown);
  }
  const at = deps.clock.now();
  const error = failure === null ? null : asSyncError(failure).code;
  const durationMs = at.getTime() - startedAt.getTime();
  deps.metrics.tickRuns.inc({ tick: name, outcome: failure === null ? 'completed' : 'failed' });
  deps.metrics.tickDuration.observe({ tick: name }, durationMs / 1_000);
  const facts = { ...counts, duration_ms: durationMs };
  if (failure === null) logger.info('Tick ended', facts);
  else logger.error('Tick failed', { ...facts, error: failure });
  await deps.db.transaction({ role: 'worker' }, (tx) => endSchedule(tx, { name, at, counts, error }));
  if (failure !== null) throw failure;
}
