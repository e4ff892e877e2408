import { parseRule } from './recurrence-rule.ts';
import { StepBudget, walkRule } from './recurrence-walk.ts';
import { expandSeries, type Expansion, type ExpansionLimits } from './recurrence.ts';
import { DAY_MS, parseWall } from './zones-wall.ts';

/** RRULE bombs. Bounds are counted in steps, since a clock would only measure the machine. */

const wall = (text: string): number => parseWall(text) ?? Number.NaN;

/** Steps that a walk over 13 months takes, and what it finds. */
function walk(
  rule: string,
  start = '2000-01-01T09:00:00',
  stepsMax = 100_000,
): { steps: number; found: number } {
  let steps = 0;
  class CountedBudget extends StepBudget {
    override spend(count = 1): boolean {
      steps += count;
      return super.spend(count);
    }
  }
  const times = walkRule({
    rule: parseRule(rule),
    start: wall(start),
    from: wall('2025-01-01'),
    to: wall('2026-02-01'),
    startCounts: true,
    budget: new CountedBudget(stepsMax),
  });
  return { found: [...times].length, steps };
}

const expand = (recurrence: string[], start: string, limits?: ExpansionLimits): Expansion =>
  expandSeries({
    start: { kind: 'zoned', instant: start, zone: 'Europe/Berlin' },
    end: { kind: 'zoned', instant: start, zone: 'Europe/Berlin' },
    recurrence,
    window: { from: new Date('2025-01-01'), to: new Date('2026-02-01') },
    replaced: new Set(),
    ...(limits && { limits }),
  });

const every = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index).join(',');

describe('a rule that never matches ends soon', () => {
  it.each<[string, number]>([
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 10],
    ['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31', 1_000],
    ['FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31', 1_000],
    ['FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=31', 1_000],
    ['FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=31', 1_000],
    ['FREQ=SECONDLY;INTERVAL=60;BYSECOND=1', 100_001],
    ['FREQ=SECONDLY;BYYEARDAY=366', 1_000],
    ['FREQ=MONTHLY;BYSETPOS=366;BYDAY=MO', 1_000],
    ['FREQ=MONTHLY;BYDAY=-53MO', 1_000],
    ['FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO', 1_000],
    ['FREQ=DAILY;INTERVAL=7;BYDAY=TU', 1_000],
    ['FREQ=DAILY;INTERVAL=1000000000', 10],
    ['FREQ=YEARLY;INTERVAL=9007199254740991', 10],
    ['FREQ=SECONDLY;INTERVAL=9007199254740991;COUNT=9007199254740991', 10],
    ['FREQ=MONTHLY;INTERVAL=1000000000;COUNT=1000000000', 100],
    ['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31;COUNT=1', 10],
  ])('%s within %d steps', (rule, stepsMax) => {
    const { steps, found } = walk(rule);
    expect({ found, bounded: steps <= stepsMax + 1 }).toEqual({ found: 0, bounded: true });
  });
});

describe('a rule from long ago is entered at the window', () => {
  // Days of the window: 396; a day costs its period, its candidate and its time.
  it.each<[string, number, number]>([
    ['FREQ=DAILY', 396, 1_200],
    ['FREQ=DAILY;COUNT=1000000000', 396, 1_200],
    ['FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR', 283, 1_200],
    ['FREQ=DAILY;BYHOUR=9,15,18;BYSETPOS=2', 396, 1_200],
    ['FREQ=WEEKLY', 57, 600],
    ['FREQ=MONTHLY;BYDAY=-1FR', 13, 600],
    ['FREQ=YEARLY', 2, 10],
    ['FREQ=HOURLY', 9_504, 20_000],
    ['FREQ=MINUTELY;INTERVAL=60', 9_504, 20_000],
    ['FREQ=SECONDLY;INTERVAL=3600;COUNT=1000000000', 9_504, 20_000],
  ])('%s from 1825: %d times', (rule, times, stepsMax) => {
    const { steps, found } = walk(rule, '1825-01-01T09:00:00');
    expect({ found, bounded: steps <= stepsMax }).toEqual({ found: times, bounded: true });
  });
});

describe('what a limit cuts off is said', () => {
  it.each([
    'FREQ=SECONDLY',
    'FREQ=MINUTELY',
    'FREQ=SECONDLY;COUNT=1000000000',
    `FREQ=DAILY;BYHOUR=${every(0, 23)};BYMINUTE=${every(0, 59)}`,
  ])('%s is cut at 10,000 occurrences', (rule) => {
    const { occurrences, truncated } = expand([`RRULE:${rule}`], '2000-01-01T00:00:00Z');
    expect({ count: occurrences.length, truncated }).toEqual({ count: 10_000, truncated: 'occurrences' });
    expect(occurrences[0]?.slot.slice(0, 6)).toMatch(/^(202501|202412)/);
  });

  it('says nothing when the limit is just reached', () => {
    const limits = { steps: 1_000, occurrences: 3 };
    const three = expand(['RRULE:FREQ=DAILY;COUNT=3'], '2025-06-02T07:00:00Z', limits);
    const four = expand(['RRULE:FREQ=DAILY;COUNT=4'], '2025-06-02T07:00:00Z', limits);
    expect([three.occurrences.length, three.truncated]).toEqual([3, null]);
    expect([four.occurrences.length, four.truncated]).toEqual([3, 'occurrences']);
  });

  it('does not spend occurrences on what EXDATE and exceptions took away', () => {
    const exdates = 'EXDATE:20250602T070000Z,20250603T070000Z';
    const limits = { steps: 1_000, occurrences: 2 };
    const found = expand(['RRULE:FREQ=DAILY;COUNT=4', exdates], '2025-06-02T07:00:00Z', limits);
    expect(found.truncated).toBeNull();
    expect(found.occurrences.map(({ slot }) => slot)).toEqual(['20250604T070000Z', '20250605T070000Z']);
  });

  it.each([
    ['a count that must be counted', ['RRULE:FREQ=SECONDLY;BYSECOND=0,1;COUNT=1000000000']],
    [
      'seconds of every year',
      [`RRULE:FREQ=YEARLY;BYHOUR=${every(0, 23)};BYMINUTE=${every(0, 59)};BYSECOND=${every(0, 59)}`],
    ],
    ['many rules', Array.from({ length: 5_000 }, () => 'RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31')],
    ['an EXRULE', ['RRULE:FREQ=DAILY', 'EXRULE:FREQ=SECONDLY']],
  ])('%s is cut at 100,000 steps', (_name, recurrence) => {
    expect(expand(recurrence, '2000-01-01T00:00:00Z').truncated).toBe('steps');
  });

  it('a set position in 31 million seconds is found by division', () => {
    const rule = `FREQ=YEARLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYHOUR=${every(0, 23)};BYMINUTE=${every(0, 59)};BYSETPOS=-1`;
    const { occurrences, truncated } = expand([`RRULE:${rule}`], '2024-06-01T00:00:00Z');
    // DTSTART is before the window; the last minute of 2025 at the wall is 22:59 UTC.
    expect(occurrences.map(({ slot }) => slot)).toEqual(['20251231T225900Z']);
    expect(truncated).toBeNull();
  });

  it('lists of any length are read once', () => {
    const rule = `FREQ=DAILY;BYMONTHDAY=${Array.from({ length: 50_000 }, (_, index) => (index % 31) + 1).join(',')}`;
    expect(parseRule(rule).byMonthDay).toHaveLength(31);
    const { found, steps } = walk(rule);
    expect({ found, bounded: steps < 1_300 }).toEqual({ found: 396, bounded: true });
  });

  it('a thousand years of days end with the calendar', () => {
    const times = walkRule({
      rule: parseRule('FREQ=DAILY'),
      start: wall('9999-12-30T09:00:00'),
      from: wall('9999-12-30'),
      to: wall('9999-12-31') + 1_000 * 366 * DAY_MS,
      startCounts: true,
      budget: new StepBudget(1_000),
    });
    expect([...times]).toEqual([wall('9999-12-30T09:00:00'), wall('9999-12-31T09:00:00')]);
  });
});
