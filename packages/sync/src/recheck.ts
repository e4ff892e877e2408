/**
 * Single reads: events whose page was older than what their row knew, quarantined items tried again, and whatever a
 * windowed provider no longer showed.
 */
import {
  asSyncError,
  newId,
  readsMax,
  type CalendarId,
  type RemoteItem,
  type SyncErrorCode,
} from '@calfleet/domain';
import {
  acquireLease,
  doubtLife,
  dueRechecks,
  expireOutside,
  isDatabaseUnavailable,
  isDirty,
  keepLease,
  lookAgainAt,
  markDirty,
  readForRecheck,
  releaseLease,
  removeUnshown,
  requestFullRound,
  requestedRetries,
  settleHeld,
  settleRechecks,
  takeEvidence,
  type DueRecheck,
  type Evidence,
  type LeasedCalendar,
  type RecheckedCalendar,
} from '@calfleet/db';
import type { PullReason } from '@calfleet/jobs';
import { sortItems, storeItems } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import { storeHalving } from './halve.ts';
import { providerOf } from './provider-of.ts';
import { ring } from './ring.ts';
import { askedOf, keptOf } from './windows.ts';

/** One job's worth of batches; the drain rings again for the rest. */
const batchesMax = 50;

/**
 * @param how.urgency of the budget that it may spend
 * @param how.isLastTry the queue does not come back: what cannot be read now waits, or each drain would ring for it
 * @returns how many events were read again; 0 also when somebody else is at the calendar
 */
export async function recheckEvents(
  deps: SyncDeps,
  calendarId: CalendarId,
  signal: AbortSignal,
  how: { urgency?: PullReason; isLastTry?: boolean } = {},
): Promise<number> {
  const first = await nextBatch(deps, calendarId);
  if (!first) return 0;
  try {
    return await recheck(deps, first, signal, how.urgency ?? 'schedule');
  } catch (thrown) {
    const error = asSyncError(thrown);
    const waits =
      error.code === 'rate_limited' || error.code === 'lease_lost' || isDatabaseUnavailable(thrown);
    if (!waits && (how.isLastTry || !triedAgain.has(error.code))) {
      // The batch that failed stands first, still.
      const batch = await nextBatch(deps, calendarId);
      const ids = batch?.due.map((each) => each.providerEventId) ?? [];
      deps.logger.warn('Events cannot be read now', {
        calendar_id: calendarId,
        code: error.code,
        events: ids.length,
      });
      await putOff(deps, calendarId, ids);
    }
    throw error;
  }
}

/** The queue tries these again by itself. */
const triedAgain = new Set<SyncErrorCode>([
  'provider_unavailable',
  'cursor_expired',
  'version_conflict',
  'bug',
]);

async function recheck(
  deps: SyncDeps,
  first: Batch,
  signal: AbortSignal,
  urgency: PullReason,
): Promise<number> {
  const calendarId = first.calendar.id;
  const how = { urgency, signal };
  if (!providerOf(deps, first.calendar).windowed) return readBatches(deps, calendarId, null, how);
  // Instances carry no evidence of their own: no page may be applied between a look and what is made of it.
  const lease = await deps.db.transaction({ role: 'worker' }, (tx) => acquireLease(tx, calendarId));
  if (!lease) return 0;
  try {
    return await readBatches(deps, calendarId, lease, how);
  } finally {
    const isRung = await deps.db.transaction({ role: 'worker' }, async (tx) => {
      await settleHeld(tx, calendarId);
      await releaseLease(tx, lease, null);
      return isDirty(tx, calendarId);
    });
    if (isRung) await ring(deps, calendarId, 'notify');
  }
}

interface Batch {
  calendar: RecheckedCalendar;
  due: DueRecheck[];
}

type UrgentBatch = Batch & { urgency: PullReason };

/** null: nothing is due, or nobody may ask. */
const nextBatch = (deps: SyncDeps, calendarId: CalendarId): Promise<Batch | null> =>
  deps.db.transaction({ role: 'worker' }, async (tx) => {
    const calendar = await readForRecheck(tx, calendarId);
    if (!calendar) return null;
    const rows = await dueRechecks(tx, calendarId, deps.clock.now(), readsMax);
    const retries = await requestedRetries(tx, calendarId, readsMax - rows.length);
    const due = new Map(retries.map((id) => [id, { providerEventId: id, isSeries: false }]));
    for (const row of rows) due.set(row.providerEventId, row);
    return due.size > 0 ? { calendar, due: [...due.values()] } : null;
  });

async function readBatches(
  deps: SyncDeps,
  calendarId: CalendarId,
  lease: LeasedCalendar | null,
  { urgency, signal }: { urgency: PullReason; signal: AbortSignal },
): Promise<number> {
  let read = 0;
  for (let batches = 0; batches < batchesMax && !signal.aborted; batches += 1) {
    const batch = await nextBatch(deps, calendarId);
    if (!batch) break;
    await readApart(deps, { ...batch, urgency }, lease);
    read += batch.due.length;
  }
  return read;
}

/** Errors that speak of one event, or may: the others are not to wait for it. */
const ofOneEvent = new Set<SyncErrorCode>(['provider_unavailable', 'permission_denied', 'request_rejected']);
/** What could not be read is read again after this time. */
const laterMs = 15 * 60_000;
/** So many failures in a row are the provider's, and no event's. */
const failuresMax = 3;

/** Reads a batch; where that fails, one by one, and puts off what cannot be read now. */
async function readApart(deps: SyncDeps, batch: UrgentBatch, lease: LeasedCalendar | null): Promise<void> {
  try {
    return await readBatch(deps, batch, lease);
  } catch (thrown) {
    if (batch.due.length === 1 || !ofOneEvent.has(asSyncError(thrown).code)) throw thrown;
  }
  let failures = 0;
  for (const due of batch.due) {
    try {
      await readBatch(deps, { ...batch, due: [due] }, lease);
      failures = 0;
    } catch (thrown) {
      const { code, message } = asSyncError(thrown);
      failures += 1;
      if (!ofOneEvent.has(code) || failures >= failuresMax) throw thrown;
      deps.logger.warn('An event cannot be read now', {
        calendar_id: batch.calendar.id,
        code,
        error: message,
      });
      await putOff(deps, batch.calendar.id, [due.providerEventId]);
    }
  }
}

const putOff = (deps: SyncDeps, calendarId: CalendarId, ids: readonly string[]): Promise<void> =>
  deps.db.transaction({ role: 'worker' }, async (tx) => {
    await settleRechecks(tx, calendarId, ids);
    await lookAgainAt(tx, calendarId, ids, new Date(deps.clock.now().getTime() + laterMs));
  });

async function readBatch(
  deps: SyncDeps,
  { calendar, due, urgency }: UrgentBatch,
  lease: LeasedCalendar | null,
): Promise<void> {
  const window = { start: calendar.window_start, end: calendar.window_end };
  const asked = lease ? askedOf(window) : window;
  const kept = keptOf(window);
  const series = due.filter((each) => each.isSeries).map((each) => each.providerEventId);
  const of = { accountId: calendar.account_id, provider: calendar.provider, urgency };
  const session = deps.sessions.open(of);
  const items = await providerOf(deps, calendar).readEvents(session, {
    providerCalendarId: calendar.provider_calendar_id,
    events: due.filter((each) => !each.isSeries).map((each) => each.providerEventId),
    series,
    window: { start: asked.start.toISOString(), end: asked.end.toISOString() },
    calendarTimeZone: calendar.time_zone,
  });
  const ids = due.map((each) => each.providerEventId);
  const unknown = unknownOf(ids, items);
  const mustPull = await deps.db.transaction({ role: 'worker', calendars: [calendar.id] }, async (tx) => {
    if (lease) await keepLease(tx, lease);
    const at = deps.clock.now();
    await settleRechecks(tx, calendar.id, ids);
    const evidence: Evidence = {
      calendarId: calendar.id,
      userId: calendar.user_id,
      accountId: calendar.account_id,
      // Asked just now: nothing in the row is newer, but for what was written while the answer travelled.
      writeSeq: calendar.write_seq,
      ...(await takeEvidence(tx, calendar.id)),
      ...(lease ? { windowStart: kept.start, windowEnd: kept.end } : {}),
      at,
      origin: 'provider',
    };
    const look = lease ? { id: newId(), roundId: null, window: asked } : null;
    const how = { store: storeHalving, hasQuarantine: true, look };
    const { revived } = await storeItems(tx, evidence, sortItems(items), how);
    if (!look) {
      // A series is there again, without the days that were changed: they are asked for once more, in full.
      if (revived) await requestFullRound(tx, calendar.id);
      // Nothing is deleted because an answer leaves it out: the next list says what is gone, the brake judges absence.
      else if (unknown.length > 0) await markDirty(tx, calendar.id);
      return revived || unknown.length > 0;
    }
    // A series that nobody knew to be one is read whole before anything is made of it.
    await lookAgainAt(
      tx,
      calendar.id,
      seriesIn(items).filter((id) => !series.includes(id)),
      at,
    );
    await lookAgainAt(tx, calendar.id, unknown, new Date(at.getTime() + laterMs));
    const whole = seriesIn(items).filter((id) => series.includes(id));
    await removeUnshown(tx, evidence, look, whole);
    await expireOutside(tx, evidence, [...ids, ...items.flatMap(eventIdOf)]);
    await doubtLife(tx, evidence, ids);
    return false;
  });
  if (mustPull) await ring(deps, calendar.id, 'notify');
}

/** The provider knows no such events, or no such calendar any more; it cannot tell which. */
function unknownOf(ids: readonly string[], items: readonly RemoteItem[]): string[] {
  const known = new Set(
    items.map((item) => (item.type === 'event' ? item.event.providerEventId : item.providerEventId)),
  );
  return ids.filter((id) => !known.has(id));
}

const eventIdOf = (item: RemoteItem): string[] => (item.type === 'event' ? [item.event.providerEventId] : []);

const seriesIn = (items: readonly RemoteItem[]): string[] =>
  items.flatMap((item) =>
    item.type === 'event' && item.event.kind === 'series' ? [item.event.providerEventId] : [],
  );
