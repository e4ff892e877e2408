import { expandSeries, type EventTime } from '@calfleet/domain';
import { recurrenceLines, type RecurrenceContext } from './recurrence.ts';

const zoned: RecurrenceContext = { isAllDay: false, zone: 'Europe/Berlin' };
const allDay: RecurrenceContext = { isAllDay: true, zone: null };
const endless = { type: 'noEnd', startDate: '2026-01-01', endDate: '0001-01-01' };

/** Reads carry the fields that a pattern does not use, too, with nothing in them. */
const unused = { month: 0, dayOfMonth: 0, index: 'first', firstDayOfWeek: 'sunday' };

const lines = (pattern: object, range: object = endless, context = zoned) =>
  recurrenceLines({ pattern: { ...unused, interval: 1, ...pattern }, range }, context);

it.each([
  [{ type: 'daily' }, 'FREQ=DAILY'],
  [{ type: 'daily', interval: 3 }, 'FREQ=DAILY;INTERVAL=3'],
  [{ type: 'weekly', daysOfWeek: ['monday', 'friday'] }, 'FREQ=WEEKLY;BYDAY=MO,FR;WKST=SU'],
  [
    { type: 'weekly', interval: 2, daysOfWeek: ['Sunday'], firstDayOfWeek: 'Monday' },
    'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=MO',
  ],
  [{ type: 'absoluteMonthly', dayOfMonth: 28 }, 'FREQ=MONTHLY;BYMONTHDAY=28'],
  [{ type: 'absoluteMonthly', dayOfMonth: 31 }, 'FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1'],
  [{ type: 'absoluteMonthly', dayOfMonth: 29 }, 'FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1'],
  [{ type: 'relativeMonthly', daysOfWeek: ['tuesday'], index: 'third' }, 'FREQ=MONTHLY;BYDAY=3TU'],
  [{ type: 'relativeMonthly', daysOfWeek: ['friday'], index: 'last' }, 'FREQ=MONTHLY;BYDAY=-1FR'],
  [
    { type: 'relativeMonthly', daysOfWeek: ['saturday', 'sunday'], index: 'second' },
    'FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=2',
  ],
  [{ type: 'absoluteYearly', month: 12, dayOfMonth: 24 }, 'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24'],
  [
    { type: 'absoluteYearly', month: 2, dayOfMonth: 29 },
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1',
  ],
  [
    { type: 'relativeYearly', daysOfWeek: ['sunday'], index: 'last', month: 3 },
    'FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
  ],
])('says %j as %s', (pattern, rule) => {
  expect(lines(pattern)).toEqual([`RRULE:${rule}`]);
});

it.each([
  [{ type: 'numbered', numberOfOccurrences: 10 }, zoned, 'COUNT=10'],
  // The last second of the day in Berlin, in summer and in winter.
  [{ type: 'endDate', endDate: '2027-07-01' }, zoned, 'UNTIL=20270701T215959Z'],
  [{ type: 'endDate', endDate: '2027-01-01' }, zoned, 'UNTIL=20270101T225959Z'],
  [{ type: 'endDate', endDate: '2027-07-01' }, { isAllDay: false, zone: null }, 'UNTIL=20270701T235959Z'],
  [{ type: 'endDate', endDate: '2027-07-01' }, allDay, 'UNTIL=20270701'],
])('ends %j as said (%j)', (range, context, part) => {
  expect(lines({ type: 'daily' }, range, context)).toEqual([`RRULE:FREQ=DAILY;${part}`]);
});

it.each([
  ['a pattern that nobody knows', { type: 'lunar' }, endless],
  ['a week without days', { type: 'weekly', daysOfWeek: [] }, endless],
  ['a day that is none', { type: 'weekly', daysOfWeek: ['someday'] }, endless],
  ['no day of the month', { type: 'absoluteMonthly' }, endless],
  ['no month', { type: 'absoluteYearly', dayOfMonth: 1 }, endless],
  ['an interval of zero', { type: 'daily', interval: 0 }, endless],
  ['a range that nobody knows', { type: 'daily' }, { type: 'forAges' }],
  ['an end that is no day', { type: 'daily' }, { type: 'endDate', endDate: '0001-13-01' }],
  ['a count of zero', { type: 'daily' }, { type: 'numbered', numberOfOccurrences: 0 }],
])('has no line for %s', (_, pattern, range) => {
  expect(lines(pattern, range)).toEqual([]);
});

it.each([undefined, null, 'weekly', {}, { pattern: {} }])('has no line for %j', (recurrence) => {
  expect(recurrenceLines(recurrence, zoned)).toEqual([]);
});

const daysOf = (recurrence: string[], start: string): string[] => {
  const dayAfter = (date: string) => new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
  const first: EventTime = { kind: 'date', date: start };
  const next: EventTime = { kind: 'date', date: dayAfter(start) };
  const window = { from: new Date('2026-01-01'), to: new Date('2027-01-01') };
  const { occurrences } = expandSeries({ start: first, end: next, recurrence, window, replaced: new Set() });
  return occurrences.flatMap((each) => (each.start.kind === 'date' ? [each.start.date.slice(5)] : []));
};

it('keeps the 31st in every month, on its last day, as Outlook does', () => {
  const days = daysOf(lines({ type: 'absoluteMonthly', dayOfMonth: 31 }, endless, allDay), '2026-01-31');
  expect(days.slice(0, 6)).toEqual(['01-31', '02-28', '03-31', '04-30', '05-31', '06-30']);
  expect(days).toHaveLength(12);
});

it('takes the first working day of a month', () => {
  const daysOfWeek = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];
  const days = daysOf(
    lines({ type: 'relativeMonthly', daysOfWeek, index: 'first' }, endless, allDay),
    '2026-01-01',
  );
  expect(days.slice(0, 5)).toEqual(['01-01', '02-02', '03-02', '04-01', '05-01']);
});
