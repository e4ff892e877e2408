import { isoDay, parseDay } from './days.ts';
import { GraphError } from './errors.ts';
import { readRecurrence, slotDays, type RecurrenceBody } from './recurrence.ts';
import { GraphZones } from './zones.ts';

type Weekday = RecurrenceBody['pattern']['daysOfWeek'][number];

const zones = new GraphZones();

function recurrenceOf(
  startDate: string,
  pattern: Partial<RecurrenceBody['pattern']>,
  range: Partial<RecurrenceBody['range']> = {},
): ReturnType<typeof readRecurrence> {
  return readRecurrence(
    zones,
    {
      pattern: {
        type: 'daily',
        interval: 1,
        month: 0,
        dayOfMonth: 0,
        daysOfWeek: [],
        firstDayOfWeek: 'sunday',
        index: 'first',
        ...pattern,
      },
      range: { type: 'noEnd', startDate, ...range },
    },
    'UTC',
  );
}

function dates(recurrence: ReturnType<typeof recurrenceOf>, max = 4, from = recurrence.startDay): string[] {
  const found: string[] = [];
  for (const day of slotDays(recurrence, from, Infinity)) {
    found.push(isoDay(day));
    if (found.length === max) break;
  }
  return found;
}

const day = (date: string): number => parseDay(date) ?? NaN;
const workdays: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

// November 2, 2026, is a Monday.
it.each<[string, string, Partial<RecurrenceBody['pattern']>, string[]]>([
  ['every day', '2026-11-02', {}, ['2026-11-02', '2026-11-03', '2026-11-04', '2026-11-05']],
  [
    'every tenth day',
    '2026-11-02',
    { interval: 10 },
    ['2026-11-02', '2026-11-12', '2026-11-22', '2026-12-02'],
  ],
  [
    'Mondays and Fridays',
    '2026-11-02',
    { type: 'weekly', daysOfWeek: ['friday', 'monday'] },
    ['2026-11-02', '2026-11-06', '2026-11-09', '2026-11-13'],
  ],
  [
    'Tuesday and Sunday of every second week, weeks from Sunday',
    '2026-11-03',
    { type: 'weekly', interval: 2, daysOfWeek: ['tuesday', 'sunday'] },
    ['2026-11-03', '2026-11-15', '2026-11-17', '2026-11-29'],
  ],
  [
    'the same, weeks from Monday',
    '2026-11-03',
    { type: 'weekly', interval: 2, daysOfWeek: ['tuesday', 'sunday'], firstDayOfWeek: 'monday' },
    ['2026-11-03', '2026-11-08', '2026-11-17', '2026-11-22'],
  ],
  [
    'a week day the start is not on: the series begins later',
    '2026-11-02',
    { type: 'weekly', daysOfWeek: ['wednesday'] },
    ['2026-11-04', '2026-11-11', '2026-11-18', '2026-11-25'],
  ],
  [
    'the 31st, clamped',
    '2026-10-31',
    { type: 'absoluteMonthly', dayOfMonth: 31 },
    ['2026-10-31', '2026-11-30', '2026-12-31', '2027-01-31'],
  ],
  [
    'the 31st over a short February',
    '2027-01-31',
    { type: 'absoluteMonthly', dayOfMonth: 31, interval: 1 },
    ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30'],
  ],
  [
    'every fifth month',
    '2026-11-15',
    { type: 'absoluteMonthly', dayOfMonth: 15, interval: 5 },
    ['2026-11-15', '2027-04-15', '2027-09-15', '2028-02-15'],
  ],
  [
    'the second Tuesday',
    '2026-11-10',
    { type: 'relativeMonthly', index: 'second', daysOfWeek: ['tuesday'] },
    ['2026-11-10', '2026-12-08', '2027-01-12', '2027-02-09'],
  ],
  [
    'the last Friday',
    '2026-11-27',
    { type: 'relativeMonthly', index: 'last', daysOfWeek: ['friday'] },
    ['2026-11-27', '2026-12-25', '2027-01-29', '2027-02-26'],
  ],
  [
    'the first working day',
    '2026-11-02',
    { type: 'relativeMonthly', index: 'first', daysOfWeek: workdays },
    ['2026-11-02', '2026-12-01', '2027-01-01', '2027-02-01'],
  ],
  [
    'the last working day',
    '2026-11-30',
    { type: 'relativeMonthly', index: 'last', daysOfWeek: workdays },
    ['2026-11-30', '2026-12-31', '2027-01-29', '2027-02-26'],
  ],
  [
    'every year',
    '2026-11-02',
    { type: 'absoluteYearly', month: 11, dayOfMonth: 2 },
    ['2026-11-02', '2027-11-02', '2028-11-02', '2029-11-02'],
  ],
  [
    'February 29, clamped in common years',
    '2028-02-29',
    { type: 'absoluteYearly', month: 2, dayOfMonth: 29 },
    ['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28'],
  ],
  [
    'every third year, a month before the start',
    '2026-11-02',
    { type: 'absoluteYearly', month: 5, dayOfMonth: 1, interval: 3 },
    ['2029-05-01', '2032-05-01', '2035-05-01', '2038-05-01'],
  ],
  [
    'the last Sunday of March',
    '2027-03-28',
    { type: 'relativeYearly', month: 3, index: 'last', daysOfWeek: ['sunday'] },
    ['2027-03-28', '2028-03-26', '2029-03-25', '2030-03-31'],
  ],
])('%s', (_name, startDate, pattern, expected) => {
  expect(dates(recurrenceOf(startDate, pattern))).toEqual(expected);
});

it.each<[string, Partial<RecurrenceBody['range']>, string[]]>([
  [
    'an end date, included',
    { type: 'endDate', endDate: '2026-11-04' },
    ['2026-11-02', '2026-11-03', '2026-11-04'],
  ],
  ['a number of occurrences', { type: 'numbered', numberOfOccurrences: 2 }, ['2026-11-02', '2026-11-03']],
])('ends with %s', (_name, range, expected) => {
  expect(dates(recurrenceOf('2026-11-02', {}, range), 10)).toEqual(expected);
});

it('finds the days of a far window as it finds those of a near one', () => {
  const patterns: Partial<RecurrenceBody['pattern']>[] = [
    { interval: 7 },
    { type: 'weekly', interval: 3, daysOfWeek: ['monday', 'thursday'], firstDayOfWeek: 'wednesday' },
    { type: 'absoluteMonthly', interval: 5, dayOfMonth: 31 },
    { type: 'relativeMonthly', interval: 2, index: 'third', daysOfWeek: ['monday', 'sunday'] },
    { type: 'absoluteYearly', interval: 4, month: 2, dayOfMonth: 29 },
    { type: 'relativeYearly', interval: 3, month: 11, index: 'fourth', daysOfWeek: ['thursday'] },
  ];
  for (const pattern of patterns) {
    const recurrence = recurrenceOf('2026-11-02', pattern);
    const all = dates(recurrence, 2000).filter((date) => date >= '2040-02-01' && date <= '2060-12-31');
    const window = [...slotDays(recurrence, day('2040-02-01'), day('2060-12-31'))].map(isoDay);
    expect(window).toEqual(all);
    expect(window.length).toBeGreaterThan(3);
  }
});

it('ends with the last day of the calendar', () => {
  const recurrence = recurrenceOf('9999-12-30', {});
  expect(dates(recurrence, 10)).toEqual(['9999-12-30', '9999-12-31']);
});

it('asks for what a type needs', () => {
  const wrong: [Partial<RecurrenceBody['pattern']>, Partial<RecurrenceBody['range']>?][] = [
    [{ interval: 0 }],
    [{ interval: 1000 }],
    [{ type: 'weekly' }],
    [{ type: 'relativeMonthly' }],
    [{ type: 'absoluteMonthly' }],
    [{ type: 'absoluteYearly', dayOfMonth: 1 }],
    [{}, { type: 'numbered' }],
    [{}, { type: 'numbered', numberOfOccurrences: 1000 }],
    [{}, { type: 'endDate', endDate: '2026-02-30' }],
    [{}, { type: 'endDate', endDate: '2026-11-01' }],
    [{}, { startDate: 'soon' }],
    [{}, { recurrenceTimeZone: 'Mars/Olympus' }],
  ];
  for (const [pattern, range] of wrong) {
    expect(() => recurrenceOf('2026-11-02', pattern, range)).toThrow(GraphError);
  }
});
