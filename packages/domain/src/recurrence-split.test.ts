import fc from 'fast-check';
import { expandSeries } from './recurrence.ts';
import { shiftTime, splitSeries } from './recurrence-split.ts';
import { slotOf, type EventTime } from './times.ts';

const at = (instant: string, zone = 'Europe/Berlin'): EventTime => ({ kind: 'zoned', instant, zone });
const day = (date: string): EventTime => ({ kind: 'date', date });
const window = { from: new Date('2020-01-01'), to: new Date('2032-01-01') };
const slotsOf = (start: EventTime, end: EventTime, recurrence: readonly string[]): string[] =>
  expandSeries({ start, end, recurrence, window, replaced: new Set() }).occurrences.map(({ slot }) => slot);

const monday = { start: at('2026-11-02T08:00:00Z'), end: at('2026-11-02T09:00:00Z') };

test('a rule that counts goes on counting, one that ends keeps its end, an open one ends with the last before the cut', () => {
  const third = at('2026-11-16T08:00:00Z');
  const split = (rule: string) => splitSeries({ ...monday, recurrence: [rule] }, third);
  expect(split('RRULE:FREQ=WEEKLY;COUNT=10')).toEqual({
    before: ['RRULE:FREQ=WEEKLY;COUNT=2'],
    after: ['RRULE:FREQ=WEEKLY;COUNT=8'],
  });
  expect(split('RRULE:FREQ=WEEKLY;UNTIL=20261231T000000Z;BYDAY=MO')).toEqual({
    before: ['RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261109T080000Z'],
    after: ['RRULE:FREQ=WEEKLY;UNTIL=20261231T000000Z;BYDAY=MO'],
  });
  expect(split('RRULE:FREQ=WEEKLY')).toEqual({
    before: ['RRULE:FREQ=WEEKLY;UNTIL=20261109T080000Z'],
    after: ['RRULE:FREQ=WEEKLY'],
  });
});

test('days that are left out or added go with their side, in the words of their line', () => {
  const days = { start: day('2026-11-01'), end: day('2026-11-02') };
  const recurrence = [
    'RRULE:FREQ=DAILY;COUNT=10',
    'EXDATE;VALUE=DATE:20261103,20261107',
    'RDATE;VALUE=DATE:20261220',
  ];
  expect(splitSeries({ ...days, recurrence }, day('2026-11-05'))).toEqual({
    before: ['RRULE:FREQ=DAILY;COUNT=4', 'EXDATE;VALUE=DATE:20261103'],
    after: ['RRULE:FREQ=DAILY;COUNT=6', 'EXDATE;VALUE=DATE:20261107', 'RDATE;VALUE=DATE:20261220'],
  });
});

test('at the first occurrence that takes place there is nothing to cut off', () => {
  const recurrence = ['RRULE:FREQ=WEEKLY;COUNT=4', 'EXDATE;TZID=Europe/Berlin:20261102T090000'];
  expect(splitSeries({ ...monday, recurrence }, at('2026-11-09T08:00:00Z'))).toEqual({
    before: [],
    after: recurrence,
  });
});

test.each([
  ['several rules', ['RRULE:FREQ=WEEKLY', 'RRULE:FREQ=MONTHLY'], at('2026-11-09T08:00:00Z')],
  ['rules that take away', ['RRULE:FREQ=WEEKLY', 'EXRULE:FREQ=MONTHLY'], at('2026-11-09T08:00:00Z')],
  [
    'a day that was added',
    ['RRULE:FREQ=WEEKLY', 'RDATE;TZID=Europe/Berlin:20261104T090000'],
    at('2026-11-04T08:00:00Z'),
  ],
  ['no rule', ['RDATE:20261104T080000Z'], at('2026-11-04T08:00:00Z')],
])('%s cannot be cut', (_name, recurrence, cut) => {
  expect(splitSeries({ ...monday, recurrence }, cut)).toBeNull();
});

test('whatever the rule: both halves together take place when the whole did', () => {
  const rules = fc.record({
    freq: fc.constantFrom(
      'DAILY',
      'WEEKLY',
      'WEEKLY;BYDAY=MO,WE,FR',
      'MONTHLY',
      'MONTHLY;BYDAY=1MO',
      'YEARLY',
    ),
    interval: fc.integer({ min: 1, max: 4 }),
    bound: fc.constantFrom('COUNT=17', 'UNTIL=20281105T080000Z', 'COUNT=1'),
    place: fc.nat(),
    allDay: fc.boolean(),
  });
  fc.assert(
    fc.property(rules, ({ freq, interval, bound, place, allDay }) => {
      const { start, end } = allDay ? { start: day('2026-11-02'), end: day('2026-11-03') } : monday;
      const until = allDay ? bound.replace(/T\d+Z$/, '') : bound;
      const recurrence = [`RRULE:FREQ=${freq};INTERVAL=${interval};${until}`];
      const { occurrences } = expandSeries({ start, end, recurrence, window, replaced: new Set() });
      const cut = occurrences[place % occurrences.length];
      if (!cut) throw new Error('The series has no occurrence.');
      const split = splitSeries({ start, end, recurrence }, cut.start);
      if (!split) throw new Error('The series was not cut.');
      const before = split.before.length > 0 ? slotsOf(start, end, split.before) : [];
      const after = slotsOf(cut.start, cut.end, split.after);
      expect([...before, ...after]).toEqual(occurrences.map(({ slot }) => slot));
      expect(after[0]).toBe(slotOf(cut.start));
    }),
    { numRuns: 300 },
  );
});

describe('shiftTime', () => {
  test('moves on the clock, not by hours: the clocks changed in between', () => {
    // 9:00 to 10:30 in winter; the series began in summer.
    const by = { from: at('2026-11-09T08:00:00Z'), to: at('2026-11-09T09:30:00Z') };
    expect(shiftTime(at('2026-07-06T07:00:00Z'), by)).toEqual(at('2026-07-06T08:30:00Z'));
  });

  test('takes the kind and the zone of where it goes', () => {
    const from = at('2026-11-09T08:00:00Z');
    expect(shiftTime(at('2026-07-06T07:00:00Z'), { from, to: day('2026-11-10') })).toEqual(day('2026-07-07'));
    const to = at('2026-11-09T15:00:00Z', 'America/New_York');
    expect(shiftTime(at('2026-07-06T07:00:00Z'), { from, to })).toEqual(
      at('2026-07-06T14:00:00Z', 'America/New_York'),
    );
  });
});
