/** The ticks. They only plan: indexed selections in keyset pages, one small job per calendar. */
import { asSyncError, type CalendarId, type ProviderName } from '@calfleet/domain';
import {
  accountsLeaving,
  calendarsToLookAtAgain,
  calendarsToPush,
  calendarsToRecheck,
  dueCalendars,
  expireWatches,
  expiringChannels,
  unlistedAccounts,
  unsettledCalendars,
  unwatchedCalendars,
  type Transaction,
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

/**
 * Rings for what is dirty, in the middle of a round, or waiting, and has no job: whatever Redis forgot. Each part in
 * transactions of its own: one that fails stops no other.
 * @throws the first failure, once all parts had their turn
 */
export async function drainWebhooks(deps: SyncDeps): Promise<{ pulls: number; others: number }> {
  const at = deps.clock.now();
  const failures: unknown[] = [];
  const attempt = async (part: string, work: () => Promise<number>): Promise<number> => {
    try {
      return await work();
    } catch (thrown) {
      const { code, message } = asSyncError(thrown);
      deps.logger.warn('A part of the drain failed', { part, code, error: message });
      failures.push(thrown);
      return 0;
    }
  };
  const pulls = await attempt('unsettled calendars', () => ringUnsettled(deps, at));
  await attempt('channels that ran out', () => endWatches(deps, at));
  let others = 0;
  for (const [part, read] of Object.entries(waitingWork(at))) {
    others += await attempt(part, async () => {
      const jobs = await deps.db.transaction({ role: 'worker' }, read);
      await ringMany(deps, jobs);
      return jobs.length;
    });
  }
  others += await attempt('channels to stop', async () => (await planStops(deps)).stops);
  if (failures.length > 0) throw failures[0];
  return { pulls, others };
}

async function ringUnsettled(deps: SyncDeps, at: Date): Promise<number> {
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
  return pulls;
}

/** Channels that ran out: after an outage, all of them at once. So many batches, and the next tick goes on. */
const endedBatches = 20;
const endedAtOnce = 1_000;

async function endWatches(deps: SyncDeps, at: Date): Promise<number> {
  let all = 0;
  for (let batches = 0; batches < endedBatches; batches += 1) {
    const ended = await deps.db.transaction({ role: 'worker' }, (tx) =>
      expireWatches(tx, { limit: endedAtOnce, at }),
    );
    all += ended;
    if (ended < endedAtOnce) break;
  }
  return all;
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

const waitingWork = (at: Date): Record<string, (tx: Transaction) => Promise<JobRequest[]>> => {
  const before = (ms: number): Date => new Date(at.getTime() - ms);
  const page = { limit: pageSize, at };
  const watch = { ...page, after: null };
  const requestedAt = at.toISOString();
  const ensureWatch = ({ id: calendarId }: { id: CalendarId }): JobRequest => ({
    name: 'ensure-watch',
    payload: { calendarId },
  });
  return {
    'calendars to look at again': async (tx) =>
      (await calendarsToLookAtAgain(tx, page)).map((calendarId) => ({
        name: 'pull-calendar',
        payload: { calendarId, reason: 'schedule', requestedAt },
      })),
    'writes that may leave': async (tx) =>
      (await calendarsToPush(tx, at, pageSize)).map((calendarId) => ({
        name: 'push-calendar',
        payload: { calendarId },
      })),
    'events to read again': async (tx) =>
      (await calendarsToRecheck(tx, page)).map((calendarId) => ({
        name: 'recheck-events',
        payload: { calendarId },
      })),
    'accounts never listed': async (tx) =>
      (await unlistedAccounts(tx, { limit: pageSize, touchedBefore: before(unlistedMs) })).map(
        (accountId) => ({
          name: 'discover-account',
          payload: { accountId },
        }),
      ),
    'accounts that leave': async (tx) =>
      (await accountsLeaving(tx, page)).map((accountId) => ({
        name: 'leave-account',
        payload: { accountId },
      })),
    'calendars without a channel': async (tx) =>
      (await unwatchedCalendars(tx, { ...watch, triedBefore: before(answeredMs) })).map(ensureWatch),
    'channels in their last hour': async (tx) =>
      (await expiringChannels(tx, { ...watch, until: new Date(at.getTime() + freshMs) })).map(ensureWatch),
  };
};

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
