/** The ticks. They only plan: indexed selections in keyset pages, one small job per calendar. */
import type { CalendarId } from '@calfleet/domain';
import {
  calendarsToLookAtAgain,
  calendarsToRecheck,
  calendarsToWatch,
  dueCalendars,
  expireWatches,
  unlistedAccounts,
  unsettledCalendars,
} from '@calfleet/db';
import type { JobRequest } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';
import { freshMs } from './watch.ts';

const pageSize = 500;
/** One tick plans at most this many; Google grants a project 10,000 requests a minute. The next tick goes on. */
const plannedMax = 5_000;
/** Due pulls are spread over this time, so that a beat is no burst. */
const spreadMs = 60_000;

/** Rings for what is dirty, in the middle of a round, or waiting, and has no job: whatever Redis forgot. */
export async function drainWebhooks(deps: SyncDeps): Promise<{ pulls: number; others: number }> {
  const at = deps.clock.now();
  const requestedAt = at.toISOString();
  let pulls = 0;
  let after: CalendarId | null = null;
  while (pulls < plannedMax) {
    const page: { id: CalendarId; isFirst: boolean }[] = await deps.db.transaction({ role: 'worker' }, (tx) =>
      unsettledCalendars(tx, { after, limit: pageSize, at }),
    );
    await deps.jobs.enqueueMany(
      page.map(({ id: calendarId, isFirst }) => ({
        name: 'pull-calendar' as const,
        // A first mirror may take long and has its own queue: it never stands before live work.
        payload: { calendarId, reason: isFirst ? ('backfill' as const) : ('notify' as const), requestedAt },
      })),
    );
    pulls += page.length;
    after = page.at(-1)?.id ?? null;
    if (page.length < pageSize) break;
  }
  const others = await waitingWork(deps, at);
  await deps.jobs.enqueueMany(others);
  return { pulls, others: others.length };
}

/** A wish younger than this has a job; a failed attempt is made again after it. */
const retryMs = 10 * 60_000;
const unlistedMs = 60_000;

const waitingWork = (deps: SyncDeps, at: Date): Promise<JobRequest[]> =>
  deps.db.transaction({ role: 'worker' }, async (tx) => {
    const before = (ms: number): Date => new Date(at.getTime() - ms);
    await expireWatches(tx, at);
    const watch = { limit: pageSize, until: new Date(at.getTime() + freshMs), triedBefore: before(retryMs) };
    const requestedAt = at.toISOString();
    return [
      ...(await calendarsToLookAtAgain(tx, { limit: pageSize, at })).map((calendarId) => ({
        name: 'pull-calendar' as const,
        payload: { calendarId, reason: 'schedule' as const, requestedAt },
      })),
      ...(await calendarsToRecheck(tx, { limit: pageSize, at })).map((calendarId) => ({
        name: 'recheck-events' as const,
        payload: { calendarId },
      })),
      ...(await unlistedAccounts(tx, { limit: pageSize, touchedBefore: before(unlistedMs) })).map(
        (accountId) => ({
          name: 'discover-account' as const,
          payload: { accountId },
        }),
      ),
      ...(await calendarsToWatch(tx, watch)).map((calendarId) => ({
        name: 'ensure-watch' as const,
        payload: { calendarId },
      })),
    ];
  });

/** Plans the due pulls of users who asked for a beat of their own. */
export const planAutoSync = (deps: SyncDeps): Promise<{ pulls: number }> => planDue(deps, 'auto');

/** Plans all pulls that are due although nobody rang. */
export const planDuePulls = (deps: SyncDeps): Promise<{ pulls: number }> => planDue(deps, 'all');

async function planDue(deps: SyncDeps, whose: 'auto' | 'all'): Promise<{ pulls: number }> {
  const at = deps.clock.now();
  const requestedAt = at.toISOString();
  let pulls = 0;
  let after: { at: Date; id: CalendarId } | null = null;
  while (pulls < plannedMax) {
    const page: { at: Date; id: CalendarId }[] = await deps.db.transaction({ role: 'worker' }, (tx) =>
      dueCalendars(tx, { whose, after, limit: pageSize, at }),
    );
    await deps.jobs.enqueueMany(
      page.map(({ id }) => ({
        name: 'pull-calendar' as const,
        payload: { calendarId: id, reason: 'schedule' as const, requestedAt },
        options: { delayMs: spread(id) },
      })),
    );
    pulls += page.length;
    after = page.at(-1) ?? null;
    if (page.length < pageSize) break;
  }
  return { pulls };
}

/** The same calendar always waits the same part of the beat: its id is random enough. */
const spread = (id: CalendarId): number => Number.parseInt(id.slice(-4), 16) % spreadMs;
