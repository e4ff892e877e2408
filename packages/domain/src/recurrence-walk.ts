import { candidatesOf, firstDayOf, matchesDay, periodOf, withDayDefaults } from './recurrence-days.ts';
import type { Frequency, Rule } from './recurrence-rule.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, dayOf, dayOfWall, type Wall } from './zones-wall.ts';

/**
 * Walks a rule in wall-clock time, period by period. Every period, day and time looked at is a step of the budget,
 * and no loop in here runs without spending: a rule that matches nothing ends like any other.
 */

/** Steps left. Shared by all rules of a series. */
export class StepBudget {
  exhausted = false;
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  /** False when there is nothing left; the walk ends then. */
  spend(steps = 1): boolean {
    this.#left -= steps;
    if (this.#left < 0) this.exhausted = true;
    return !this.exhausted;
  }
}

export interface Walk {
  rule: Rule;
  /** DTSTART. */
  start: Wall;
  /** Times from here on are wanted; earlier ones may be left out. */
  from: Wall;
  /** The walk ends before this. */
  to: Wall;
  /** Whether DTSTART itself is the first time and the first of COUNT, match or not. */
  startCounts: boolean;
  budget: StepBudget;
}

/** RFC 5545 years have four digits. */
const END_OF_TIME = dayOf({ year: 10_000, month: 1, day: 1 }) * DAY_MS;

/** The times of the rule, ascending, at or after DTSTART. UNTIL is left to the caller, who knows the zone. */
export function* walkRule(walk: Walk): Generator<Wall, void> {
  const { start, startCounts } = walk;
  const plan = planOf(walk);
  let left = plan.count ?? Number.POSITIVE_INFINITY;
  if (startCounts) {
    left -= 1;
    if (start >= walk.from && start < plan.to) yield start;
    if (left <= 0) return;
  }
  for (const time of plan.times) {
    if (time < start || (time === start && startCounts)) continue;
    if (time >= walk.from) yield time;
    left -= 1;
    if (left <= 0) return;
  }
}

interface Plan {
  count: number | null;
  to: Wall;
  times: Iterable<Wall>;
}

function planOf(walk: Walk): Plan {
  const { start, budget } = walk;
  const rule = withDayDefaults(walk.rule, dayOfWall(start));
  const last = lastByCount(walk);
  const to = Math.min(walk.to, END_OF_TIME, last === null ? END_OF_TIME : last + 1);
  // COUNT counts from DTSTART on; without it the walk may begin where it is wanted. BYSETPOS is no obstacle, since a
  // period is always looked at as a whole.
  const count = last === null ? rule.count : null;
  const from = count === null ? Math.max(walk.from, start) : start;
  return { count, to, times: timesOf({ rule, start, from, to, budget }) };
}

/** The length of a period where it has one. */
const periodMs: Partial<Record<Frequency, number>> = {
  SECONDLY: SECOND_MS,
  MINUTELY: MINUTE_MS,
  HOURLY: HOUR_MS,
  DAILY: DAY_MS,
  WEEKLY: 7 * DAY_MS,
};

/** When every period has exactly one time, COUNT is a date, and nothing has to be counted. */
function lastByCount({ rule, start }: Walk): Wall | null {
  const length = periodMs[rule.freq];
  if (rule.count === null || length === undefined) return null;
  const { bySecond, byMinute, byHour, byDay, byMonthDay, byYearDay, byWeekNo, byMonth, bySetPos } = rule;
  const lists = [bySecond, byMinute, byHour, byDay, byMonthDay, byYearDay, byWeekNo, byMonth, bySetPos];
  return lists.some((list) => list !== null) ? null : start + (rule.count - 1) * rule.interval * length;
}

type Stretch = Pick<Walk, 'rule' | 'start' | 'from' | 'to' | 'budget'>;

function timesOf(stretch: Stretch): Iterable<Wall> {
  switch (stretch.rule.freq) {
    case 'SECONDLY':
      return timesWithinDays(stretch, SECOND_MS);
    case 'MINUTELY':
      return timesWithinDays(stretch, MINUTE_MS);
    case 'HOURLY':
      return timesWithinDays(stretch, HOUR_MS);
    case 'DAILY':
    case 'WEEKLY':
    case 'MONTHLY':
    case 'YEARLY':
      return timesOfDays(stretch);
  }
}

/** DAILY and longer: the matching days of each period, each with the same times of day. */
function* timesOfDays({ rule, start, from, to, budget }: Stretch): Generator<Wall, void> {
  const hours = rule.byHour ?? [timeOfDay(start).hour];
  const times = withinHour(rule, start).flatMap((offset) => hours.map((hour) => hour * HOUR_MS + offset));
  times.sort((a, b) => a - b);
  if (!budget.spend(times.length)) return;
  const first = periodOf(rule, dayOfWall(start));
  const skipped = Math.floor((periodOf(rule, dayOfWall(from)) - first) / rule.interval);
  for (let index = Math.max(skipped, 0); ; index += 1) {
    const period = first + index * rule.interval;
    if (firstDayOf(rule, period) * DAY_MS >= to || !budget.spend()) return;
    const candidates = candidatesOf(rule, period);
    if (!budget.spend(candidates.length)) return;
    const days = candidates.filter((day) => matchesDay(rule, day)).map((day) => day * DAY_MS);
    for (const time of selected(rule, days, times)) {
      if (time >= to || !budget.spend()) return;
      yield time;
    }
  }
}

/** HOURLY and shorter: one period after the other, but days and hours that do not match are leapt over whole. */
function* timesWithinDays({ rule, start, from, to, budget }: Stretch, unitMs: number): Generator<Wall, void> {
  const times =
    unitMs === HOUR_MS ? withinHour(rule, start) : unitMs === MINUTE_MS ? seconds(rule, start) : [0];
  if (!budget.spend(times.length)) return;
  const first = Math.floor(start / unitMs);
  /** The first period of the rule that begins at or after this. */
  const atOrAfter = (wall: Wall): number =>
    first + Math.ceil(Math.max(Math.ceil(wall / unitMs) - first, 0) / rule.interval) * rule.interval;
  let unit = atOrAfter(from - unitMs);
  while (unit * unitMs < to && budget.spend()) {
    const base = unit * unitMs;
    const next = endOfMismatch(rule, base, unitMs);
    if (next !== null) {
      unit = atOrAfter(next);
      continue;
    }
    for (const time of selected(rule, [base], times)) {
      if (time >= to || !budget.spend()) return;
      yield time;
    }
    unit += rule.interval;
  }
}

/** Where the day, hour, minute or second ends that the rule does not want; null when it wants it. */
function endOfMismatch(rule: Rule, wall: Wall, unitMs: number): Wall | null {
  const day = dayOfWall(wall);
  const { hour, minute, second } = timeOfDay(wall);
  if (!matchesDay(rule, day)) return (day + 1) * DAY_MS;
  if (rule.byHour && !rule.byHour.includes(hour)) return endOf(wall, HOUR_MS);
  if (unitMs <= MINUTE_MS && rule.byMinute && !rule.byMinute.includes(minute)) return endOf(wall, MINUTE_MS);
  if (unitMs <= SECOND_MS && rule.bySecond && !rule.bySecond.includes(second)) return endOf(wall, SECOND_MS);
  return null;
}

const endOf = (wall: Wall, unitMs: number): Wall => (Math.floor(wall / unitMs) + 1) * unitMs;

/**
 * The times of one period, or those that BYSETPOS points at. All days have the same times, so a position is found by
 * division: a period of 31 million seconds is never written out.
 */
function* selected(rule: Rule, days: Wall[], times: number[]): Generator<Wall, void> {
  if (!rule.bySetPos) {
    for (const day of days) for (const time of times) yield day + time;
    return;
  }
  const size = days.length * times.length;
  const places = rule.bySetPos.map((place) => (place > 0 ? place - 1 : size + place));
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    const day = days[Math.floor(place / times.length)];
    const time = times[place % times.length];
    if (day !== undefined && time !== undefined) yield day + time;
  }
}

const withinHour = (rule: Rule, start: Wall): number[] =>
  (rule.byMinute ?? [timeOfDay(start).minute]).flatMap((minute) =>
    seconds(rule, start).map((second) => minute * MINUTE_MS + second),
  );

const seconds = (rule: Rule, start: Wall): number[] =>
  (rule.bySecond ?? [timeOfDay(start).second]).map((second) => second * SECOND_MS);

function timeOfDay(wall: Wall): { hour: number; minute: number; second: number } {
  const ms = wall - dayOfWall(wall) * DAY_MS;
  return {
    hour: Math.floor(ms / HOUR_MS),
    minute: Math.floor(ms / MINUTE_MS) % 60,
    second: Math.floor(ms / SECOND_MS) % 60,
  };
}
