/**
 * When a person works: some days of the week, from one time of the day to another, as the clocks of a zone show it.
 * Each such day opens once and closes once, at the first instant at which the clocks show the time or a later one. So a
 * start that the clocks skip opens with the first minute that exists, and the hour that they show twice opens nothing
 * twice.
 */
import { SyncError } from './errors.ts';
import type { ZoneTable } from './zones.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, dayOfWall, type Day, type Wall } from './zones-wall.ts';

/** Monday first, as ISO 8601 counts. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

export interface WorkingHours {
  /** IANA */
  timeZone: string;
  /** At least one. */
  days: readonly Weekday[];
  /** `HH:MM`, 00:00 to 23:59. */
  start: string;
  /** `HH:MM`, up to 24:00 and never the start. One before the start lies on the next day. */
  end: string;
}

/** The wall time of a day's `HH:MM`, milliseconds after midnight; null when it is none. 24:00 is one. */
export function parseTimeOfDay(text: string): number | null {
  const match = /^(\d{2}):(\d{2})$/.exec(text);
  if (!match) return null;
  const hour = Number(match[1]);
  const minute = Number(match[2]);
  if (hour > 24 || minute > 59 || (hour === 24 && minute > 0)) return null;
  return hour * HOUR_MS + minute * MINUTE_MS;
}

/** Throws `invalid_input` for a zone or a time that is none; so does {@link nextOpening}. */
export function isWorking(zones: ZoneTable, hours: WorkingHours, at: Date): boolean {
  const today = dayIn(zones, hours, at);
  // Yesterday's may last over midnight. Where the clocks go back over midnight, tomorrow's may have begun before.
  return [today - 1, today, today + 1].some((day) => {
    const shift = shiftOf(zones, hours, day);
    return shift !== null && shift.opens <= at.getTime() && at.getTime() < shift.closes;
  });
}

/** The next day of work would be four weeks of skipped days away. No zone ever skipped two. */
const daysMax = 28;

/** The first opening after this instant; of a day that the clocks skip there is none. */
export function nextOpening(zones: ZoneTable, hours: WorkingHours, after: Date): Date {
  const today = dayIn(zones, hours, after);
  for (let day = today - 1; day <= today + daysMax; day += 1) {
    const shift = shiftOf(zones, hours, day);
    if (shift && shift.opens > after.getTime()) return new Date(shift.opens);
  }
  throw new SyncError('invalid_input', 'working hours without a day');
}

/** The day of work that begins on this day of the calendar, if one does. */
function shiftOf(zones: ZoneTable, hours: WorkingHours, day: Day): { opens: number; closes: number } | null {
  if (!hours.days.includes(weekdayOf(day))) return null;
  const start = timeOf(hours.start);
  const end = timeOf(hours.end);
  const midnight: Wall = day * DAY_MS;
  const opens = zones.firstShowing(hours.timeZone, midnight + start);
  const closes = zones.firstShowing(hours.timeZone, midnight + end + (end <= start ? DAY_MS : 0));
  return opens < closes ? { opens, closes } : null;
}

/** 1970-01-01 was a Thursday. */
const weekdayOf = (day: Day): Weekday => weekdays[(((day + 3) % 7) + 7) % 7] ?? 'mon';

const dayIn = (zones: ZoneTable, { timeZone }: WorkingHours, at: Date): Day =>
  dayOfWall(at.getTime() + zones.offsetAt(timeZone, at.getTime()));

function timeOf(text: string): number {
  const time = parseTimeOfDay(text);
  if (time === null) throw new SyncError('invalid_input', 'unreadable time of day');
  return time;
}
