/** The instances of an event: a single one is its own, a series has one per slot that was not deleted. */
import { DAY_MS, dayOf, isoDay, LAST_DAY } from './days.ts';
import { overlaps, type Instance, type Span, type StoredException, type StoredItem } from './item.ts';
import { slotDays } from './recurrence.ts';
import type { GraphZones } from './zones.ts';

/** Those that overlap the window; ascending by slot, but exceptions that moved into it from afar come last. */
export function* instancesIn(zones: GraphZones, item: StoredItem, window: Span): Generator<Instance> {
  if (!overlaps(item.span, window)) return;
  const { series } = item;
  if (series === null) {
    yield single(item);
    return;
  }
  const { recurrence, cancelled, exceptions } = series;
  const lengthDays = Math.ceil((item.times.end.ms - item.times.start.ms) / DAY_MS) + 1;
  // Padded by a day on both sides: slots are days of the recurrence's zone.
  const from = dayOf(window.startMs) - lengthDays - 1;
  const to = Math.min(dayOf(window.endMs) + 1, LAST_DAY);
  for (const day of slotDays(recurrence, from, to)) {
    if (cancelled.has(day)) continue;
    const instance = instanceAt(zones, item, day);
    if (overlaps(instance, window)) yield instance;
  }
  for (const { day } of exceptions.values()) {
    if (day >= from && day <= to) continue;
    const instance = instanceAt(zones, item, day);
    if (overlaps(instance, window)) yield instance;
  }
}

const single = (item: StoredItem): Instance => ({
  item,
  type: 'singleInstance',
  slot: null,
  startMs: item.times.start.ms,
  endMs: item.times.end.ms,
});

/** The event itself: a single one, or the master with the times of its first occurrence. */
export const headOf = (item: StoredItem): Instance =>
  item.series === null ? single(item) : { ...single(item), type: 'seriesMaster' };

/** @returns undefined when the series has no such slot, or it was deleted, or its id is of an earlier pattern. */
export function findInstance(
  zones: GraphZones,
  item: StoredItem,
  slot: { day: number; generation: number },
): Instance | undefined {
  const { series } = item;
  if (series === null || slot.generation !== series.generation) return undefined;
  if (!hasSlot(item, slot.day) || series.cancelled.has(slot.day)) return undefined;
  return instanceAt(zones, item, slot.day);
}

export function hasSlot(item: StoredItem, day: number): boolean {
  if (item.series === null) return false;
  return slotDays(item.series.recurrence, day, day).next().done !== true;
}

/** The instance of a slot that is known to exist. */
export function instanceAt(zones: GraphZones, item: StoredItem, day: number): Instance {
  const { series } = item;
  if (series === null) throw new RangeError('not a series');
  const exception = series.exceptions.get(day) ?? null;
  const usual = slotSpan(zones, item, day);
  const times = exception?.times;
  return {
    item,
    type: exception === null ? 'occurrence' : 'exception',
    slot: { day, generation: series.generation, exception, originalMs: usual.startMs },
    startMs: times?.start.ms ?? usual.startMs,
    endMs: times?.end.ms ?? usual.endMs,
  };
}

/** Wall time stays over clock changes: start and end are the first occurrence's, so many days later. */
function slotSpan(zones: GraphZones, { times, series }: StoredItem, day: number): Span {
  const zone = series?.recurrence.zone ?? 'UTC';
  const startLocal = zones.toLocal(zone, times.start.ms);
  const shiftMs = (day - dayOf(startLocal)) * DAY_MS;
  return {
    startMs: zones.toInstant(zone, startLocal + shiftMs),
    endMs: zones.toInstant(zone, zones.toLocal(zone, times.end.ms) + shiftMs),
  };
}

/** Bounds of everything the item shows. */
export function spanOf({ times, series }: Pick<StoredItem, 'times' | 'series'>): Span {
  const span: Span = { startMs: times.start.ms, endMs: times.end.ms };
  if (series === null) return span;
  // A day of slack for offsets; the exact instants are looked at where it matters.
  const { lastDay } = series.recurrence;
  span.endMs = Math.max(span.endMs, (lastDay + 2) * DAY_MS + times.end.ms - times.start.ms);
  for (const { times: own } of series.exceptions.values()) {
    span.startMs = Math.min(span.startMs, own?.start.ms ?? Infinity);
    span.endMs = Math.max(span.endMs, own?.end.ms ?? -Infinity);
  }
  return span;
}

/** The days of the living neighbours of a slot, in the recurrence's zone: where they are now, not where they were. */
export function neighbourDays(zones: GraphZones, item: StoredItem, day: number): [number, number] {
  const series = item.series;
  if (series === null) throw new RangeError('not a series');
  const { recurrence, cancelled, exceptions } = series;
  const whereIs = (slot: number): number => localDay(zones, recurrence.zone, exceptions.get(slot), slot);
  let after = Infinity;
  for (const slot of slotDays(recurrence, day + 1, Infinity)) {
    if (cancelled.has(slot)) continue;
    after = whereIs(slot);
    break;
  }
  let before = -Infinity;
  // Looks back twice as far each time, until a living slot is found or the series begins.
  for (let reach = 64; before === -Infinity; reach *= 2) {
    for (const slot of slotDays(recurrence, day - reach, day - 1)) {
      if (!cancelled.has(slot)) before = whereIs(slot);
    }
    if (day - reach <= recurrence.startDay) break;
  }
  return [before, after];
}

function localDay(
  zones: GraphZones,
  zone: string,
  exception: StoredException | undefined,
  slot: number,
): number {
  const times = exception?.times;
  return times ? dayOf(zones.toLocal(zone, times.start.ms)) : slot;
}

/** `OID.{master}.{date}`, whatever the occurrence's id looks like. */
export const occurrenceIdOf = (masterId: string, day: number): string => `OID.${masterId}.${isoDay(day)}`;
