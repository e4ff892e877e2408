/** What an occurrence shows that nobody changed: what its series shows, at its own time. */
import {
  expandSeries,
  instantOf,
  originalStartOf,
  RecurrenceError,
  type EventFields,
  type EventTime,
  type SeriesSlot,
  type Slot,
  type ZoneTable,
} from '@calfleet/domain';
import { familyName, type PlacedSlot, type StoredEvent } from '@calfleet/db';
import { asIfUtc, storedFields } from './event-row.ts';

/** @param placed where its provider puts it; null: it lasts as long as the first. @throws what is no slot */
export function plainOccurrence(series: StoredEvent, slot: Slot, placed: PlacedSlot | null): EventFields {
  const fields = storedFields(series);
  const first = Date.parse(asIfUtc(fields.start));
  const startsAt = placed?.starts_at ?? new Date(asIfUtc(originalStart(fields.start, slot)));
  const lasts = Date.parse(asIfUtc(fields.end)) - first;
  const endsAt = placed?.ends_at ?? new Date(startsAt.getTime() + lasts);
  return { ...fields, start: like(fields.start, startsAt), end: like(fields.end, endsAt), recurrence: [] };
}

/** Where a series that begins like this has its slot. @throws what is no slot */
export function originalStart(first: EventTime, slot: Slot): EventTime {
  const at = originalStartOf(slot, first.kind === 'zoned' ? first.zone : null);
  if (at === null) throw new Error(`"${slot}" is no slot.`);
  return like(first, new Date(asIfUtc(at)));
}

/** Whether the rule of a series, as it is stored, has the slot, replaced or not. */
export function hasSlot(series: StoredEvent, slot: Slot, zones: ZoneTable): boolean {
  const { start, end, recurrence } = storedFields(series);
  const at = Date.parse(asIfUtc(originalStart(start, slot)));
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

/** A time of the same kind and zone. Dates and floating times as if their zone were UTC. */
function like(time: EventTime, at: Date): EventTime {
  switch (time.kind) {
    case 'date':
      return { kind: 'date', date: at.toISOString().slice(0, 10) };
    case 'zoned':
      return { kind: 'zoned', instant: instantOf(at), zone: time.zone };
    case 'floating':
      return { kind: 'floating', local: at.toISOString().slice(0, 19) };
  }
}
