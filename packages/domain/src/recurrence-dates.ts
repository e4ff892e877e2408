import { RecurrenceError } from './recurrence-error.ts';
import type { SeriesFrame, WrittenTime } from './recurrence-frame.ts';
import type { RecurrenceLine } from './recurrence-lines.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, dayOfWall, parseWall, type Day } from './zones-wall.ts';

/** Reads the values of RDATE and EXDATE (RFC 5545 §3.8.5.1–2) into the frame of their series. */

export interface ExcludedTimes {
  instants: Set<number>;
  /** Local days of the series that are excluded whole. */
  days: Set<Day>;
}

/**
 * EXDATE excludes the occurrence that starts at the instant; a date excludes all that start on that local day, also
 * of a timed series. Throws `unreadable_date`.
 */
export function readExcluded(lines: readonly RecurrenceLine[], frame: SeriesFrame): ExcludedTimes {
  const excluded: ExcludedTimes = { instants: new Set(), days: new Set() };
  for (const line of lines) {
    for (const text of valuesOf(line)) {
      const value = readValue(text, line.tzid);
      if (value.form === 'date') excluded.days.add(dayOfWall(value.wall));
      else excluded.instants.add(frame.place(value));
    }
  }
  return excluded;
}

export interface AddedTime {
  start: number;
  /** Given by a PERIOD only. */
  end: number | null;
}

/**
 * RDATE adds an occurrence; a date on a timed series takes the time of day of DTSTART, a PERIOD brings its own end.
 * Throws `unreadable_date`.
 */
export function readAdded(lines: readonly RecurrenceLine[], frame: SeriesFrame): AddedTime[] {
  return lines.flatMap((line) => valuesOf(line).map((text) => readAddition(text, line.tzid, frame)));
}

const valuesOf = (line: RecurrenceLine): string[] =>
  line.value
    .split(',')
    .map((text) => text.trim().toUpperCase())
    .filter((text) => text !== '');

function readValue(text: string, tzid: string | null): WrittenTime {
  const utc = text.endsWith('Z');
  const wall = parseWall(utc ? text.slice(0, -1) : text);
  if (wall === null) throw unreadable();
  if (!text.includes('T')) return { form: 'date', wall };
  return utc ? { form: 'utc', wall } : { form: 'local', wall, tzid };
}

function readAddition(text: string, tzid: string | null, frame: SeriesFrame): AddedTime {
  const [startText = '', endText, ...rest] = text.split('/');
  if (rest.length > 0) throw unreadable();
  const written = readValue(startText, tzid);
  const start = frame.place(written);
  if (endText === undefined || frame.allDay) return { start, end: null };
  const end = endText.includes('P')
    ? frame.place(later(written, readDuration(endText))) + readDuration(endText).exactMs
    : frame.place(readValue(endText, tzid));
  if (end < start) throw unreadable();
  return { start, end };
}

interface Duration {
  /** Weeks and days are nominal: they keep the time of day across a change of the clocks (§3.3.6). */
  days: number;
  exactMs: number;
}

function readDuration(text: string): Duration {
  const match = /^\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text);
  if (!match) throw unreadable();
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const exactMs = hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
  // Longer than all years of a calendar is no duration, and Date could not say where it ends.
  if (weeks * 7 + days > 3_652_059 || exactMs > 3_652_059 * DAY_MS) throw unreadable();
  return { days: weeks * 7 + days, exactMs };
}

const later = (time: WrittenTime, { days }: Duration): WrittenTime => ({
  ...time,
  wall: time.wall + days * DAY_MS,
});

const unreadable = (): RecurrenceError =>
  new RecurrenceError('unreadable_date', 'unreadable RDATE or EXDATE');
