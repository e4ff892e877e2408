/**
 * The days of a recurrence pattern. A day that a month lacks is its last day, as Outlook does it (the 31st in
 * April, February 29 in a common year). https://learn.microsoft.com/graph/api/resources/recurrencepattern
 */
import { firstDayOf, LAST_DAY, lengthOf, monthOf, weekdayOf } from './days.ts';

export const patternTypes = [
  'daily',
  'weekly',
  'absoluteMonthly',
  'relativeMonthly',
  'absoluteYearly',
  'relativeYearly',
] as const;

export const weekIndexes = ['first', 'second', 'third', 'fourth', 'last'] as const;

export interface Pattern {
  type: (typeof patternTypes)[number];
  interval: number;
  /** 1 to 12; 0 where the type has none. */
  month: number;
  /** 1 to 31; 0 where the type has none. */
  dayOfMonth: number;
  /** 0 = Sunday, ascending. */
  daysOfWeek: number[];
  firstDayOfWeek: number;
  index: (typeof weekIndexes)[number];
}

export interface DayRange {
  /** The series' first day; intervals count from its day, week, month or year. */
  anchor: number;
  /** Both included. */
  from: number;
  to: number;
}

/** Every day of the pattern in the range, ascending. Days before the anchor are none of the series. */
export function daysOf(pattern: Pattern, range: DayRange): Generator<number> {
  const bounded = { ...range, from: Math.max(range.anchor, range.from), to: Math.min(range.to, LAST_DAY) };
  switch (pattern.type) {
    case 'daily':
      return daily(pattern, bounded);
    case 'weekly':
      return weekly(pattern, bounded);
    case 'absoluteMonthly':
    case 'relativeMonthly':
      return inMonths(pattern, bounded, { first: monthOf(range.anchor), step: pattern.interval });
    case 'absoluteYearly':
    case 'relativeYearly': {
      const january = Math.floor(monthOf(range.anchor) / 12) * 12;
      return inMonths(pattern, bounded, { first: january + pattern.month - 1, step: 12 * pattern.interval });
    }
  }
}

function* daily({ interval }: Pattern, { anchor, from, to }: DayRange): Generator<number> {
  const skipped = Math.ceil((from - anchor) / interval);
  for (let day = anchor + skipped * interval; day <= to; day += interval) yield day;
}

function* weekly(pattern: Pattern, { anchor, from, to }: DayRange): Generator<number> {
  const { interval, daysOfWeek, firstDayOfWeek } = pattern;
  const weekOf = (day: number): number => day - ((weekdayOf(day) - firstDayOfWeek + 7) % 7);
  const offsets = daysOfWeek.map((weekday) => (weekday - firstDayOfWeek + 7) % 7).sort((a, b) => a - b);
  const first = weekOf(anchor);
  const skipped = Math.floor((weekOf(from) - first) / 7 / interval);
  for (let week = first + skipped * interval * 7; week <= to; week += interval * 7) {
    for (const offset of offsets) {
      const day = week + offset;
      if (day >= from && day <= to) yield day;
    }
  }
}

function* inMonths(
  pattern: Pattern,
  { from, to }: DayRange,
  months: { first: number; step: number },
): Generator<number> {
  const skipped = Math.max(0, Math.floor((monthOf(from) - months.first) / months.step));
  for (let month = months.first + skipped * months.step; firstDayOf(month) <= to; month += months.step) {
    const day = dayIn(pattern, month);
    if (day >= from && day <= to) yield day;
  }
}

function dayIn(pattern: Pattern, month: number): number {
  const first = firstDayOf(month);
  const size = lengthOf(month);
  if (pattern.type === 'absoluteMonthly' || pattern.type === 'absoluteYearly') {
    return first + Math.min(pattern.dayOfMonth, size) - 1;
  }
  // Several weekdays count together: the second of Monday to Friday is the month's second working day.
  const days = Array.from({ length: size }, (_, i) => first + i).filter((day) =>
    pattern.daysOfWeek.includes(weekdayOf(day)),
  );
  const nth = pattern.index === 'last' ? -1 : weekIndexes.indexOf(pattern.index);
  return days.at(nth) ?? first + size - 1;
}
