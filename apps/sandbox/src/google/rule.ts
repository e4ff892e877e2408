/**
 * Recurrence rules, expanded in local time. Written for the sandbox alone: it must not share a mistake with the
 * fleet, and no rule, however impossible, may hold it up, so the walk ends in the year 2200.
 * Parts finer than a day and BYWEEKNO are refused, as nobody enters them in a calendar.
 * https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10
 */
const DAY_MS = 86_400_000;
const END_MS = Date.UTC(2200, 0, 1);
const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

export interface Rule {
  freq: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';
  interval: number;
  count: number;
  /** The raw value; its meaning needs the zone of the series. */
  until: string | null;
  byDay: { weekday: number; nth: number }[];
  byMonthDay: number[];
  byMonth: number[];
  bySetPos: number[];
  weekStart: number;
}

/** @returns undefined for what is no rule, or none of these. */
export function parseRule(text: string): Rule | undefined {
  const parts = new Map(
    text
      .toUpperCase()
      .split(';')
      .map((part) => readPart(part)),
  );
  const freq = (['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const).find((name) => name === parts.get('FREQ'));
  const known = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS', 'WKST'];
  if (freq === undefined || [...parts.keys()].some((name) => !known.includes(name))) return undefined;
  const interval = Number(parts.get('INTERVAL') ?? 1);
  const count = Number(parts.get('COUNT') ?? Infinity);
  const byMonthDay = numbers(parts.get('BYMONTHDAY'), 31);
  const byMonth = numbers(parts.get('BYMONTH'), 12);
  const bySetPos = numbers(parts.get('BYSETPOS'), 366);
  const byDay = weekdays(parts.get('BYDAY'));
  const weekStart = WEEKDAYS.indexOf(parts.get('WKST') ?? 'MO');
  if (!(interval >= 1) || !(count >= 1) || weekStart < 0) return undefined;
  if (byMonthDay === undefined || byMonth === undefined || bySetPos === undefined || byDay === undefined) {
    return undefined;
  }
  const until = parts.get('UNTIL') ?? null;
  if (until !== null && !/^\d{8}(T\d{6}Z?)?$/.test(until)) return undefined;
  return { freq, interval, count, until, byDay, byMonthDay, byMonth, bySetPos, weekStart };
}

/** Local starts, in order. Times are milliseconds as if the local time were UTC. */
export function* expandRule(rule: Rule, startMs: number, untilMs: number): Generator<number> {
  const startDay = Math.floor(startMs / DAY_MS) * DAY_MS;
  const timeOfDay = startMs - startDay;
  const bound = Math.min(untilMs, END_MS);
  let left = rule.count;
  for (let step = 0; ; step += 1) {
    const period = periodAt(rule, startDay, step);
    if (period > bound) return;
    const days = daysIn(rule, period, startDay).sort((a, b) => a - b);
    for (const day of positioned(rule, days)) {
      const at = day + timeOfDay;
      if (at < startMs) continue;
      if (at > bound || left <= 0) return;
      left -= 1;
      yield at;
    }
  }
}

/** First day of the nth period. */
function periodAt(rule: Rule, startDay: number, step: number): number {
  const start = new Date(startDay);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  switch (rule.freq) {
    case 'DAILY':
      return startDay + step * rule.interval * DAY_MS;
    case 'WEEKLY': {
      const week = startDay - ((start.getUTCDay() - rule.weekStart + 7) % 7) * DAY_MS;
      return week + step * rule.interval * 7 * DAY_MS;
    }
    case 'MONTHLY':
      return Date.UTC(year, month + step * rule.interval, 1);
    case 'YEARLY':
      return Date.UTC(year + step * rule.interval, 0, 1);
  }
}

function daysIn(rule: Rule, period: number, startDay: number): number[] {
  switch (rule.freq) {
    case 'DAILY':
      return isAllowed(rule, period) ? [period] : [];
    case 'WEEKLY': {
      const wanted =
        rule.byDay.length > 0 ? rule.byDay : [{ weekday: new Date(startDay).getUTCDay(), nth: 0 }];
      return range(period, 7).filter(
        (day) =>
          isMonthAllowed(rule, day) && wanted.some(({ weekday }) => weekday === new Date(day).getUTCDay()),
      );
    }
    case 'MONTHLY':
      return isMonthAllowed(rule, period) ? daysOfMonth(rule, period, startDay) : [];
    case 'YEARLY':
      return daysOfYear(rule, period, startDay);
  }
}

function daysOfYear(rule: Rule, period: number, startDay: number): number[] {
  const year = new Date(period).getUTCFullYear();
  const hasDays = rule.byDay.length + rule.byMonthDay.length > 0;
  if (rule.byMonth.length === 0 && rule.byMonthDay.length === 0 && rule.byDay.length > 0) {
    return nthWeekdays(rule, range(period, (Date.UTC(year + 1, 0, 1) - period) / DAY_MS));
  }
  const startMonth = new Date(startDay).getUTCMonth() + 1;
  const every = Array.from({ length: 12 }, (_, i) => i + 1);
  const months = rule.byMonth.length > 0 ? rule.byMonth : hasDays ? every : [startMonth];
  return months.flatMap((month) => daysOfMonth(rule, Date.UTC(year, month - 1, 1), startDay));
}

function daysOfMonth(rule: Rule, first: number, startDay: number): number[] {
  const at = new Date(first);
  const size = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  const all = range(first, size);
  if (rule.byMonthDay.length === 0 && rule.byDay.length > 0) return nthWeekdays(rule, all);
  const wanted = rule.byMonthDay.length > 0 ? rule.byMonthDay : [new Date(startDay).getUTCDate()];
  const numbered = new Set(wanted.map((day) => (day > 0 ? day : size + 1 + day)));
  const days = all.filter((_, i) => numbered.has(i + 1));
  if (rule.byDay.length === 0) return days;
  return days.filter((day) => rule.byDay.some(({ weekday }) => weekday === new Date(day).getUTCDay()));
}

/** The weekdays of a stretch of days; `2MO` is its second Monday, `-1FR` its last Friday. */
function nthWeekdays(rule: Rule, days: number[]): number[] {
  const found = rule.byDay.flatMap(({ weekday, nth }) => {
    const same = days.filter((day) => new Date(day).getUTCDay() === weekday);
    if (nth === 0) return same;
    const one = same.at(nth > 0 ? nth - 1 : nth);
    return one === undefined ? [] : [one];
  });
  return [...new Set(found)];
}

function isAllowed(rule: Rule, day: number): boolean {
  const at = new Date(day);
  const size = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  const date = at.getUTCDate();
  const { byMonthDay, byDay } = rule;
  if (!isMonthAllowed(rule, day)) return false;
  if (byMonthDay.length > 0 && !byMonthDay.some((n) => (n > 0 ? n : size + 1 + n) === date)) return false;
  return byDay.length === 0 || byDay.some(({ weekday }) => weekday === at.getUTCDay());
}

const isMonthAllowed = (rule: Rule, day: number): boolean =>
  rule.byMonth.length === 0 || rule.byMonth.includes(new Date(day).getUTCMonth() + 1);

function positioned(rule: Rule, days: number[]): number[] {
  if (rule.bySetPos.length === 0) return days;
  const chosen = rule.bySetPos.map((position) => days.at(position > 0 ? position - 1 : position));
  return [...new Set(chosen.filter((day) => day !== undefined))].sort((a, b) => a - b);
}

const range = (first: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => first + i * DAY_MS);

function readPart(part: string): [string, string] {
  const equals = part.indexOf('=');
  return [part.slice(0, equals), part.slice(equals + 1)];
}

function numbers(text: string | undefined, max: number): number[] | undefined {
  if (text === undefined) return [];
  const values = text.split(',').map(Number);
  return values.every((n) => Number.isInteger(n) && n !== 0 && Math.abs(n) <= max) ? values : undefined;
}

function weekdays(text: string | undefined): Rule['byDay'] | undefined {
  if (text === undefined) return [];
  const days = text.split(',').map((part) => /^([+-]?\d{1,2})?(SU|MO|TU|WE|TH|FR|SA)$/.exec(part));
  if (days.some((day) => day === null)) return undefined;
  return days.map((day) => ({ weekday: WEEKDAYS.indexOf(day?.[2] ?? ''), nth: Number(day?.[1] ?? 0) }));
}
