/** Events by id, occurrences of series included: `{seriesId}_{slot}` names one, stored as an exception or not. */
import type { Calendar } from '../store/calendar.ts';
import type { StoredEvent } from '../store/event-log.ts';
import type { World } from '../store/world.ts';
import { findSlot, slotsOf, type Slot } from './recurrence.ts';
import { readResource, type EventResource } from './resource.ts';

export type KnownResource = EventResource & { id: string; etag: string };

export interface FoundEvent {
  /** Missing for an occurrence nobody has touched. */
  stored: StoredEvent | undefined;
  resource: KnownResource;
}

export function findEvent(world: World, calendar: Calendar, id: string): FoundEvent | undefined {
  const stored = calendar.log.get(id);
  if (stored !== undefined) return { stored, resource: readResource(stored.json) as KnownResource };
  const [, seriesId = '', key = ''] = /^(.+)_(\d{8}(?:T\d{6}Z)?)$/.exec(id) ?? [];
  const series = calendar.log.get(seriesId);
  if (series?.state !== 'live' || !series.isSeries) return undefined;
  const resource = readResource(series.json) as KnownResource;
  const slot = findSlot(world.zones, resource, key);
  return slot && { stored: undefined, resource: occurrenceOf(resource, slot) };
}

/** An untouched occurrence, as `events.instances` shows it. */
export function occurrenceOf(series: KnownResource, slot: Slot): KnownResource {
  const { recurrence: _rule, ...rest } = series;
  return {
    ...rest,
    id: `${series.id}_${slot.key}`,
    start: slot.start,
    end: slot.end,
    recurringEventId: series.id,
    originalStartTime: slot.start,
  };
}

export interface ExpansionBounds {
  /** Occurrences ending at or before this are left out; milliseconds. */
  fromMs: number;
  /** Occurrences starting at or after this end the expansion. */
  toMs: number;
  max: number;
}

/** The untouched occurrences of a series inside the bounds, in order. */
export function untouchedOccurrences(
  world: World,
  calendar: Calendar,
  series: StoredEvent,
  bounds: ExpansionBounds,
): KnownResource[] {
  const resource = readResource(series.json) as KnownResource;
  const found: KnownResource[] = [];
  for (const slot of slotsOf(world.zones, resource)) {
    if (slot.startMs >= bounds.toMs || found.length >= bounds.max) break;
    if (slot.endMs <= bounds.fromMs || calendar.log.get(`${series.id}_${slot.key}`) !== undefined) continue;
    found.push(occurrenceOf(resource, slot));
  }
  return found;
}
