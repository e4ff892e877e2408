/** What an occurrence shows that nobody changed: what its series shows, at its own time. */
import {
  expandSeries,
  originalStartOf,
  positionOf,
  RecurrenceError,
  timeLike,
  type EventFields,
  type EventTime,
  type SeriesSlot,
  type Slot,
  type ZoneTable,
} from '@calfleet/domain';
import { familyName, type PlacedSlot, type StoredEvent } from '@calfleet/db';
import { storedFields } from './event-row.ts';

/** @param placed where its provider puts it; null: it lasts as long as the first. @throws what is no slot */
export function plainOccurrence(series: StoredEvent, slot: Slot, placed: PlacedSlot | null): EventFields {
  const fields = storedFields(series);
  const { start, end } = fields;
  const startsAt = placed?.starts_at.getTime() ?? positionOf(originalStart(start, slot));
  const endsAt = placed?.ends_at.getTime() ?? startsAt + positionOf(end) - positionOf(start);
  return { ...fields, start: timeLike(start, startsAt), end: timeLike(end, endsAt), recurrence: [] };
}

/** Where a series that begins like this has its slot. @throws what is no slot */
export function originalStart(first: EventTime, slot: Slot): EventTime {
  const at = originalStartOf(slot, first.kind === 'zoned' ? first.zone : null);
  if (at === null) throw new Error(`"${slot}" is no slot.`);
  return timeLike(first, positionOf(at));
}

/** Whether the rule of a series, as it is stored, has the slot, replaced or not. */
export function hasSlot(series: StoredEvent, slot: Slot, zones: ZoneTable): boolean {
  const { start, end, recurrence } = storedFields(series);
  const at = positionOf(originalStart(start, slot));
  const window = { from: new Date(at), to: new Date(at + 1) };
  try {
    const { occurrences } = expandSeries({ start, end, recurrence, window, replaced: new Set() }, zones);
    return occurrences.some((each) => each.slot === slot);
  } catch (thrown) {
    if (thrown instanceof RecurrenceError) return false;
    throw thrown;
  }
}

/** The slot as providers are asked for it. */
export function slotOfSeries(series: StoredEvent, slot: Slot): SeriesSlot {
  const first = storedFields(series).start;
  return { providerSeriesId: familyName(series), slot, originalStart: originalStart(first, slot) };
}
