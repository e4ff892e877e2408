import { readAdded, readExcluded, type AddedTime } from './recurrence-dates.ts';
import { RecurrenceError } from './recurrence-error.ts';
import { frameOf, type SeriesFrame } from './recurrence-frame.ts';
import { readLines, type RecurrenceProperty } from './recurrence-lines.ts';
import { parseRule, type Rule } from './recurrence-rule.ts';
import { StepBudget, walkRule } from './recurrence-walk.ts';
import { slotOf, type EventTime, type Slot } from './times.ts';
import { ZoneTable } from './zones.ts';

/**
 * From a series to its occurrences in a window (RFC 5545 §3.8.5). Rules run on the wall clock of the series and are
 * resolved to instants afterwards. Pure and bounded: what a limit cut off is said, never hidden.
 */

export interface SeriesInput {
  /** Of the master. */
  start: EventTime;
  end: EventTime;
  /** RRULE, EXRULE, RDATE and EXDATE lines, in any order. */
  recurrence: readonly string[];
  /**
   * Occurrences that overlap [from, to): start before `to`, end after `from`; one without length at `from` is in.
   * Dates and floating times are compared as if in UTC, so leave them a day on both sides.
   */
  window: { from: Date; to: Date };
  /** Slots that exceptions (moved, edited or cancelled) replace: not emitted, but counted by COUNT. */
  replaced: ReadonlySet<Slot>;
  limits?: ExpansionLimits;
}

export interface ExpansionLimits {
  /** Periods, days and times looked at, over all rules of the series. */
  steps: number;
  occurrences: number;
}

/**
 * 10,000 occurrences are one an hour for 13 months (9,500). A day costs up to three steps: 100,000 let a rule with
 * COUNT, which must be counted from its first day, run for 90 years of weekdays, and take some 20 ms.
 */
export const defaultExpansionLimits: ExpansionLimits = { steps: 100_000, occurrences: 10_000 };

export interface Occurrence {
  slot: Slot;
  start: EventTime;
  end: EventTime;
}

export interface Expansion {
  /** By start, each slot once. */
  occurrences: Occurrence[];
  /** The limit that cut the expansion: later occurrences are missing, and after `steps` an EXRULE may be incomplete. */
  truncated: null | 'steps' | 'occurrences';
}

/**
 * DTSTART is the first occurrence of every RRULE and counts, whether it matches or not, unless UNTIL lies before it
 * or EXDATE names it; a series without RRULE has it too. Several RRULEs unite. Each occurrence lasts exactly as long
 * as the master. Throws {@link RecurrenceError}.
 */
export function expandSeries(input: SeriesInput, zones: ZoneTable = new ZoneTable()): Expansion {
  const series = readSeries(input, zones);
  const limits = input.limits ?? defaultExpansionLimits;
  const budget = new StepBudget(limits.steps);
  const ends = new Map<number, number>();
  const isShown = isShownIn(series, input, budget);
  const add = ({ start, end }: AddedTime): boolean => {
    const until = end ?? start + series.frame.lengthMs;
    const shown = !ends.has(start) && isShown(start, until);
    if (shown) ends.set(start, until);
    return shown;
  };
  // A PERIOD knows its end better than the rule that has the same start.
  const byEndFirst = series.added.toSorted((a, b) => Number(a.end === null) - Number(b.end === null));
  byEndFirst.forEach(add);
  if (series.rules.length === 0) add({ start: series.frame.instantOf(series.frame.start), end: null });
  for (const rule of series.rules) {
    let added = 0;
    for (const start of instantsOf(rule, series.frame, input.window, budget, true)) {
      if (add({ start, end: null })) added += 1;
      if (added > limits.occurrences) break;
    }
  }
  const starts = [...ends.keys()].sort((a, b) => a - b);
  return {
    occurrences: starts.slice(0, limits.occurrences).map((start) => occurrenceOf(series.frame, start, ends)),
    truncated: budget.exhausted ? 'steps' : starts.length > limits.occurrences ? 'occurrences' : null,
  };
}

interface Series {
  frame: SeriesFrame;
  rules: Rule[];
  excludedRules: Rule[];
  added: AddedTime[];
  excluded: ReturnType<typeof readExcluded>;
}

function readSeries(input: SeriesInput, zones: ZoneTable): Series {
  const frame = frameOf(input.start, input.end, zones);
  const lines = readLines(input.recurrence);
  const of = (property: RecurrenceProperty) => lines.filter((line) => line.property === property);
  const rulesOf = (property: RecurrenceProperty) => of(property).map((line) => ruleFor(frame, line.value));
  return {
    frame,
    rules: rulesOf('RRULE'),
    excludedRules: rulesOf('EXRULE'),
    added: readAdded(of('RDATE'), frame),
    excluded: readExcluded(of('EXDATE'), frame),
  };
}

/** BYHOUR and its like are ignored where there are only dates (§3.3.10); an hourly date is nonsense. */
function ruleFor(frame: SeriesFrame, value: string): Rule {
  const rule = parseRule(value);
  if (!frame.allDay) return rule;
  if (rule.freq === 'SECONDLY' || rule.freq === 'MINUTELY' || rule.freq === 'HOURLY') {
    throw new RecurrenceError('unreadable_rule', 'an all-day series that repeats within the day');
  }
  return { ...rule, byHour: null, byMinute: null, bySecond: null };
}

function isShownIn({ frame, excluded, excludedRules }: Series, input: SeriesInput, budget: StepBudget) {
  const from = input.window.from.getTime();
  const to = input.window.to.getTime();
  const byRule = new Set(
    excludedRules.flatMap((rule) => [...instantsOf(rule, frame, input.window, budget, false)]),
  );
  return (start: number, end: number): boolean =>
    start < to &&
    (end > from || (end === start && start === from)) &&
    !byRule.has(start) &&
    !excluded.instants.has(start) &&
    !(excluded.days.size > 0 && excluded.days.has(frame.dayOf(start))) &&
    !(input.replaced.size > 0 && input.replaced.has(slotOf(frame.startTime(start))));
}

/** The instants of a rule around the window, in order of their wall times. */
function* instantsOf(
  rule: Rule,
  frame: SeriesFrame,
  window: SeriesInput['window'],
  budget: StepBudget,
  startCounts: boolean,
): Generator<number, void> {
  const { until } = rule;
  const lastWall = until === null ? Number.POSITIVE_INFINITY : frame.lastWall(until);
  const walls = walkRule({
    rule,
    start: frame.start,
    from: frame.earliestWall(window.from.getTime() - frame.lengthMs),
    to: Math.min(frame.latestWall(window.to.getTime()), lastWall + 1),
    startCounts,
    budget,
  });
  for (const wall of walls) {
    if (until === null || !frame.isAfter(until, wall)) yield frame.instantOf(wall);
  }
}

function occurrenceOf(frame: SeriesFrame, start: number, ends: ReadonlyMap<number, number>): Occurrence {
  const startTime = frame.startTime(start);
  return { slot: slotOf(startTime), start: startTime, end: frame.endTime(ends.get(start) ?? start) };
}
