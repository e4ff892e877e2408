/** Single reads: events whose page was older than what their row knew, and quarantined items tried again. */
import { SyncError, type CalendarId, type RemoteItem } from '@calfleet/domain';
import {
  dueRechecks,
  markDirty,
  readForRecheck,
  requestedRetries,
  settleRecheck,
  takeEvidence,
  type Evidence,
  type RecheckedCalendar,
} from '@calfleet/db';
import { sortItems, storeItems } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import { storeHalving } from './halve.ts';
import { providerOf, ring } from './pull.ts';

/** One job's worth of single reads; the drain rings again for the rest. */
const batch = 50;

/** @returns how many events were read again */
export async function recheckEvents(
  deps: SyncDeps,
  calendarId: CalendarId,
  signal: AbortSignal,
): Promise<number> {
  const work = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const calendar = await readForRecheck(tx, calendarId);
    if (!calendar) return null;
    const ids = [
      ...(await dueRechecks(tx, calendarId, deps.clock.now(), batch)),
      ...(await requestedRetries(tx, calendarId, batch)),
    ];
    return { calendar, ids: [...new Set(ids)] };
  });
  let read = 0;
  for (const id of work?.ids ?? []) {
    if (!work || signal.aborted) break;
    await recheckOne(deps, work.calendar, id);
    read += 1;
  }
  return read;
}

async function recheckOne(
  deps: SyncDeps,
  calendar: RecheckedCalendar,
  providerEventId: string,
): Promise<void> {
  const item = await readOne(deps, calendar, providerEventId);
  if (item === null) return leaveToTheList(deps, calendar, providerEventId);
  await deps.db.transaction({ role: 'worker', calendars: [calendar.id] }, async (tx) => {
    const at = deps.clock.now();
    // Quarantine keeps what makes no sense: there is nothing to come back for.
    if (item.type === 'unreadable') await settleRecheck(tx, calendar.id, providerEventId);
    const evidence: Evidence = {
      calendarId: calendar.id,
      userId: calendar.user_id,
      accountId: calendar.account_id,
      // Asked just now: nothing in the row is newer, but for what was written while the answer travelled.
      writeSeq: calendar.write_seq,
      ...(await takeEvidence(tx, calendar.id)),
      windowStart: calendar.window_start,
      windowEnd: calendar.window_end,
      at,
    };
    await storeItems(tx, evidence, sortItems([item]), storeHalving, true);
  });
}

/** null: the provider knows no such event, or no such calendar any more; a single read cannot tell which. */
async function readOne(
  deps: SyncDeps,
  calendar: RecheckedCalendar,
  providerEventId: string,
): Promise<RemoteItem | null> {
  const session = deps.sessions.open({ accountId: calendar.account_id, provider: calendar.provider });
  try {
    return await providerOf(deps, calendar).getEvent(session, {
      providerCalendarId: calendar.provider_calendar_id,
      providerEventId,
      calendarTimeZone: calendar.time_zone,
    });
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'remote_missing') throw error;
    return null;
  }
}

/** Nothing is deleted by a 404: the next list says what is gone, and the brake judges absence. */
async function leaveToTheList(
  deps: SyncDeps,
  calendar: RecheckedCalendar,
  providerEventId: string,
): Promise<void> {
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    await settleRecheck(tx, calendar.id, providerEventId);
    await markDirty(tx, calendar.id);
  });
  await ring(deps, calendar.id, 'notify');
}
