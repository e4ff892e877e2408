import { RecurrenceError } from './recurrence-error.ts';
import type { Until } from './recurrence-rule.ts';
import { instantOf, type EventTime } from './times.ts';
import {
  DAY_MS,
  SECOND_MS,
  dateText,
  dayOfWall,
  parseWall,
  wallText,
  type Day,
  type Wall,
} from './zones-wall.ts';
import type { ZoneTable } from './zones.ts';

/**
 * Where a series lives: the zone its wall clock follows and what its bounds look like. Dates and floating times have
 * no zone; they are placed as if in UTC, so that the rest of the expansion knows instants only.
 */
export interface SeriesFrame {
  allDay: boolean;
  /** DTSTART on the wall. */
  start: Wall;
  /** End minus start. For all-day series a number of days. */
  lengthMs: number;
  /** The instant that a wall time of the series stands for. DTSTART keeps its own, also in an hour that comes twice. */
  instantOf(wall: Wall): number;
  /** No time at or after the instant stands earlier on the wall, and none at or before it later. */
  earliestWall(instant: number): Wall;
  latestWall(instant: number): Wall;
  /** The local day of an instant. */
  dayOf(instant: number): Day;
  /** The instant of a time in RDATE or EXDATE. */
  place(time: WrittenTime): number;
  /** Whether a wall time comes after UNTIL. */
  isAfter(until: Until, wall: Wall): boolean;
  /** No time that UNTIL lets in stands later on the wall. */
  lastWall(until: Until): Wall;
  startTime(instant: number): EventTime;
  endTime(instant: number): EventTime;
}

/** A time as a line of the series writes it. */
export type WrittenTime =
  | { form: 'utc'; wall: Wall }
  | { form: 'local'; wall: Wall; tzid: string | null }
  | { form: 'date'; wall: Wall };

/** Throws `unreadable_time`. */
export function frameOf(start: EventTime, end: EventTime, zones: ZoneTable): SeriesFrame {
  if (start.kind !== end.kind)
    throw new RecurrenceError('unreadable_time', 'start and end are of different kinds');
  const startMs = positionOf(start);
  const lengthMs = positionOf(end) - startMs;
  if (lengthMs < 0) throw new RecurrenceError('unreadable_time', 'the event ends before it starts');
  const bounds = {
    lengthMs,
    startTime: (instant: number) => timeLike(start, instant),
    endTime: (instant: number) => timeLike(end, Math.min(instant, LAST_INSTANT)),
  };
  if (start.kind === 'zoned') return { ...bounds, ...zonedFrame(startMs, start.zone, zones) };
  return { ...bounds, ...unzonedFrame(startMs, start.kind === 'date') };
}

/** 9999-12-31T23:59:59Z: texts of later times would not have the shape of an instant. */
const LAST_INSTANT = 253_402_300_799_000;

type Placement = Omit<SeriesFrame, 'lengthMs' | 'startTime' | 'endTime'>;

/** A zone that is missing or unknown is read as UTC: occurrences that are an hour off in summer beat none. */
export const zoneOrUtc = (zone: string | null, zones: ZoneTable): string =>
  zone !== null && zones.isKnown(zone) ? zone : 'UTC';

function zonedFrame(startMs: number, zoneName: string | null, zones: ZoneTable): Placement {
  const zone = zoneOrUtc(zoneName, zones);
  const start = startMs + zones.offsetAt(zone, startMs);
  const instantOfWall = (wall: Wall): number => (wall === start ? startMs : zones.wallToInstant(zone, wall));
  // Around a change of the clocks the wall runs back or leaps; the offsets of the days beside it bound by how much.
  const offsets = (instant: number): number[] =>
    [instant - DAY_MS, instant, instant + DAY_MS].map((near) => zones.offsetAt(zone, near));
  const latestWall = (instant: number): Wall => instant + Math.max(...offsets(instant));
  const lastWall = (until: Until): Wall => {
    if (until.form === 'utc') return latestWall(until.instant);
    // Google takes a date here, although §3.3.10 wants the type of DTSTART: the whole local day is in.
    return until.form === 'local' ? until.wall : until.wall + DAY_MS - SECOND_MS;
  };
  return {
    allDay: false,
    start,
    instantOf: instantOfWall,
    earliestWall: (instant) => instant + Math.min(...offsets(instant)),
    latestWall,
    dayOf: (instant) => dayOfWall(instant + zones.offsetAt(zone, instant)),
    place(time) {
      if (time.form === 'utc') return time.wall;
      // DTSTART's time of day, on that date.
      if (time.form === 'date') return instantOfWall(time.wall + start - dayOfWall(start) * DAY_MS);
      // A TZID that nobody knows (Outlook's own names) is most likely the zone of the series itself.
      if (time.tzid === null || !zones.isKnown(time.tzid)) return instantOfWall(time.wall);
      return zones.wallToInstant(time.tzid, time.wall);
    },
    isAfter(until, wall) {
      if (until.form !== 'utc') return wall > lastWall(until);
      // No offset exceeds a day, so only times around UNTIL have to be looked up.
      if (Math.abs(wall - until.instant) > 2 * DAY_MS) return wall > until.instant;
      return instantOfWall(wall) > until.instant;
    },
    lastWall,
  };
}

/** `Z` and TZID mean nothing to times without a zone: the wall time is taken as it is written. */
function unzonedFrame(start: Wall, allDay: boolean): Placement {
  const cut = (wall: Wall): Wall => (allDay ? dayOfWall(wall) * DAY_MS : wall);
  const lastWall = (until: Until): Wall =>
    until.form === 'date'
      ? until.wall + DAY_MS - SECOND_MS
      : cut(until.form === 'utc' ? until.instant : until.wall);
  return {
    allDay,
    start,
    instantOf: (wall) => wall,
    earliestWall: (instant) => instant,
    latestWall: (instant) => instant,
    dayOf: dayOfWall,
    place: (time) =>
      time.form === 'date' && !allDay ? time.wall + start - dayOfWall(start) * DAY_MS : cut(time.wall),
    isAfter: (until, wall) => wall > lastWall(until),
    lastWall,
  };
}

/** Milliseconds since 1970; dates and floating times as if their zone were UTC. @throws RecurrenceError `unreadable_time` */
export function positionOf(time: EventTime): number {
  const wall = parseWall(textOf(time));
  if (wall === null) throw new RecurrenceError('unreadable_time', 'an unreadable time of an event');
  return wall;
}

function textOf(time: EventTime): string {
  switch (time.kind) {
    case 'date':
      return time.date;
    case 'zoned':
      return time.instant.replace(/Z$/, '');
    case 'floating':
      return time.local;
  }
}

/** A time of the same kind and zone. @param instant as {@link positionOf} gives it */
export function timeLike(time: EventTime, instant: number): EventTime {
  switch (time.kind) {
    case 'date':
      return { kind: 'date', date: dateText(instant) };
    case 'zoned':
      return { kind: 'zoned', instant: instantOf(new Date(instant)), zone: time.zone };
    case 'floating':
      return { kind: 'floating', local: wallText(instant) };
  }
}
