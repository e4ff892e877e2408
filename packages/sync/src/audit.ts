/**
 * The mirror audit: a calendar is brought to rest, read in full, and what that changed here was wrong before. The full
 * round repairs as it goes, through the brake. What the owner changed in the meantime is no difference: the cursor from
 * before the full round tells which events those are.
 */
import { asSyncError, beatMs, newId, SyncError, type CalendarId, type RemoteItem } from '@calfleet/domain';
import {
  calendarsToAudit,
  changedSince,
  markDirty,
  markFeed,
  noteAuditsPlanned,
  readForAudit,
  storeAudit,
  wasAudited,
  type AuditedCalendar,
  type Difference,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { providerOf } from './provider-of.ts';
import { pullCalendar } from './pull.ts';
import { ringMany } from './ring.ts';
import type { TickCounts } from './tick.ts';
import { askedOf } from './windows.ts';

/** One run plans at most this many: full lists are the dearest thing that we ask for. */
const plannedMax = 5_000;
const jobsAtOnce = 500;
/** The day's audits are spread over this time. */
const spreadMs = 4 * 3_600_000;

/** Plans the audits of the sample. */
export async function planAudits(deps: SyncDeps): Promise<TickCounts> {
  const sample = { percent: deps.settings.auditSamplePercent, max: plannedMax };
  const ids = await deps.db.transaction({ role: 'worker' }, (tx) => calendarsToAudit(tx, sample));
  const at = deps.clock.now();
  const requestedAt = at.toISOString();
  for (let from = 0; from < ids.length; from += jobsAtOnce) {
    const some = ids.slice(from, from + jobsAtOnce);
    await ringMany(
      deps,
      some.map((calendarId, index) => ({
        name: 'audit-calendar' as const,
        payload: { calendarId, requestedAt },
        options: { delayMs: Math.floor(((from + index) / ids.length) * spreadMs) },
      })),
    );
    await deps.db.transaction({ role: 'worker' }, (tx) => noteAuditsPlanned(tx, some, at));
  }
  return { audits: ids.length };
}

/** Pages of changes that are read to excuse what the owner changed meanwhile. */
const pagesMax = 20;
/** Another worker has the calendar: a round takes seconds. */
const busyMs = 5_000;

export interface AuditWish {
  calendarId: CalendarId;
  requestedAt: Date;
  /** By a person, who waits for it. */
  asked: boolean;
}

export interface AuditOutcome {
  /**
   * `unclear`: the provider could not say what changed meanwhile. `always_full`: read in full with every pull anyway.
   * `handed_back`: the process stops, and another one begins anew.
   */
  outcome: 'completed' | 'unclear' | 'not_askable' | 'always_full' | 'handed_back';
  differences: number;
}

const nothing = (outcome: AuditOutcome['outcome']): AuditOutcome => ({ outcome, differences: 0 });

/** @throws SyncError as a pull does; `rate_limited` while another worker has the calendar */
export async function auditCalendar(
  deps: SyncDeps,
  wish: AuditWish,
  signal: AbortSignal,
): Promise<AuditOutcome> {
  const standing = await deps.db.transaction({ role: 'worker' }, (tx) => readForAudit(tx, wish.calendarId));
  // An audit that was interrupted is carried on: the cursor is still the one from before it.
  const calendar = standing?.auditingSince ? standing : await comeToRest(deps, wish.calendarId, signal);
  if (calendar === null) return nothing('not_askable');
  if (calendar === 'handed_back' || signal.aborted) return handBack(deps, wish);
  if (calendar.cursor === null) return nothing('always_full');
  const at = calendar.auditingSince ?? deps.clock.now();
  const seq = calendar.auditingSince ? 0n : await deps.db.transaction({ role: 'worker' }, markFeed);
  const request = { calendarId: calendar.id, reason: 'audit' as const, requestedAt: at };
  const pulled = await pullCalendar(deps, request, signal);
  if (pulled === 'handed_back') return handBack(deps, wish);
  const isOurs = await deps.db.transaction({ role: 'worker' }, (tx) => wasAudited(tx, calendar.id, at));
  if (!isOurs) throw busy();
  const changed = await deps.db.transaction({ role: 'worker' }, (tx) =>
    changedSince(tx, calendar, { at, seq }),
  );
  const excused = changed.length > 0 ? await changedMeanwhile(deps, calendar) : new Set<string>();
  return keep(deps, calendar, { wish, changed, excused });
}

const busy = (): SyncError =>
  new SyncError('rate_limited', 'Another worker is at this calendar.', { retryAfterMs: busyMs });

async function handBack(deps: SyncDeps, wish: AuditWish): Promise<AuditOutcome> {
  const requestedAt = wish.requestedAt.toISOString();
  await deps.jobs.enqueue('audit-calendar', { ...wish, requestedAt });
  return nothing('handed_back');
}

/** An ordinary pull first: what only waited to be asked for is not wrong. */
async function comeToRest(
  deps: SyncDeps,
  calendarId: CalendarId,
  signal: AbortSignal,
): Promise<AuditedCalendar | 'handed_back' | null> {
  const marked = await deps.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
  if (marked === null) return null;
  const request = { calendarId, reason: 'schedule' as const, requestedAt: deps.clock.now() };
  const pulled = await pullCalendar(deps, request, signal);
  const calendar = await deps.db.transaction({ role: 'worker' }, (tx) => readForAudit(tx, calendarId));
  if (calendar === null || pulled === 'handed_back') return calendar && 'handed_back';
  if (pulled === 'busy') throw busy();
  return calendar;
}

/** Ids of what changed at the provider since the calendar was at rest; null when it cannot tell. */
async function changedMeanwhile(deps: SyncDeps, calendar: AuditedCalendar): Promise<Set<string> | null> {
  const provider = providerOf(deps, calendar);
  const window = { start: calendar.windowStart ?? new Date(0), end: calendar.windowEnd ?? new Date(0) };
  const asked = provider.windowed ? askedOf(window) : window;
  const ids = new Set<string>();
  let pageCursor: string | null = null;
  try {
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const page = await provider.listChanges(deps.sessions.open({ ...calendar, urgency: 'backfill' }), {
        providerCalendarId: calendar.providerCalendarId,
        cursor: calendar.cursor,
        pageCursor,
        window: { start: asked.start.toISOString(), end: asked.end.toISOString() },
        pageSize: deps.settings.pageSize,
        calendarTimeZone: calendar.timeZone,
      });
      for (const item of page.items) for (const id of idsOf(item)) ids.add(id);
      if (page.nextPageCursor === null) return ids;
      pageCursor = page.nextPageCursor;
    }
  } catch (thrown) {
    if (asSyncError(thrown).code !== 'cursor_expired') throw thrown;
  }
  return null;
}

function idsOf(item: RemoteItem): string[] {
  if (item.type === 'event') {
    const { providerEventId, exceptionOf } = item.event;
    return [providerEventId, ...(exceptionOf ? [exceptionOf.providerSeriesId] : [])];
  }
  const id = item.providerEventId === null ? [] : [item.providerEventId];
  return item.type === 'instance' ? [...id, item.providerSeriesId] : id;
}

async function keep(
  deps: SyncDeps,
  calendar: AuditedCalendar,
  found: { wish: { requestedAt: Date }; changed: readonly Difference[]; excused: Set<string> | null },
): Promise<AuditOutcome> {
  const { excused, wish } = found;
  const isExcused = ({ providerEventId: id, providerSeriesId: series }: Difference): boolean =>
    excused === null || excused.has(id) || (series !== null && excused.has(series));
  const differences = found.changed.filter((difference) => !isExcused(difference));
  const outcome = excused === null ? ('unclear' as const) : ('completed' as const);
  const at = deps.clock.now();
  const { seen } = await deps.db.transaction({ role: 'worker' }, (tx) =>
    storeAudit(tx, calendar, {
      id: newId(),
      outcome,
      differences,
      requestedAt: wish.requestedAt,
      at,
      lookBy: new Date(at.getTime() + beatMs),
    }),
  );
  const { provider } = calendar;
  for (const { kind } of differences) {
    deps.metrics.auditDifferences.inc({ provider, kind });
    deps.metrics.missedChange.inc({ provider, found_by: 'audit' });
  }
  const facts = { calendar_id: calendar.id, account_id: calendar.accountId, outcome, seen };
  if (differences.length === 0) deps.logger.info('Audited', { ...facts, differences: 0 });
  else
    deps.logger.warn('The audit found differences and repaired them', {
      ...facts,
      differences: differences.length,
      event_ids: differences.slice(0, 20).map(({ eventId }) => eventId),
    });
  return { outcome, differences: differences.length };
}
