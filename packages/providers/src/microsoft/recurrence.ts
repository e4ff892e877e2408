/**
 * Graph's pattern and range as RFC 5545 lines. Outlook expands its series itself, so the lines are for readers: they
 * name the same days, and a pattern that nobody has seen before has no line (its JSON is in `raw`).
 * https://learn.microsoft.com/graph/api/resources/recurrencepattern
 */
import { ZoneTable } from '@calfleet/domain';
import { isJson, textOf, type Json } from '../json.ts';
import { readDate } from '../wall-time.ts';

export interface RecurrenceContext {
  isAllDay: boolean;
  /** Of the series' start; null counts as UTC. */
  zone: string | null;
}

/** No line, or one RRULE. */
export function recurrenceLines(recurrence: unknown, context: RecurrenceContext): string[] {
  if (!isJson(recurrence) || !isJson(recurrence['pattern']) || !isJson(recurrence['range'])) return [];
  const pattern = patternParts(recurrence['pattern']);
  const range = rangeParts(recurrence['range'], context);
  return pattern && range ? [`RRULE:${[...pattern, ...range].join(';')}`] : [];
}

const days: Record<string, string> = {
  sunday: 'SU',
  monday: 'MO',
  tuesday: 'TU',
  wednesday: 'WE',
  thursday: 'TH',
  friday: 'FR',
  saturday: 'SA',
};

const positions: Record<string, number> = { first: 1, second: 2, third: 3, fourth: 4, last: -1 };

/** null: not a pattern that we know. */
function patternParts(pattern: Json): string[] | null {
  const interval = numberIn(pattern['interval'], 1, 999);
  if (interval === null) return null;
  const every = interval === 1 ? [] : [`INTERVAL=${interval}`];
  switch (pattern['type']) {
    case 'daily':
      return ['FREQ=DAILY', ...every];
    case 'weekly':
      return joined(['FREQ=WEEKLY', ...every], weekParts(pattern));
    case 'absoluteMonthly':
      return joined(['FREQ=MONTHLY', ...every], dayParts(pattern));
    case 'relativeMonthly':
      return joined(['FREQ=MONTHLY', ...every], positionParts(pattern));
    case 'absoluteYearly':
      return joined(['FREQ=YEARLY', ...every], monthParts(pattern), dayParts(pattern));
    case 'relativeYearly':
      return joined(['FREQ=YEARLY', ...every], monthParts(pattern), positionParts(pattern));
    default:
      return null;
  }
}

/** A week begins on Sunday unless the pattern says otherwise; in RFC 5545 it is Monday. */
function weekParts(pattern: Json): string[] | null {
  const weekdays = weekdaysOf(pattern);
  const first = days[textOf(pattern['firstDayOfWeek'])?.toLowerCase() ?? 'sunday'];
  return weekdays && first !== undefined ? [`BYDAY=${weekdays.join(',')}`, `WKST=${first}`] : null;
}

/** Outlook moves a day that its month does not have to the month's last day; BYMONTHDAY alone would leave it out. */
function dayParts(pattern: Json): string[] | null {
  const day = numberIn(pattern['dayOfMonth'], 1, 31);
  if (day === null) return null;
  if (day <= 28) return [`BYMONTHDAY=${day}`];
  const candidates = [28, 29, 30, 31].filter((candidate) => candidate <= day);
  return [`BYMONTHDAY=${candidates.join(',')}`, 'BYSETPOS=-1'];
}

/** Of several days, the one at that position among all of them. */
function positionParts(pattern: Json): string[] | null {
  const weekdays = weekdaysOf(pattern);
  const position = positions[textOf(pattern['index'])?.toLowerCase() ?? 'first'];
  if (!weekdays || position === undefined) return null;
  return weekdays.length === 1
    ? [`BYDAY=${position}${weekdays[0]}`]
    : [`BYDAY=${weekdays.join(',')}`, `BYSETPOS=${position}`];
}

function monthParts(pattern: Json): string[] | null {
  const month = numberIn(pattern['month'], 1, 12);
  return month === null ? null : [`BYMONTH=${month}`];
}

function weekdaysOf(pattern: Json): string[] | null {
  const named: unknown[] = Array.isArray(pattern['daysOfWeek']) ? pattern['daysOfWeek'] : [];
  const weekdays = named.map((name) => days[textOf(name)?.toLowerCase() ?? '']);
  return weekdays.length > 0 && weekdays.every((day) => day !== undefined) ? weekdays : null;
}

/** https://learn.microsoft.com/graph/api/resources/recurrencerange */
function rangeParts(range: Json, context: RecurrenceContext): string[] | null {
  switch (range['type']) {
    case 'noEnd':
      return [];
    case 'numbered': {
      const count = numberIn(range['numberOfOccurrences'], 1, 100_000);
      return count === null ? null : [`COUNT=${count}`];
    }
    case 'endDate': {
      const until = untilOf(textOf(range['endDate']) ?? '', context);
      return until === null ? null : [`UNTIL=${until}`];
    }
    default:
      return null;
  }
}

/** The last day as a day for dates, else the last second of it, in UTC as RFC 5545 wants it beside a zone. */
function untilOf(endDate: string, { isAllDay, zone }: RecurrenceContext): string | null {
  try {
    const day = readDate(endDate);
    if (isAllDay) return day.replaceAll('-', '');
    const local = `${day}T23:59:59`;
    const instant = new ZoneTable().localToInstant({ local, zone: zone ?? 'UTC' }).toISOString();
    return `${instant.slice(0, 19)}Z`.replaceAll('-', '').replaceAll(':', '');
  } catch {
    return null;
  }
}

const joined = (...parts: (string[] | null)[]): string[] | null =>
  parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? []);

const numberIn = (value: unknown, min: number, max: number): number | null =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : null;
