import { RecurrenceError } from './recurrence-error.ts';
import { parseWall, type Wall } from './zones-wall.ts';

/** Reads the value of RRULE and EXRULE (RFC 5545 §3.3.10). A rule that is read is bounded in size by its ranges. */

export const frequencies = [
  'SECONDLY',
  'MINUTELY',
  'HOURLY',
  'DAILY',
  'WEEKLY',
  'MONTHLY',
  'YEARLY',
] as const;
export type Frequency = (typeof frequencies)[number];

/** 0 is Sunday, as in {@link weekdays}. */
export type Weekday = number;
export const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;

export type Until =
  | { form: 'utc'; instant: number }
  | { form: 'local'; wall: Wall }
  /** The midnight that the date begins with. */
  | { form: 'date'; wall: Wall };

export interface Rule {
  freq: Frequency;
  interval: number;
  count: number | null;
  until: Until | null;
  wkst: Weekday;
  /** Sorted, without duplicates; null where the rule does not say. */
  bySecond: number[] | null;
  byMinute: number[] | null;
  byHour: number[] | null;
  /** `nth` is null for "every". */
  byDay: { weekday: Weekday; nth: number | null }[] | null;
  byMonthDay: number[] | null;
  byYearDay: number[] | null;
  byWeekNo: number[] | null;
  byMonth: number[] | null;
  bySetPos: number[] | null;
}

/** Throws `unreadable_rule`, or `unreadable_date` for its UNTIL. */
export function parseRule(value: string): Rule {
  const parts = readParts(value);
  checkCalendar(parts);
  const list = (name: string, min: number, max: number): number[] | null =>
    parts.has(name) ? readNumbers(parts.get(name) ?? '', min, max) : null;
  const signed = (name: string, max: number): number[] | null => withoutZero(list(name, -max, max));
  return {
    freq: readFrequency(parts.get('FREQ')),
    interval: readInterval(parts.get('INTERVAL')),
    count: parts.has('COUNT') ? readCount(parts.get('COUNT') ?? '') : null,
    until: parts.has('UNTIL') ? parseUntil(parts.get('UNTIL') ?? '') : null,
    wkst: readWeekday(parts.get('WKST') ?? 'MO'),
    // A leap second is read as the second before it (§3.3.12).
    bySecond: unique(list('BYSECOND', 0, 60)?.map((second) => Math.min(second, 59)) ?? null),
    byMinute: list('BYMINUTE', 0, 59),
    byHour: list('BYHOUR', 0, 23),
    byDay: parts.has('BYDAY') ? readDays(parts.get('BYDAY') ?? '') : null,
    byMonthDay: signed('BYMONTHDAY', 31),
    byYearDay: signed('BYYEARDAY', 366),
    byWeekNo: signed('BYWEEKNO', 53),
    byMonth: list('BYMONTH', 1, 12),
    bySetPos: signed('BYSETPOS', 366),
  };
}

/** Throws `unreadable_date`. */
export function parseUntil(text: string): Until {
  const utc = text.endsWith('Z');
  const wall = parseWall(utc ? text.slice(0, -1) : text);
  if (wall === null) throw new RecurrenceError('unreadable_date', 'unreadable UNTIL');
  if (!text.includes('T')) return { form: 'date', wall };
  return utc ? { form: 'utc', instant: wall } : { form: 'local', wall };
}

const names = new Set([
  ...['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'WKST', 'RSCALE', 'SKIP', 'BYSECOND', 'BYMINUTE', 'BYHOUR'],
  ...['BYDAY', 'BYMONTHDAY', 'BYYEARDAY', 'BYWEEKNO', 'BYMONTH', 'BYSETPOS'],
]);

function readParts(value: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of value.toUpperCase().replaceAll(/\s/g, '').split(';')) {
    if (part === '') continue;
    const [name = '', text = '', ...rest] = part.split('=');
    if (name.startsWith('X-')) continue;
    // A part that we do not know, or one said twice, would make us show other days than the provider does.
    if (!names.has(name) || text === '' || rest.length > 0 || parts.has(name)) throw unreadable('part');
    parts.set(name, text);
  }
  return parts;
}

/** RFC 7529: another calendar, or a shift of days that do not exist, is not ours to guess. */
function checkCalendar(parts: Map<string, string>): void {
  if ((parts.get('RSCALE') ?? 'GREGORIAN') !== 'GREGORIAN') throw unreadable('RSCALE');
  if ((parts.get('SKIP') ?? 'OMIT') !== 'OMIT') throw unreadable('SKIP');
}

function readFrequency(text: string | undefined): Frequency {
  const freq = frequencies.find((known) => known === text);
  if (!freq) throw unreadable('FREQ');
  return freq;
}

/** Some engines write INTERVAL=0 and mean 1; libical and ical.js read it so. */
function readInterval(text: string | undefined): number {
  return Math.max(text === undefined ? 1 : readNumber(text, 0, Number.MAX_SAFE_INTEGER), 1);
}

const readCount = (text: string): number => readNumber(text, 1, Number.MAX_SAFE_INTEGER);

function readWeekday(text: string): Weekday {
  const weekday = weekdays.findIndex((name) => name === text);
  if (weekday < 0) throw unreadable('weekday');
  return weekday;
}

function readDays(text: string): { weekday: Weekday; nth: number | null }[] {
  return [...new Set(text.split(','))].map((day) => {
    const match = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(day);
    if (!match) throw unreadable('BYDAY');
    const nth = match[1] === undefined ? null : readNumber(match[1], -53, 53);
    if (nth === 0) throw unreadable('BYDAY');
    return { weekday: readWeekday(match[2] ?? ''), nth };
  });
}

function readNumbers(text: string, min: number, max: number): number[] {
  return unique(text.split(',').map((number) => readNumber(number, min, max)));
}

function readNumber(text: string, min: number, max: number): number {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw unreadable('number');
  return number;
}

function withoutZero(numbers: number[] | null): number[] | null {
  if (numbers?.includes(0)) throw unreadable('number');
  return numbers;
}

function unique(numbers: number[]): number[];
function unique(numbers: number[] | null): number[] | null;
function unique(numbers: number[] | null): number[] | null {
  return numbers && [...new Set(numbers)].sort((a, b) => a - b);
}

const unreadable = (what: string): RecurrenceError =>
  new RecurrenceError('unreadable_rule', `unreadable recurrence rule: ${what}`);
