import { civilOf, dayOf, daysInMonth, type Day } from './zones-wall.ts';
import type { Rule, Weekday } from './recurrence-rule.ts';

/**
 * Which days a rule takes, as the table of RFC 5545 §3.3.10 says. Every BY part is a filter over the days of the
 * period: for days, expanding and limiting come to the same once the defaults of DTSTART are filled in.
 */

/** 1970-01-01 was a Thursday. */
export const weekdayOf = (day: Day): Weekday => (((day + 4) % 7) + 7) % 7;

/** The first day of the week that the day lies in. */
export const weekStart = (day: Day, wkst: Weekday): Day => day - ((weekdayOf(day) - wkst + 7) % 7);

/**
 * The rule with what it leaves to DTSTART: "FREQ=YEARLY" means that month and day, "BYWEEKNO=20" that weekday. An
 * ordinal in BYDAY has a meaning in months and years only; elsewhere `2MO` is read as `MO`.
 */
export function withDayDefaults(rule: Rule, start: Day): Rule {
  const { month, day } = civilOf(start);
  const weekday = [{ weekday: weekdayOf(start), nth: null }];
  const ordinals = rule.freq === 'YEARLY' || rule.freq === 'MONTHLY';
  const byDay = ordinals ? rule.byDay : (rule.byDay?.map((each) => ({ ...each, nth: null })) ?? null);
  if (byDay || rule.byMonthDay || rule.byYearDay) return { ...rule, byDay };
  if (rule.byWeekNo) return { ...rule, byDay: weekday };
  if (rule.freq === 'WEEKLY') return { ...rule, byDay: weekday };
  if (rule.freq === 'MONTHLY') return { ...rule, byMonthDay: [day] };
  if (rule.freq === 'YEARLY') return { ...rule, byMonth: rule.byMonth ?? [month], byMonthDay: [day] };
  return rule;
}

/** Periods are numbered: days, weeks by their first day, months and years of the calendar. */
export function periodOf(rule: Rule, day: Day): number {
  if (rule.freq === 'DAILY') return day;
  // The offset of a week's first day within seven is the same for all weeks, so floor numbers them.
  if (rule.freq === 'WEEKLY') return Math.floor(weekStart(day, rule.wkst) / 7);
  const { year, month } = civilOf(day);
  return rule.freq === 'MONTHLY' ? year * 12 + month - 1 : year;
}

/** The inverse of {@link periodOf}. */
export function firstDayOf(rule: Rule, period: number): Day {
  if (rule.freq === 'DAILY') return period;
  if (rule.freq === 'WEEKLY') return weekStart(period * 7 + 6, rule.wkst);
  if (rule.freq === 'YEARLY') return dayOf({ year: period, month: 1, day: 1 });
  return dayOf({ year: Math.floor(period / 12), month: (period % 12) + 1, day: 1 });
}

/** The days of a period that may match, ascending; {@link matchesDay} has the last word. */
export function candidatesOf(rule: Rule, period: number): Day[] {
  if (rule.freq === 'MONTHLY') return candidatesOfMonth(rule, Math.floor(period / 12), (period % 12) + 1);
  if (rule.freq === 'YEARLY') return candidatesOfYear(rule, period);
  const first = firstDayOf(rule, period);
  return rule.freq === 'DAILY' ? [first] : [0, 1, 2, 3, 4, 5, 6].map((offset) => first + offset);
}

function candidatesOfYear(rule: Rule, year: number): Day[] {
  const months = rule.byMonth ?? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  return months.flatMap((month) => candidatesOfMonth(rule, year, month));
}

function candidatesOfMonth(rule: Rule, year: number, month: number): Day[] {
  const length = daysInMonth(year, month);
  const first = dayOf({ year, month, day: 1 });
  if (!rule.byMonthDay) return Array.from({ length }, (_, index) => first + index);
  const days = rule.byMonthDay.map((day) => (day > 0 ? day : length + 1 + day));
  // Days that the month does not have are skipped, never moved (§3.3.10).
  const existing = [...new Set(days)].filter((day) => day >= 1 && day <= length);
  return existing.sort((a, b) => a - b).map((day) => first + day - 1);
}

/** Whether every BY part about days takes this one. `rule` has its defaults. */
export function matchesDay(rule: Rule, day: Day): boolean {
  const weekday = weekdayOf(day);
  if (rule.byDay && !rule.byDay.some((each) => each.weekday === weekday)) return false;
  if (!rule.byMonth && !rule.byMonthDay && !rule.byYearDay && !rule.byWeekNo && !hasOrdinals(rule))
    return true;
  const { year, month, day: monthDay } = civilOf(day);
  if (rule.byMonth && !rule.byMonth.includes(month)) return false;
  if (rule.byMonthDay && !includesPlace(rule.byMonthDay, monthDay, daysInMonth(year, month))) return false;
  const yearStart = dayOf({ year, month: 1, day: 1 });
  const yearLength = dayOf({ year: year + 1, month: 1, day: 1 }) - yearStart;
  if (rule.byYearDay && !includesPlace(rule.byYearDay, day - yearStart + 1, yearLength)) return false;
  if (rule.byWeekNo && !matchesWeek(rule.byWeekNo, day, rule.wkst)) return false;
  if (!rule.byDay) return true;
  // Ordinals count inside the month, but for a yearly rule without BYMONTH inside the year.
  const inYear = rule.freq === 'YEARLY' && !rule.byMonth;
  const place = inYear ? day - yearStart : monthDay - 1;
  const length = inYear ? yearLength : daysInMonth(year, month);
  const nth = Math.floor(place / 7) + 1;
  const nthLast = -(Math.floor((length - 1 - place) / 7) + 1);
  return rule.byDay.some(
    (each) => each.weekday === weekday && (each.nth === null || each.nth === nth || each.nth === nthLast),
  );
}

const hasOrdinals = (rule: Rule): boolean => rule.byDay?.some((each) => each.nth !== null) ?? false;

/** Whether the list holds a place counted from 1, or the same place counted from the end. */
const includesPlace = (list: number[], place: number, length: number): boolean =>
  list.includes(place) || list.includes(place - length - 1);

/**
 * Week 1 is the first with four days in its year (§3.3.10). The days that such a week has in the neighbouring
 * calendar year match there: 30 December 2024 lies in week 1. With INTERVAL it depends on this whether 2024 or 2025
 * has it; libraries differ, and this is the reading of python-dateutil.
 */
function matchesWeek(list: number[], day: Day, wkst: Weekday): boolean {
  const fourth = weekStart(day, wkst) + 3;
  const { year } = civilOf(fourth);
  const firstWeek = weekStart(dayOf({ year, month: 1, day: 4 }), wkst);
  const lastWeek = weekStart(dayOf({ year, month: 12, day: 28 }), wkst);
  const number = Math.floor((fourth - firstWeek) / 7) + 1;
  return includesPlace(list, number, Math.floor((lastWeek - firstWeek) / 7) + 1);
}
