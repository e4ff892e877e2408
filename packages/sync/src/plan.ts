/** The ticks. They only plan: indexed selections in keyset pages, one small job per calendar. */
import type { CalendarId, ProviderName } from '@calfleet/domain';
import {
  calendarsToLookAtAgain,
  calendarsToRecheck,
  dueCalendars,
  expireWatches,
  expiringChannels,
  unlistedAccounts,
  unsettledCalendars,
  unwatchedCalendars,
} from '@calfleet/db';
import type { JobRequest, PullReason } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';
import { announcedPerTick, openPlan } from './pace.ts';
import { answeredMs } from './renewal.ts';
import { ringMany } from './ring.ts';
import { planStops } from './stop-watches.ts';
import { freshMs } from './watch-due.ts';

const pageSize = 500;
/** A plan looks no farther than this: a million rows, most of them of a provider whose budget is planned. */
const pagesMax = 2_000;

/** Rings for what is dirty, in the middle of a round, or waiting, and has no job: whatever Redis forgot. */
export async function drainWebhooks(deps: SyncDeps): Promise<{ pulls: number; others: number }> {
  const at = deps.clock.now();
  const requestedAt = at.toISOString();
  let pulls = 0;
  let after: CalendarId | null = null;
  const most = announcedPerTick(deps);
  while (pulls < most) {
    const page: Unsettled[] = await deps.db.transaction({ role: 'worker' }, (tx) =>
      unsettledCalendars(tx, { after, limit: pageSize, at }),
    );
    await ringMany(
      deps,
      page.map((calendar) => ({
        name: 'pull-calendar' as const,
        payload: { calendarId: calendar.id, reason: reasonOf(calendar), requestedAt },
      })),
    );
    pulls += page.length;
    after = page.at(-1)?.id ?? null;
    if (page.length < pageSize) break;
  }
  await endWatches(deps, at);
  const others = await waitingWork(deps, at);
  await ringMany(deps, others);
  const { stops } = await planStops(deps);
  return { pulls, others: others.length + stops };
}

/** Batches of channels that ran out: after an outage, all of them at once. The next tick goes on. */
const endedMax = 50;

async function endWatches(deps: SyncDeps, at: Date): Promise<void> {
  for (let batches = 0; batches < endedMax; batches += 1) {
    const ended = await deps.db.transaction({ role: 'worker' }, (tx) =>
      expireWatches(tx, { limit: pageSize, at }),
    );
    if (ended < pageSize) return;
  }
}

interface Unsettled {
  id: CalendarId;
  isFirst: boolean;
  isDirty: boolean;
}

/**
 * A first mirror may take long and has its own queue: it never stands before live work. A round that nobody carries on, and
 * that nothing was announced for, may wait for its budget: it must not overtake what was.
 */
const reasonOf = ({ isFirst, isDirty }: Unsettled): PullReason =>
  isFirst ? 'backfill' : isDirty ? 'notify' : 'schedule';

/** A wish younger than this has a job. */
const unlistedMs = 60_000;

const waitingWork = (deps: SyncDeps, at: Date): Promise<JobRequest[]> =>
  deps.db.transaction({ role: 'worker' }, async (tx) => {
    const before = (ms: number): Date => new Date(at.getTime() - ms);
    const watch = { after: null, limit: pageSize, at };
    const until = new Date(at.getTime() + freshMs);
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
      ...[
        ...(await unwatchedCalendars(tx, { ...watch, triedBefore: before(answeredMs) })),
        ...(await expiringChannels(tx, { ...watch, until })),
      ].map(({ id: calendarId }) => ({ name: 'ensure-watch' as const, payload: { calendarId } })),
    ];
  });

/** Plans the due pulls of users who asked for a beat of their own. */
export const planAutoSync = (deps: SyncDeps): Promise<{ pulls: number }> => planDue(deps, 'auto');

/** Plans all pulls that are due although nobody rang. */
export const planDuePulls = (deps: SyncDeps): Promise<{ pulls: number }> => planDue(deps, 'all');

async function planDue(deps: SyncDeps, whose: 'auto' | 'all'): Promise<{ pulls: number }> {
  const at = deps.clock.now();
  const requestedAt = at.toISOString();
  const plan = openPlan(deps, whose === 'auto' ? 'auto-sync' : 'incremental-pull');
  let pulls = 0;
  let after: { at: Date; id: CalendarId } | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page: { at: Date; id: CalendarId; provider: ProviderName }[] = await deps.db.transaction(
      { role: 'worker' },
      (tx) => dueCalendars(tx, { whose, after, limit: pageSize, at }),
    );
    const jobs = page.flatMap(({ id, provider }) => {
      const delayMs = plan.next(provider, id);
      const payload = { calendarId: id, reason: 'schedule' as const, requestedAt };
      return delayMs === null ? [] : [{ name: 'pull-calendar' as const, payload, options: { delayMs } }];
    });
    if (jobs.length > 0) await ringMany(deps, jobs);
    pulls += jobs.length;
    after = page.at(-1) ?? null;
    if (page.length < pageSize || plan.isFull()) break;
  }
  return { pulls };
}
