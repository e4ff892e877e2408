/**
 * The daily tick that keeps tables small: windows move on, and what is past its time is deleted. Bounded batches, each
 * its own short transaction that waits for nobody; one table's failure stops no other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncError } from '@calfleet/domain';
import {
  dropChangePartitions,
  pastAudits,
  pastChanges,
  pastChannels,
  pastEvents,
  pastIdempotencyKeys,
  pastOauthStates,
  pastQuarantine,
  pastRevisions,
  pastRuns,
  pastWrites,
  sqlStateOf,
  type PastRows,
} from '@calfleet/db';
import { createBudget } from './budget.ts';
import type { SyncDeps, SyncSettings } from './deps.ts';
import { moveWindows } from './move-windows.ts';
import { deletePast } from './past-rows.ts';
import type { TickCounts } from './tick.ts';

export interface CleanupLimits {
  /** Rows of a batch. A deleted event may cost an advisory lock, and Postgres as shipped has room for 6,400. */
  rows: number;
  /** Batches of a table: twenty million rows a night. What is left waits for the next one. */
  batches: number;
  /** For the windows, and then for all tables together. */
  ms: number;
  /** A transaction under a calendar's lock goes on with its next step for so long: a pull waits for its end. */
  holdMs: number;
}

const aNight: CleanupLimits = { rows: 1_000, batches: 20_000, ms: 3_600_000, holdMs: 250 };
const dayMs = 86_400_000;
/** Readers may go on from a place of 30 days ago (the API's word); a day more, since clocks differ. */
const feedDays = 31;
/** 24 hours are promised; an hour more, since clocks differ. A sign-in that is over is told apart from a made-up one as long. */
const idempotencyDays = 25 / 24;

interface CleanupOptions {
  signal?: AbortSignal | null;
  limits?: CleanupLimits;
  /** Between two attempts to lock the feed. */
  pause?: (ms: number) => Promise<void>;
}

/** @returns rows that went, per table; `left`: tables with more to do; `failed`: what could not be cleaned */
export async function cleanUp(
  deps: SyncDeps,
  { signal = null, limits = aNight, pause = pauseUnless(signal) }: CleanupOptions = {},
): Promise<TickCounts> {
  const night = new Night(deps, limits, signal, pause);
  // First: an empty future is seen by users, an old row by nobody.
  await night.attempt('windows', () => night.windows());
  const until = performance.now() + limits.ms;
  await night.attempt('feed', () => night.feed(until));
  for (const [name, { rows, days }] of Object.entries(tablesOf(deps.settings.keptDays))) {
    await night.attempt(name, () => night.table(name, { rows, before: night.daysAgo(days), until }));
  }
  return night.counts;
}

/** Cut short when the process stops. */
const pauseUnless =
  (signal: AbortSignal | null) =>
  (ms: number): Promise<void> =>
    sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);

const tablesOf = (kept: SyncSettings['keptDays']): Record<string, { rows: PastRows; days: number }> => ({
  idempotency_keys: { rows: pastIdempotencyKeys, days: idempotencyDays },
  oauth_states: { rows: pastOauthStates, days: idempotencyDays },
  channels: { rows: pastChannels, days: kept.channels },
  runs: { rows: pastRuns, days: kept.runs },
  audits: { rows: pastAudits, days: kept.audits },
  writes: { rows: pastWrites, days: kept.history },
  revisions: { rows: pastRevisions, days: kept.history },
  quarantine: { rows: pastQuarantine, days: kept.quarantine },
  events: { rows: pastEvents, days: kept.deletedEvents },
});

class Night {
  readonly counts: TickCounts = { left: 0, failed: 0 };
  private readonly at: Date;

  constructor(
    private readonly deps: SyncDeps,
    private readonly limits: CleanupLimits,
    private readonly signal: AbortSignal | null,
    private readonly pause: (ms: number) => Promise<void>,
  ) {
    this.at = deps.clock.now();
  }

  daysAgo(days: number): Date {
    return new Date(this.at.getTime() - days * dayMs);
  }

  async attempt(name: string, work: () => Promise<boolean>): Promise<void> {
    try {
      if (await work()) return;
      this.add('left', 1);
      this.deps.logger.warn('Cleanup goes on with the next tick', { table: name });
    } catch (thrown) {
      const error = asSyncError(thrown);
      this.add('failed', 1);
      this.deps.logger.error('Cleanup failed', { table: name, code: error.code, error });
    }
  }

  async windows(): Promise<boolean> {
    const { batches, ms, holdMs } = this.limits;
    const moved = await moveWindows(this.deps, createBudget({ batches, ms, signal: this.signal }), holdMs);
    this.add('windows', moved.moved);
    this.add('occurrences', moved.dropped);
    this.add('failed', moved.failed);
    return moved.isDone;
  }

  /** Weeks are dropped; of what stands beside them, rows are deleted. */
  async feed(until: number): Promise<boolean> {
    const before = this.daysAgo(feedDays);
    const dropped = await this.dropWeeks(before);
    if (dropped === null) return false;
    this.add('feed_weeks', dropped);
    this.deps.metrics.cleanupRows.inc({ table: 'feed_weeks' }, dropped);
    return this.table('feed_rows', { rows: pastChanges, before: weekOf(before), until });
  }

  async table(
    name: string,
    { rows, before, until }: { rows: PastRows; before: Date; until: number },
  ): Promise<boolean> {
    const { batches, rows: batchSize } = this.limits;
    const budget = createBudget({ batches, ms: until - performance.now(), signal: this.signal });
    const deleted = await deletePast(this.deps, { name, rows, before, batchSize }, budget);
    this.add(name, deleted.rows);
    return deleted.isDone;
  }

  /** @returns null: somebody read or wrote the feed all the time */
  private async dropWeeks(before: Date): Promise<number | null> {
    for (let attempts = 0; attempts < feedAttempts; attempts += 1) {
      if (attempts > 0) await this.pause(feedPauseMs.least + Math.random() * feedPauseMs.more);
      if (attempts > 0 && this.signal?.aborted) return null;
      try {
        return await this.deps.db.transaction({ role: 'worker', lockTimeoutMs: feedLockMs }, (tx) =>
          dropChangePartitions(tx, before),
        );
      } catch (error) {
        if (sqlStateOf(error) !== '55P03') throw error;
      }
    }
    return null;
  }

  private add(name: string, count: number): void {
    this.counts[name] = (this.counts[name] ?? 0) + count;
  }
}

/** While we wait for the feed, its readers and writers wait for us: 0.3 s at a time, and not for ever. */
const feedLockMs = 300;
const feedAttempts = 10;
/** In between they go on; a reader that comes back in step is not met each time. */
const feedPauseMs = { least: 1_000, more: 4_000 };

/** The Monday, in UTC, with which its week began: as the partitions are cut. */
function weekOf(at: Date): Date {
  const day = Math.floor(at.getTime() / dayMs);
  // 1970-01-01 was a Thursday.
  return new Date((day - ((day + 3) % 7)) * dayMs);
}
