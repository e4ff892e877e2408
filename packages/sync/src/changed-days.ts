/** Days of a series that are not as the others: changed, moved or called off. They outlive a series that goes on as another. */
import {
  expandSeries,
  positionOf,
  shiftTime,
  slotOf,
  SyncError,
  ZoneTable,
  type EventId,
  type EventPatch,
  type EventTime,
  type Slot,
} from '@calfleet/domain';
import {
  exceptionsFrom,
  readPlace,
  readPushed,
  slotsFrom,
  type Evidence,
  type StoredEvent,
  type Transaction,
} from '@calfleet/db';
import { storedFields, writableOf } from './event-row.ts';
import { patchBetween, type LocalWriteDeps, type WrittenCalendar } from './local-row.ts';
import { hasSlot, originalStart, plainOccurrence } from './occurrence-fields.ts';
import { writeOccurrence, writeOccurrenceDeletion, type Occurrence } from './write-occurrence.ts';
import { removeWithSeries } from './write.ts';

/** More of them than this are no case for one transaction. */
const exceptionsMax = 500;

/** A day of a series that is not as the others: what it says instead, or null where it was called off. */
export interface ChangedDay {
  slot: Slot;
  patch: EventPatch | null;
}

export async function exceptionsOf(tx: Transaction, series: StoredEvent, slot: Slot): Promise<StoredEvent[]> {
  const exceptions = await exceptionsFrom(tx, series, { slot, limit: exceptionsMax + 1 });
  if (exceptions.length <= exceptionsMax) return exceptions;
  throw new SyncError('invalid_input', `More than ${exceptionsMax} occurrences of the series were changed`);
}

/**
 * Days called off are rows, or merely not shown: not every provider says which they are.
 * @param of.lines by which the series goes on. @param of.exceptions as {@link exceptionsOf} gave them
 */
export async function changedDays(
  tx: Transaction,
  deps: LocalWriteDeps,
  of: { series: StoredEvent; slot: Slot; lines: readonly string[]; exceptions: readonly StoredEvent[] },
): Promise<ChangedDay[]> {
  const { series, slot, lines, exceptions } = of;
  const days = new Map<Slot, ChangedDay>();
  const place = await readPlace(tx, series.calendar_id);
  if (place) {
    const shown = await slotsFrom(tx, series.id, slot);
    const from = plainOccurrence(series, slot, null);
    const begin = Math.max(positionOf(from.start), place.windowStart.getTime());
    const { occurrences } = expandSeries(
      {
        ...from,
        recurrence: lines,
        window: { from: new Date(begin), to: place.windowEnd },
        replaced: shown,
      },
      deps.zones,
    );
    for (const occurrence of occurrences) days.set(occurrence.slot, { slot: occurrence.slot, patch: null });
  }
  for (const exception of exceptions) {
    if (exception.slot !== null) days.set(exception.slot, dayOf(series, exception, exception.slot));
  }
  return [...days.values()];
}

/** What an exception says that its series does not. */
export function dayOf(series: StoredEvent, exception: StoredEvent, slot: Slot): ChangedDay {
  if (exception.deleted_at !== null && exception.slot_cancelled) return { slot, patch: null };
  const plain = writableOf(plainOccurrence(series, slot, null));
  const own = { ...writableOf(storedFields(exception)), recurrence: plain.recurrence };
  return { slot, patch: patchBetween(plain, own) };
}

export function withoutFields({ slot, patch }: ChangedDay, wanted: EventPatch): ChangedDay {
  // Who changes the occurrence itself says that it takes place.
  const kept = Object.entries(patch ?? {}).filter(([name]) => !(name in wanted));
  return { slot, patch: Object.fromEntries(kept) };
}

/** Days that were not as the others, in a series that goes on in another's place. Slots that it does not have are left out. */
export async function carryDays(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  {
    series,
    days,
    moved,
  }: { series: StoredEvent; days: readonly ChangedDay[]; moved: { from: EventTime; to: EventTime } },
): Promise<void> {
  for (const { slot: before, patch } of days) {
    if (patch && Object.keys(patch).length === 0) continue;
    const slot = slotOf(shiftTime(originalStart(moved.from, before), moved, deps.zones));
    if (!hasSlot(series, slot, deps.zones)) continue;
    const placed = placedAt(series, slot);
    const occurrence: Occurrence = { series, slot, exception: null, placed };
    if (patch) await writeOccurrence(tx, deps, calendar, { occurrence, patch });
    else await writeOccurrenceDeletion(tx, deps, calendar, occurrence);
  }
}

function placedAt(series: StoredEvent, slot: Slot) {
  const { start, end } = plainOccurrence(series, slot, null);
  return { starts_at: new Date(positionOf(start)), ends_at: new Date(positionOf(end)) };
}

/** The changed days of a series that its provider deleted; their rows go with it, what they wished for comes along. */
export async function daysOf(tx: Transaction, evidence: Evidence, id: EventId): Promise<ChangedDay[]> {
  const series = await readPushed(tx, id);
  const days: ChangedDay[] = [];
  for (const exception of await exceptionsFrom(tx, series, { slot: '', limit: exceptionsMax })) {
    if (exception.slot !== null) days.push(dayOf(series, exception, exception.slot));
    await removeWithSeries(tx, depsAt(evidence), evidence, exception);
  }
  return days;
}

/** The series is made anew, with its changed days. */
export async function carryOver(
  tx: Transaction,
  evidence: Evidence,
  { id, days }: { id: EventId; days: readonly ChangedDay[] },
): Promise<void> {
  const { calendarId, userId, accountId } = evidence;
  const series = await readPushed(tx, id);
  const { start } = storedFields(series);
  const calendar = { id: calendarId, userId, accountId };
  await carryDays(tx, depsAt(evidence), calendar, { series, days, moved: { from: start, to: start } });
}

const depsAt = ({ at }: Evidence): LocalWriteDeps => ({ clock: { now: () => at }, zones: new ZoneTable() });
