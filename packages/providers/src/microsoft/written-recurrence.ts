/**
 * The way back of `recurrence.ts`: RFC 5545 lines as Graph's pattern and range, where those mean the same days. What they
 * cannot say is refused before anything is sent: a series that takes place on other days than its user said is worse.
 * https://learn.microsoft.com/graph/api/resources/recurrencepattern
 */
import { parseRule, readLines, RecurrenceError, ZoneTable } from '@calfleet/domain';
import type { EventTime, Rule } from '@calfleet/domain';
import type { Json } from '../json.ts';
import { rejected } from './errors.ts';
import { sayTime, type SaidTime } from './written-times.ts';

/** @throws request_rejected Graph has no such series */
export function saidRecurrence(
  lines: readonly string[],
  start: EventTime,
  calendarTimeZone: string | null,
): Json {
  const said = sayTime(start, calendarTimeZone);
  // Anchored in another zone it would drift away from its own when the clocks change.
  if (!said.isOwnZone) throw rejected('Graph has no series in this zone, or at this hour of a clock change');
  const rule = ruleOf(lines, start);
  const first = dayOf(said.local.slice(0, 10));
  const pattern = patternOf(rule, first);
  if (pattern === null) throw rejected('Graph has no pattern for this recurrence');
  // RFC 5545 counts a start that does not match; Outlook moves it to the first day that does.
  if (!isOn(pattern, first)) throw rejected('the start is not on a day of its recurrence');
  return { pattern, range: rangeOf(rule, start, said) };
}

/** @throws request_rejected */
function ruleOf(lines: readonly string[], start: EventTime): Rule {
  try {
    const [line, ...more] = readLines(lines);
    if (line?.property !== 'RRULE' || more.length > 0)
      throw rejected('Graph has one rule per series, no more');
    const rule = parseRule(line.value);
    // RFC 5545, 3.3.10: they mean nothing where there are only dates.
    return start.kind === 'date' ? { ...rule, byHour: null, byMinute: null, bySecond: null } : rule;
  } catch (thrown) {
    throw thrown instanceof RecurrenceError ? rejected('the recurrence is unreadable') : thrown;
  }
}

interface Day {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  /** 0 is Sunday. */
  weekday: number;
}

type Days = { daysOfWeek: string[]; index: string } | { dayOfMonth: number };

/** With the properties that its type has, and no others: Graph wants it so. */
type Pattern = { interval: number } & (
  | { type: 'daily' }
  | { type: 'weekly'; daysOfWeek: string[]; firstDayOfWeek: string }
  | ({ type: 'absoluteMonthly' | 'relativeMonthly' } & Days)
  | ({ type: 'absoluteYearly' | 'relativeYearly'; month: number } & Days)
);

const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const nameOf = (weekday: number): string => weekdayNames[weekday] ?? '';

/** What reading takes back. */
const INTERVAL_MAX = 999;

/** null: Graph cannot say it. */
function patternOf(rule: Rule, first: Day): Pattern | null {
  const { interval } = rule;
  if (interval > INTERVAL_MAX) return null;
  switch (rule.freq) {
    case 'DAILY':
      if (!saysOnly(rule, 'byDay')) return null;
      if (rule.byDay === null) return { type: 'daily', interval };
      // Every day that is one of some weekdays: a week of those, as long as no day is left out.
      return interval === 1 ? weeklyOf(rule, first) : null;
    case 'WEEKLY':
      return saysOnly(rule, 'byDay') ? weeklyOf(rule, first) : null;
    case 'MONTHLY': {
      if (!saysOnly(rule, 'byDay', 'byMonthDay', 'bySetPos')) return null;
      const days = daysIn(rule, first, null);
      return (
        days && { type: 'dayOfMonth' in days ? 'absoluteMonthly' : 'relativeMonthly', interval, ...days }
      );
    }
    case 'YEARLY': {
      const month = monthOf(rule, first);
      const days = month === null ? null : daysIn(rule, first, month);
      if (month === null || days === null) return null;
      return { type: 'dayOfMonth' in days ? 'absoluteYearly' : 'relativeYearly', interval, month, ...days };
    }
    default:
      return null;
  }
}

const parts = [
  'bySecond',
  'byMinute',
  'byHour',
  'byDay',
  'byMonthDay',
  'byYearDay',
  'byWeekNo',
  'byMonth',
  'bySetPos',
] as const;

const saysOnly = (rule: Rule, ...allowed: (typeof parts)[number][]): boolean =>
  parts.every((part) => rule[part] === null || allowed.includes(part));

function weeklyOf({ interval, byDay, wkst }: Rule, first: Day): Pattern | null {
  const days = byDay ?? [{ weekday: first.weekday, nth: null }];
  if (days.some(({ nth }) => nth !== null)) return null;
  const daysOfWeek = days.map(({ weekday }) => nameOf(weekday));
  return { type: 'weekly', interval, daysOfWeek, firstDayOfWeek: nameOf(wkst) };
}

/** Without a month, days are counted in the year, which Graph does not do. */
function monthOf(rule: Rule, first: Day): number | null {
  if (!saysOnly(rule, 'byMonth', 'byDay', 'byMonthDay', 'bySetPos')) return null;
  if (rule.byMonth !== null) return rule.byMonth.length === 1 ? (rule.byMonth[0] ?? null) : null;
  return saysOnly(rule) ? first.month : null;
}

/** @param month of a yearly rule */
function daysIn(rule: Rule, first: Day, month: number | null): Days | null {
  if (rule.byDay !== null) return rule.byMonthDay === null ? positionOf(rule) : null;
  const dayOfMonth = dayOfMonthOf(rule, first, month);
  return dayOfMonth === null ? null : { dayOfMonth };
}

const positions = new Map([
  [1, 'first'],
  [2, 'second'],
  [3, 'third'],
  [4, 'fourth'],
  [-1, 'last'],
]);

/** `BYDAY=2TU`, or one place among several weekdays together. */
function positionOf({ byDay, bySetPos }: Rule): Days | null {
  const days = byDay ?? [];
  const [{ nth } = { nth: null }] = days;
  const isNumbered = days.length === 1 && bySetPos === null && nth !== null;
  const isPlaced = bySetPos?.length === 1 && days.every((day) => day.nth === null);
  const index = positions.get((isNumbered ? nth : isPlaced ? bySetPos[0] : undefined) ?? 0);
  return index === undefined ? null : { daysOfWeek: days.map(({ weekday }) => nameOf(weekday)), index };
}

/**
 * Outlook takes the last day of a month for a day that it lacks, RFC 5545 leaves the month out: so only days that every
 * month has mean the same, and rules that say themselves what happens in short months.
 */
function dayOfMonthOf({ byMonthDay, bySetPos }: Rule, first: Day, month: number | null): number | null {
  const [shortest, longest] = month === null ? [28, 31] : [lengthOf(2025, month), lengthOf(2024, month)];
  if (bySetPos !== null) {
    const isClamped =
      bySetPos.length === 1 && bySetPos[0] === -1 && byMonthDay?.every((day, n) => day === 28 + n);
    return isClamped === true ? Math.min(byMonthDay?.at(-1) ?? 0, longest) : null;
  }
  if (byMonthDay !== null && byMonthDay.length > 1) return null;
  const day = byMonthDay?.[0] ?? first.day;
  if (day === -1) return longest;
  return day >= 1 && day <= shortest ? day : null;
}

function isOn(pattern: Pattern, { year, month, day, weekday }: Day): boolean {
  if (pattern.type === 'daily') return true;
  if (pattern.type === 'weekly') return pattern.daysOfWeek.includes(nameOf(weekday));
  if ('month' in pattern && pattern.month !== month) return false;
  const length = lengthOf(year, month);
  if ('dayOfMonth' in pattern) return day === Math.min(pattern.dayOfMonth, length);
  const weekdayOfFirst = (weekday - day + 1 + 35) % 7;
  const matching = Array.from({ length }, (_, n) => n + 1).filter((each) =>
    pattern.daysOfWeek.includes(nameOf((weekdayOfFirst + each - 1) % 7)),
  );
  const place = [...positions].find(([, index]) => index === pattern.index)?.[0] ?? 0;
  return matching.at(place > 0 ? place - 1 : place) === day;
}

/** https://learn.microsoft.com/graph/api/resources/recurrencerange */
function rangeOf(rule: Rule, start: EventTime, said: SaidTime): Json {
  const startDate = said.local.slice(0, 10);
  const range = { startDate, recurrenceTimeZone: said.zone.name };
  const { count, until } = rule;
  if (count !== null && until !== null)
    throw rejected('Graph ends a series by a number or by a day, not by both');
  if (count !== null) return { ...range, type: 'numbered', numberOfOccurrences: count };
  if (until === null) return { ...range, type: 'noEnd' };
  const endDate = lastDayOf(until, start, said);
  if (endDate < startDate) throw rejected('the series ends before it begins');
  return { ...range, type: 'endDate', endDate };
}

/** The last day, in the zone of the series, on which it may begin and is not after UNTIL. */
function lastDayOf(until: NonNullable<Rule['until']>, start: EventTime, { local, zone }: SaidTime): string {
  const zones = new ZoneTable();
  if (start.kind === 'date' || until.form === 'date') {
    return dateOf(until.form === 'utc' ? until.instant : until.wall);
  }
  const clock = local.slice(10);
  if (start.kind === 'zoned' && until.form === 'utc') {
    const day = zones.instantToLocal({ instant: new Date(until.instant), zone: zone.iana }).slice(0, 10);
    const last = zones.localToInstant({ local: `${day}${clock}`, zone: zone.iana });
    return last.getTime() <= until.instant ? day : dayBefore(day);
  }
  // Of a floating series, UTC means the wall, too.
  const wall = until.form === 'utc' ? until.instant : until.wall;
  const day = dateOf(wall);
  return Date.parse(`${day}${clock}Z`) <= wall ? day : dayBefore(day);
}

const DAY_MS = 86_400_000;
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const dayBefore = (date: string): string => dateOf(Date.parse(date) - DAY_MS);

function dayOf(date: string): Day {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  return { year, month, day, weekday: new Date(date).getUTCDay() };
}

/** Days of a month, 1 to 12. */
const lengthOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();
