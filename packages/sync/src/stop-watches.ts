/** Channels that nobody wants are stopped while their account can still be asked; else they run out. */
import { asSyncError, type SyncError, type WatchId } from '@calfleet/domain';
import {
  abandonUnanswered,
  endWatch,
  lockForStop,
  markReauthNeeded,
  planStop,
  retireHomeless,
  retireOverwatched,
  stopAttemptsMax,
  watchesToStop,
  type WatchToStop,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { countInvalidated } from './provider-counts.ts';
import { providerOf } from './provider-of.ts';
import { ringMany } from './ring.ts';
import { isPutOff } from './watch-due.ts';
import { isReplaced } from './watch.ts';

const minuteMs = 60_000;
/** 1 min, 2, 4 … to six hours: ten attempts take a good day. */
const backoffMaxMs = 6 * 60 * minuteMs;
/** An attempt that neither an answer nor a message ended by now never will be. */
const unansweredMs = 10 * minuteMs;
const pageSize = 500;

export type StopResult = 'stopped' | 'not_to_stop' | 'later' | 'given_up';

/** Each attempt is in the row before it is made: however a process ends, they are bounded. */
export async function stopWatch(
  deps: SyncDeps,
  watch: { watchId: WatchId; resourceId: string },
): Promise<StopResult> {
  const { watchId } = watch;
  const row = await deps.db.transaction({ role: 'worker' }, (tx) => beginStop(deps, tx, watchId));
  if (typeof row === 'string') return row;
  try {
    const session = deps.sessions.open({ accountId: row.account_id, provider: row.provider });
    await providerOf(deps, row).stopWatch(session, watch);
  } catch (thrown) {
    return failStop(deps, watchId, row, asSyncError(thrown));
  }
  await deps.db.transaction({ role: 'worker' }, (tx) => endWatch(tx, watchId, deps.clock.now()));
  return 'stopped';
}

async function beginStop(
  deps: SyncDeps,
  tx: Parameters<typeof lockForStop>[0],
  watchId: WatchId,
): Promise<WatchToStop | StopResult> {
  const row = await lockForStop(tx, watchId);
  if (!row) return 'not_to_stop';
  const after = (ms: number): Date => new Date(deps.clock.now().getTime() + ms);
  const attempts = row.stop_attempts + 1;
  if (row.account_status === null || attempts > stopAttemptsMax) {
    await planStop(tx, watchId, { attempts: row.stop_attempts, stopAfter: null });
    return 'given_up';
  }
  if (row.account_status !== 'active' && row.account_status !== 'disconnecting') {
    // Nobody can be asked now; a reconnect may change that before the channel runs out.
    await planStop(tx, watchId, { attempts: row.stop_attempts, stopAfter: after(backoffMaxMs) });
    return 'later';
  }
  const waitMs = Math.min(backoffMaxMs, minuteMs * 2 ** row.stop_attempts);
  await planStop(tx, watchId, { attempts, stopAfter: attempts < stopAttemptsMax ? after(waitMs) : null });
  return row;
}

/** The row says when there is a further attempt: the queue need not. */
async function failStop(
  deps: SyncDeps,
  watchId: WatchId,
  row: WatchToStop,
  error: SyncError,
): Promise<StopResult> {
  const at = deps.clock.now();
  deps.logger.warn('A channel could not be stopped', {
    watch_id: watchId,
    account_id: row.account_id,
    code: error.code,
    error: error.message,
  });
  const isLast = row.stop_attempts + 1 >= stopAttemptsMax;
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    if (error.code === 'credentials_revoked') {
      const isNews = await markReauthNeeded(tx, row.account_id, error.message, at);
      if (isNews) countInvalidated(deps.metrics, row.provider, error);
    }
    if (isPutOff(error)) {
      // That says nothing about the channel: no attempt is spent.
      const stopAfter = new Date(at.getTime() + Math.min(error.retryAfterMs ?? minuteMs, backoffMaxMs));
      await planStop(tx, watchId, { attempts: row.stop_attempts, stopAfter });
    }
  });
  if (error.code === 'bug') throw error;
  return isLast && !isPutOff(error) ? 'given_up' : 'later';
}

export interface StopsPlanned {
  /** Channels that lost their calendar. */
  orphans: number;
  /** Attempts that nobody answered. */
  abandoned: number;
  /** Channels to be stopped now. */
  stops: number;
}

/** Finds channels that nobody wants and rings for what waits to be stopped, at most so many pages of each. */
export async function planStops(deps: SyncDeps, pagesMax = 1): Promise<StopsPlanned> {
  const at = deps.clock.now();
  const found = { orphans: 0, abandoned: 0, stops: 0 };
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await findUnwanted(deps, at);
    found.orphans += page.orphans;
    found.abandoned += page.abandoned;
    if (page.orphans + page.abandoned === 0) break;
  }
  let after: { id: WatchId; at: Date } | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page: { id: WatchId; at: Date; resourceId: string }[] = await deps.db.transaction(
      { role: 'worker' },
      (tx) => watchesToStop(tx, { limit: pageSize, at, after }),
    );
    await ringMany(
      deps,
      page.map(({ id: watchId, resourceId }) => ({
        name: 'stop-watch' as const,
        payload: { watchId, resourceId },
      })),
    );
    found.stops += page.length;
    after = page.at(-1) ?? null;
    if (page.length < pageSize) break;
  }
  return found;
}

async function findUnwanted(deps: SyncDeps, at: Date): Promise<{ orphans: number; abandoned: number }> {
  const page = { limit: pageSize, at };
  const sharing = [...deps.providers].flatMap(([name, provider]) => (isReplaced(provider) ? [name] : []));
  const createdBefore = new Date(at.getTime() - unansweredMs);
  return deps.db.transaction({ role: 'worker' }, async (tx) => ({
    orphans: (await retireOverwatched(tx, page)) + (await retireHomeless(tx, page)),
    abandoned: await abandonUnanswered(tx, { ...page, createdBefore, sharing }),
  }));
}
