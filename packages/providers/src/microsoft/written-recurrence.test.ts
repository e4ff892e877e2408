import fc from 'fast-check';
import { expandSeries, SyncError, type EventTime } from '@calfleet/domain';
import { recurrenceLines } from './recurrence.ts';
import { saidRecurrence } from './written-recurrence.ts';

const zoned = (instant: string, zone: string | null = 'Europe/Berlin'): EventTime => ({
  kind: 'zoned',
  instant,
  zone,
});
const day = (date: string): EventTime => ({ kind: 'date', date });

/** Monday, 23 November 2026, 10:00 in Berlin. */
const monday = zoned('2026-11-23T09:00:00Z');

const said = (rule: string, start = monday) => saidRecurrence([`RRULE:${rule}`], start, 'Europe/Berlin');

function refusal(lines: string[], start = monday): string {
  try {
    saidRecurrence(lines, start, 'Europe/Berlin');
  } catch (thrown) {
    return thrown instanceof SyncError ? thrown.code : 'another error';
  }
  return 'none';
}

it.each<[string, EventTime, object]>([
  ['FREQ=DAILY', monday, { type: 'daily', interval: 1 }],
  ['FREQ=DAILY;INTERVAL=3', monday, { type: 'daily', interval: 3 }],
  [
    'FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR',
    monday,
    {
      type: 'weekly',
      interval: 1,
      daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
      firstDayOfWeek: 'monday',
    },
  ],
  ['FREQ=WEEKLY', monday, { type: 'weekly', interval: 1, daysOfWeek: ['monday'], firstDayOfWeek: 'monday' }],
  [
    'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU',
    monday,
    { type: 'weekly', interval: 2, daysOfWeek: ['monday', 'friday'], firstDayOfWeek: 'sunday' },
  ],
  ['FREQ=MONTHLY', monday, { type: 'absoluteMonthly', interval: 1, dayOfMonth: 23 }],
  ['FREQ=MONTHLY;BYMONTHDAY=23', monday, { type: 'absoluteMonthly', interval: 1, dayOfMonth: 23 }],
  ['FREQ=MONTHLY;BYMONTHDAY=-1', day('2026-11-30'), { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 }],
  [
    'FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1',
    day('2026-11-30'),
    { type: 'absoluteMonthly', interval: 1, dayOfMonth: 30 },
  ],
  [
    'FREQ=MONTHLY;BYDAY=4MO',
    monday,
    { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday'], index: 'fourth' },
  ],
  [
    'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1',
    day('2026-11-30'),
    { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday'], index: 'last' },
  ],
  ['FREQ=YEARLY', monday, { type: 'absoluteYearly', interval: 1, month: 11, dayOfMonth: 23 }],
  [
    'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31',
    day('2026-12-31'),
    { type: 'absoluteYearly', interval: 1, month: 12, dayOfMonth: 31 },
  ],
  [
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1',
    day('2027-02-28'),
    { type: 'absoluteYearly', interval: 1, month: 2, dayOfMonth: 29 },
  ],
  [
    'FREQ=YEARLY;BYMONTH=11;BYDAY=4MO',
    monday,
    { type: 'relativeYearly', interval: 1, month: 11, daysOfWeek: ['monday'], index: 'fourth' },
  ],
])('says %s from %j as Graph does', (rule, start, pattern) => {
  expect(said(rule, start)['pattern']).toEqual(pattern);
});

it.each<[string, EventTime, object]>([
  ['', monday, { type: 'noEnd' }],
  [';COUNT=10', monday, { type: 'numbered', numberOfOccurrences: 10 }],
  [';UNTIL=20261126', monday, { type: 'endDate', endDate: '2026-11-26' }],
  // Inclusive, and a second too early.
  [';UNTIL=20261126T090000Z', monday, { type: 'endDate', endDate: '2026-11-26' }],
  [';UNTIL=20261126T085959Z', monday, { type: 'endDate', endDate: '2026-11-25' }],
  [';UNTIL=20261126T095959', monday, { type: 'endDate', endDate: '2026-11-25' }],
  // Late in the evening of New York it is the next day in UTC.
  [
    ';UNTIL=20261127T040000Z',
    zoned('2026-11-24T04:00:00Z', 'America/New_York'),
    { type: 'endDate', endDate: '2026-11-26' },
  ],
  [';UNTIL=20261126T220000Z', day('2026-11-23'), { type: 'endDate', endDate: '2026-11-26' }],
  [
    ';UNTIL=20261126T100000Z',
    { kind: 'floating', local: '2026-11-23T10:00:00' },
    { type: 'endDate', endDate: '2026-11-26' },
  ],
])('ends FREQ=DAILY%s from %j', (end, start, range) => {
  expect(said(`FREQ=DAILY${end}`, start)['range']).toMatchObject(range);
});

it('begins on the day that it is in its own zone, and follows the clocks of that', () => {
  const late = zoned('2026-11-24T04:00:00Z', 'America/New_York');
  expect(said('FREQ=DAILY', late)['range']).toEqual({
    type: 'noEnd',
    startDate: '2026-11-23',
    recurrenceTimeZone: 'Eastern Standard Time',
  });
  const ofUtc = { startDate: '2026-11-23', recurrenceTimeZone: 'UTC' };
  expect(said('FREQ=DAILY', zoned('2026-11-23T09:00:00Z', 'UTC'))['range']).toMatchObject(ofUtc);
});

it.each<[string, string[], EventTime?]>([
  ['two rules', ['RRULE:FREQ=DAILY;COUNT=3', 'RRULE:FREQ=WEEKLY;COUNT=3']],
  ['days besides', ['RRULE:FREQ=DAILY', 'RDATE:20261224T090000Z']],
  ['days left out', ['RRULE:FREQ=DAILY', 'EXDATE:20261124T090000Z']],
  ['days and no rule', ['RDATE:20261224T090000Z']],
  ['nonsense', ['RRULE:FREQ=SOMETIMES']],
  ['no line at all', ['DTSTART:20261123T090000Z']],
  ['hours', ['RRULE:FREQ=HOURLY']],
  ['several times a day', ['RRULE:FREQ=DAILY;BYHOUR=9,15']],
  ['days of some months', ['RRULE:FREQ=DAILY;BYMONTH=11']],
  ['every other of some weekdays', ['RRULE:FREQ=DAILY;INTERVAL=2;BYDAY=MO,TU']],
  ['two days of a month', ['RRULE:FREQ=MONTHLY;BYMONTHDAY=1,23']],
  ['every Monday of a month', ['RRULE:FREQ=MONTHLY;BYDAY=MO']],
  ['a fifth Monday', ['RRULE:FREQ=MONTHLY;BYDAY=5MO'], day('2026-11-30')],
  ['a Monday before the last', ['RRULE:FREQ=MONTHLY;BYDAY=-2MO']],
  ['a Friday the 13th', ['RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13'], day('2026-11-13')],
  ['the day before the last', ['RRULE:FREQ=MONTHLY;BYMONTHDAY=-2'], day('2026-11-29')],
  ['the 31st of the months that have one', ['RRULE:FREQ=MONTHLY;BYMONTHDAY=31'], day('2026-12-31')],
  ['the 31st, unsaid', ['RRULE:FREQ=MONTHLY'], day('2026-12-31')],
  ['a leap day', ['RRULE:FREQ=YEARLY'], day('2028-02-29')],
  ['two months', ['RRULE:FREQ=YEARLY;BYMONTH=5,11']],
  ['days of every month of a year', ['RRULE:FREQ=YEARLY;BYMONTHDAY=23']],
  ['a Monday of the year', ['RRULE:FREQ=YEARLY;BYDAY=20MO'], day('2027-05-17')],
  ['weeks of the year', ['RRULE:FREQ=YEARLY;BYWEEKNO=20']],
  ['a start beside its rule', ['RRULE:FREQ=WEEKLY;BYDAY=TU']],
  ['a start beside its day of the month', ['RRULE:FREQ=MONTHLY;BYDAY=1MO']],
  ['a start beside its month', ['RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=23']],
  ['an end before the start', ['RRULE:FREQ=DAILY;UNTIL=20261122']],
  ['two ends', ['RRULE:FREQ=DAILY;COUNT=3;UNTIL=20261222']],
  [
    'a zone that has no Windows name',
    ['RRULE:FREQ=DAILY'],
    zoned('2026-11-23T09:00:00Z', 'Antarctica/Troll'),
  ],
  ['the second of two hours that look alike', ['RRULE:FREQ=DAILY'], zoned('2026-10-25T01:30:00Z')],
])('refuses %s', (...[, lines, start]) => {
  expect(refusal(lines, start)).toBe('request_rejected');
});

const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;
const someDays = fc.subarray([...weekdays], { minLength: 1 }).map((days) => `;BYDAY=${days.join()}`);
const oneOf = (...texts: string[]) => fc.constantFrom(...texts);

const rules = fc
  .record({
    days: fc.oneof(
      fc.tuple(oneOf('FREQ=DAILY', 'FREQ=WEEKLY'), fc.oneof(fc.constant(''), someDays)),
      fc.tuple(
        oneOf('FREQ=MONTHLY', 'FREQ=YEARLY', 'FREQ=YEARLY;BYMONTH=2', 'FREQ=YEARLY;BYMONTH=11'),
        fc.oneof(
          oneOf('', ';BYMONTHDAY=-1', ';BYMONTHDAY=28', ';BYMONTHDAY=31'),
          oneOf(';BYMONTHDAY=28,29;BYSETPOS=-1', ';BYMONTHDAY=28,29,30,31;BYSETPOS=-1'),
          oneOf(';BYDAY=1MO', ';BYDAY=-1SU', ';BYDAY=5FR', ';BYDAY=2MO,2TU'),
          fc.tuple(someDays, oneOf('1', '2', '4', '-1')).map(([days, place]) => `${days};BYSETPOS=${place}`),
        ),
      ),
    ),
    interval: fc.integer({ min: 1, max: 4 }),
    wkst: oneOf('', ';WKST=SU', ';WKST=WE'),
    end: fc.oneof(
      fc.constant(''),
      fc.integer({ min: 1, max: 40 }).map((count) => `;COUNT=${count}`),
      fc.date({ min: new Date('2026-12-01'), max: new Date('2029-01-01'), noInvalidDate: true }).map(untilOf),
    ),
  })
  .map(({ days, interval, wkst, end }) => `RRULE:${days.join('')};INTERVAL=${interval}${wkst}${end}`);

function untilOf(date: Date): string {
  return `;UNTIL=${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

const window = { from: new Date('2026-01-01'), to: new Date('2031-01-01') };

function slotsOf(recurrence: string[], start: EventTime): string[] {
  const { occurrences, truncated } = expandSeries({
    start,
    end: start,
    recurrence,
    window,
    replaced: new Set(),
  });
  expect(truncated).toBeNull();
  return occurrences.map(({ slot }) => slot);
}

it('means the same days after the way to Graph and back', () => {
  let kept = 0;
  const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'];
  const hours = fc.integer({ min: 0, max: 24 * 800 });
  fc.assert(
    fc.property(rules, hours, fc.constantFrom(...zones), fc.boolean(), (rule, hour, zone, isAllDay) => {
      const instant = new Date(Date.parse('2026-11-01T00:00:00Z') + hour * 3_600_000).toISOString();
      const at = isAllDay ? day(instant.slice(0, 10)) : zoned(`${instant.slice(0, 19)}Z`, zone);
      // Nearly all rules begin beside themselves: their second occurrence is a start that matches.
      const first = secondOf(rule, at);
      if (first === null || refusal([rule], first) !== 'none') return;
      kept += 1;
      const back = recurrenceLines(saidRecurrence([rule], first, zone), { isAllDay, zone });
      expect(slotsOf(back, first)).toEqual(slotsOf([rule], first));
    }),
    { numRuns: 600 },
  );
  expect(kept).toBeGreaterThan(100);
});

function secondOf(rule: string, start: EventTime): EventTime | null {
  const recurrence = [rule.replace(/;(COUNT|UNTIL)=\w+/, '')];
  const { occurrences } = expandSeries({ start, end: start, recurrence, window, replaced: new Set() });
  return occurrences[1]?.start ?? null;
}
