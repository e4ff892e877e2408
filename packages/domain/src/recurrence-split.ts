/**
 * "This and following": a series is cut in two at one of its occurrences. What lies before stays with the series, what
 * begins there goes on as another one. Pure.
 */
import { readAdded, readExcluded } from './recurrence-dates.ts';
import { frameOf, positionOf, timeLike, zoneOrUtc, type SeriesFrame } from './recurrence-frame.ts';
import { readLines, type RecurrenceLine } from './recurrence-lines.ts';
import { parseRule } from './recurrence-rule.ts';
import { expandSeries, type SeriesInput } from './recurrence.ts';
import { slotOf, type EventTime } from './times.ts';
import { ZoneTable } from './zones.ts';

export interface SplitSeries {
  /** Lines of the series that ends; empty: nothing takes place before, so there is nothing to cut off. */
  before: string[];
  /** Lines of the one that begins with the occurrence. */
  after: string[];
}

/**
 * Rules are cut by what they are bounded by: those that count keep counting, others end with their last occurrence
 * before the cut. The rule goes on from the occurrence as it would have, since the occurrence is one of its own.
 *
 * @param at the original start of the occurrence
 * @returns null: a series of several rules, or an occurrence that its rule did not make, cannot be cut without
 *   changing its days
 * @throws RecurrenceError
 */
export function splitSeries(
  series: Pick<SeriesInput, 'start' | 'end' | 'recurrence'>,
  at: EventTime,
  zones: ZoneTable = new ZoneTable(),
): SplitSeries | null {
  const { start, end } = series;
  const lines = readLines(series.recurrence);
  const [rule, ...more] = lines.filter(({ property }) => property === 'RRULE');
  if (!rule || more.length > 0 || lines.some(({ property }) => property === 'EXRULE')) return null;
  const frame = frameOf(start, end, zones);
  const cutAt = positionOf(at);
  const within = (recurrence: readonly string[], from: number, to: number) =>
    expandSeries(
      {
        start,
        end,
        recurrence,
        window: { from: new Date(from), to: new Date(to) },
        replaced: new Set(),
      },
      zones,
    );
  const own = [rule.head + rule.value];
  const slot = slotOf(at);
  if (!within(own, cutAt, cutAt + 1).occurrences.some((occurrence) => occurrence.slot === slot)) return null;
  if (within(series.recurrence, positionOf(start), cutAt).occurrences.length === 0) {
    return { before: [], after: [...series.recurrence] };
  }
  const earlier = within(own, positionOf(start), cutAt);
  const last = earlier.occurrences.at(-1);
  if (earlier.truncated || !last) return null;
  const [ended, continued] = cutRule(rule, earlier.occurrences.length, last.start);
  const dates = lines.filter((line) => line !== rule).map((line) => cutDates(line, frame, cutAt));
  return {
    before: [ended, ...dates.flatMap(({ before }) => before)],
    after: [continued, ...dates.flatMap(({ after }) => after)],
  };
}

function cutRule({ head, value }: RecurrenceLine, earlier: number, last: EventTime): [string, string] {
  const { count } = parseRule(value);
  if (count !== null) {
    const counting = (times: number): string => head + value.replace(/COUNT=\d+/i, `COUNT=${times}`);
    return [counting(earlier), counting(count - earlier)];
  }
  const open = value.replace(/;?UNTIL=[^;]*/i, '').replace(/^;/, '');
  // A floating UNTIL has no Z (RFC 5545, 3.3.10).
  const until = last.kind === 'floating' ? slotOf(last).slice(0, -1) : slotOf(last);
  return [`${head}${open};UNTIL=${until}`, head + value];
}

/** The values of an RDATE or EXDATE line, on the side of the cut that they are about. */
function cutDates(
  line: RecurrenceLine,
  frame: SeriesFrame,
  cutAt: number,
): { before: string[]; after: string[] } {
  const values = line.value.split(',').filter((value) => value.trim() !== '');
  const isBefore = (value: string): boolean => {
    const only = [{ ...line, value }];
    if (line.property === 'RDATE') return (readAdded(only, frame)[0]?.start ?? cutAt) < cutAt;
    const { instants, days } = readExcluded(only, frame);
    const [day] = days;
    return day === undefined ? ([...instants][0] ?? cutAt) < cutAt : day < frame.dayOf(cutAt);
  };
  const lineOf = (kept: string[]): string[] => (kept.length === 0 ? [] : [line.head + kept.join(',')]);
  return {
    before: lineOf(values.filter(isBefore)),
    after: lineOf(values.filter((value) => !isBefore(value))),
  };
}

/**
 * Moves a time by what lies between two others on the clock: a series whose occurrence goes from nine to ten goes to ten
 * on all its days, whatever the clocks did in between. The result is of the kind, and in the zone, of `to`.
 */
export function shiftTime(
  time: EventTime,
  { from, to }: { from: EventTime; to: EventTime },
  zones: ZoneTable = new ZoneTable(),
): EventTime {
  const wall = wallOf(time, zones) + wallOf(to, zones) - wallOf(from, zones);
  return timeLike(to, to.kind === 'zoned' ? zones.wallToInstant(zoneOrUtc(to.zone, zones), wall) : wall);
}

/** What the clock shows, as if it were UTC. A date is its midnight. */
function wallOf(time: EventTime, zones: ZoneTable): number {
  const position = positionOf(time);
  return time.kind === 'zoned' ? position + zones.offsetAt(zoneOrUtc(time.zone, zones), position) : position;
}
