/** What a write means for a series: where its slots lie, which exceptions outlive it, and what one slot may become. */
import { recordChange } from './commit.ts';
import { changesOf, type EventBody } from './content.ts';
import { DAY_MS, dayOf, parseDay } from './days.ts';
import { crossingBoundary, invalidProperty, invalidRequest } from './errors.ts';
import { contentOf, timesOf, type Instance, type Series, type StoredItem } from './item.ts';
import { readRecurrence, restarted, type Recurrence, type RecurrenceBody } from './recurrence.ts';
import { neighbourDays } from './series.ts';
import { checkTimes, readMoment, type EventTimes } from './times.ts';
import type { MicrosoftWorld } from './world.ts';
import type { GraphZones } from './zones.ts';

export interface Settled {
  times: EventTimes;
  series: Series | null;
}

/** A series begins with the first day of its pattern, so start and end may move there. @throws GraphError 400 */
export function newSeries(
  zones: GraphZones,
  times: EventTimes,
  body: RecurrenceBody | null,
  originalZone: string,
): Settled {
  if (body === null) return { times, series: null };
  const recurrence = recurrenceOf(zones, times, { body, originalZone });
  checkStart(zones, times, { body, recurrence });
  return { times: moved(zones, times, recurrence), series: blank(recurrence) };
}

/** Days of an all-day series are those of the zone its dates were written in, whatever zone its recurrence names. */
function recurrenceOf(
  zones: GraphZones,
  times: EventTimes,
  { body, originalZone }: { body: RecurrenceBody; originalZone: string },
): Recurrence {
  const recurrence = readRecurrence(zones, body, originalZone);
  return times.isAllDay ? { ...recurrence, zone: times.start.zone } : recurrence;
}

function checkStart(
  zones: GraphZones,
  times: EventTimes,
  { body, recurrence }: { body: RecurrenceBody; recurrence: Recurrence },
): void {
  const startDay = dayOf(zones.toLocal(recurrence.zone, times.start.ms));
  if (startDay === parseDay(body.range.startDate)) return;
  throw invalidProperty("The recurrence range's startDate has to be the date of the event's start.");
}

const blank = (recurrence: Recurrence, generation = 1): Series => ({
  recurrence,
  generation,
  exceptions: new Map(),
  cancelled: new Set(),
  slotSeqs: new Map(),
  seq: 0,
});

/**
 * New times or a new recurrence for an event. A change of pattern or start discards exceptions and deleted
 * occurrences, and gives the occurrences other ids; a change of the end keeps those that are left.
 */
export function resettle(
  zones: GraphZones,
  item: StoredItem,
  change: {
    times: EventTimes;
    recurrence: RecurrenceBody | null | undefined;
    /** Whether the start was written too: then the recurrence has to begin with it. Else it moves the start. */
    hasStart: boolean;
  },
): void {
  const { series, content } = item;
  const originalZone = content.originalStartTimeZone;
  if (change.recurrence === null || (change.recurrence === undefined && series === null)) {
    item.series = null;
    item.times = change.times;
    return;
  }
  const isMoved = change.times.start.ms !== item.times.start.ms;
  const recurrence =
    change.recurrence === undefined
      ? reanchored(zones, (series as Series).recurrence, isMoved ? change.times : null)
      : recurrenceOf(zones, change.times, { body: change.recurrence, originalZone });
  if (change.recurrence !== undefined && change.hasStart) {
    checkStart(zones, change.times, { body: change.recurrence, recurrence });
  }
  const times = moved(zones, change.times, recurrence);
  const before = { times: item.times, series };
  item.times = times;
  if (before.series === null || hasOtherSlots(before.series.recurrence, before.times, recurrence, times)) {
    item.series = blank(recurrence, (before.series?.generation ?? 0) + 1);
    return;
  }
  before.series.recurrence = recurrence;
  for (const day of [...before.series.exceptions.keys(), ...before.series.cancelled]) {
    if (day <= recurrence.lastDay) continue;
    before.series.exceptions.delete(day);
    before.series.cancelled.delete(day);
  }
}

/** An occurrence becomes an exception; one that is may change further. @throws GraphError 400 */
export function patchSlot(world: MicrosoftWorld, instance: Instance, body: EventBody): void {
  const { item, slot } = instance;
  if (slot === null || item.series === null) throw new RangeError('not an occurrence');
  if (body.recurrence) throw invalidRequest('The recurrence of an occurrence cannot be set.');
  const zoned = timesOf(instance);
  const current: EventTimes = {
    start: { ...zoned.start, ms: instance.startMs },
    end: { ...zoned.end, ms: instance.endMs },
    isAllDay: zoned.isAllDay,
  };
  const isTimed = body.start !== undefined || body.end !== undefined || body.isAllDay !== undefined;
  const times = isTimed ? patchedTimes(world.zones, current, body) : (slot.exception?.times ?? null);
  if (times !== null && isTimed) checkBoundaries(world, instance, times);
  const nowMs = world.clock.now();
  item.series.exceptions.set(slot.day, {
    day: slot.day,
    overrides: { ...slot.exception?.overrides, ...changesOf(body, contentOf(instance)) },
    times,
    changeKey: world.nextChangeKey(),
    createdMs: slot.exception?.createdMs ?? nowMs,
    modifiedMs: nowMs,
  });
  recordChange(world, item, { day: slot.day });
}

export function cancelSlot(world: MicrosoftWorld, item: StoredItem, day: number): void {
  item.series?.exceptions.delete(day);
  item.series?.cancelled.add(day);
  recordChange(world, item, { day });
}

/** @throws GraphError */
export function patchedTimes(zones: GraphZones, current: EventTimes, body: EventBody): EventTimes {
  const times = {
    start: body.start === undefined ? current.start : readMoment(zones, body.start, 'Start'),
    end: body.end === undefined ? current.end : readMoment(zones, body.end, 'End'),
    isAllDay: body.isAllDay ?? current.isAllDay,
  };
  checkTimes(zones, times);
  return times;
}

/** https://learn.microsoft.com/graph/api/event-update: not to or past the day of the neighbours. */
function checkBoundaries(world: MicrosoftWorld, { item, slot }: Instance, times: EventTimes): void {
  const zone = item.series?.recurrence.zone ?? 'UTC';
  const day = dayOf(world.zones.toLocal(zone, times.start.ms));
  const slotDay = slot?.day ?? day;
  if (day === slotDay) return;
  const [before, after] = neighbourDays(world.zones, item, slotDay);
  if (day <= before || day >= after) throw crossingBoundary();
}

/** The recurrence of a series whose master was moved: it begins on the new day. */
function reanchored(zones: GraphZones, recurrence: Recurrence, times: EventTimes | null): Recurrence {
  if (times === null) return recurrence;
  const startDay = dayOf(zones.toLocal(recurrence.zone, times.start.ms));
  return restarted(recurrence, startDay);
}

/** The times on the recurrence's first day, at the same wall time. */
function moved(zones: GraphZones, times: EventTimes, { zone, startDay }: Recurrence): EventTimes {
  const startLocal = zones.toLocal(zone, times.start.ms);
  const shiftMs = (startDay - dayOf(startLocal)) * DAY_MS;
  if (shiftMs === 0) return times;
  const endLocal = zones.toLocal(zone, times.end.ms);
  return {
    start: { ...times.start, ms: zones.toInstant(zone, startLocal + shiftMs) },
    end: { ...times.end, ms: zones.toInstant(zone, endLocal + shiftMs) },
    isAllDay: times.isAllDay,
  };
}

function hasOtherSlots(
  before: Recurrence,
  beforeTimes: EventTimes,
  after: Recurrence,
  afterTimes: EventTimes,
): boolean {
  return (
    before.zone !== after.zone ||
    before.startDay !== after.startDay ||
    beforeTimes.start.ms !== afterTimes.start.ms ||
    beforeTimes.isAllDay !== afterTimes.isAllDay ||
    JSON.stringify(before.pattern) !== JSON.stringify(after.pattern)
  );
}
