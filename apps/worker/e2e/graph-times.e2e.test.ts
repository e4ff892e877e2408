/**
 * Lesson 16: all-day is a date and never an instant, wall time with a zone is not UTC, and both kinds of zone names are
 * understood. Against Outlook, and against what a person would say.
 */
import { day, GraphScene, meeting, weekdayOf } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const time = (date: string, hour: string, timeZone: string) => ({ dateTime: `${date}T${hour}:00`, timeZone });

interface Stored {
  all_day: boolean;
  start_date: string | null;
  end_date: string | null;
  starts_at: Date | null;
  start_time_zone: string | null;
}

const stored = async (): Promise<Stored[]> =>
  scene.rows<Stored>(
    `select all_day, start_date::text, end_date::text, starts_at, start_time_zone from calendar_events
      where calendar_id = $1::uuid and deleted_at is null order by summary`,
  );

/** Starts of what takes place, in UTC. */
const starts = async (): Promise<string[]> =>
  (
    await scene.rows<{ starts_at: Date }>(
      'select starts_at from calendar_occurrences where calendar_id = $1::uuid order by starts_at',
    )
  ).map((row) => row.starts_at.toISOString().slice(0, 16));

const zones = [
  'UTC',
  'W. Europe Standard Time',
  'Pacific Standard Time',
  'Line Islands Standard Time',
  'Dateline Standard Time',
  'India Standard Time',
  'Europe/Berlin',
  'Pacific/Kiritimati',
];

test.each(zones)('lesson 16: days off written in %s are the same days everywhere', async (zone) => {
  const off = (subject: string, from: number, days: number) => ({
    subject,
    isAllDay: true,
    start: time(day(from), '00:00', zone),
    end: time(day(from + days), '00:00', zone),
  });
  scene.calendar.createMany([off('a day', 3, 1), off('b three days', 10, 3)]);
  await scene.mirror();
  expect(await stored()).toMatchObject([
    { all_day: true, start_date: day(3), end_date: day(4), starts_at: null },
    { all_day: true, start_date: day(10), end_date: day(13), starts_at: null },
  ]);
  await scene.expectExact();
});

test.each([
  ['W. Europe Standard Time', 'Europe/Berlin', '09:00'],
  ['Europe/Berlin', 'Europe/Berlin', '09:00'],
  ['Eastern Standard Time', 'America/New_York', '15:00'],
  ['India Standard Time', /^Asia\/(Kolkata|Calcutta)$/, '04:30'],
  ['Nepal Standard Time', /^Asia\/(Kathmandu|Katmandu)$/, '04:15'],
  ['UTC', /UTC$/, '10:00'],
])('lesson 16: ten o’clock in %s is an instant in %s', async (zone, iana, hour) => {
  scene.calendar.create({
    subject: 'ten',
    start: time(day(3), '10:00', zone),
    end: time(day(3), '11:00', zone),
  });
  await scene.mirror();
  const [row] = await stored();
  expect(row?.starts_at?.toISOString().slice(0, 16)).toBe(`${day(3)}T${hour}`);
  expect(row?.start_time_zone).toMatch(iana);
  await scene.expectExact();
});

describe('lesson 16: a series keeps its wall time over the change of the clocks', () => {
  const every = (zone: string, first: number) => ({
    subject: 'standing',
    start: time(day(first), '09:00', zone),
    end: time(day(first), '10:00', zone),
    recurrence: {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: [weekdayOf(first)] },
      range: { type: 'noEnd', startDate: day(first), recurrenceTimeZone: zone },
    },
  });

  test.each([
    // The clocks change on 25 October in Berlin, on 1 November in New York, and not at all in India.
    ['W. Europe Standard Time', ['2026-10-22T07:00', '2026-10-29T08:00', '2026-11-05T08:00']],
    ['Eastern Standard Time', ['2026-10-22T13:00', '2026-10-29T13:00', '2026-11-05T14:00']],
    ['India Standard Time', ['2026-10-22T03:30', '2026-10-29T03:30', '2026-11-05T03:30']],
  ])('in %s', async (zone, expected) => {
    scene.calendar.create(every(zone, -19));
    await scene.mirror();
    expect((await starts()).slice(0, 3)).toEqual(expected);
    await scene.expectExact();
  });

  test('and one of its occurrences that moves over that night stands in its own slot', async () => {
    const { id } = scene.calendar.create(every('W. Europe Standard Time', -19));
    await scene.mirror();
    // From Thursday, 29 October to Saturday, 24 October, the night before the clocks change.
    scene.calendar.patchOccurrence(id, '2026-10-29', {
      start: time('2026-10-24', '09:00', 'W. Europe Standard Time'),
      end: time('2026-10-24', '10:00', 'W. Europe Standard Time'),
    });
    await scene.pass(40);
    expect((await starts()).slice(0, 3)).toEqual([
      '2026-10-22T07:00',
      '2026-10-24T07:00',
      '2026-11-05T08:00',
    ]);
    const [exception] = await scene.rows<{ slot: string }>(
      `select slot from calendar_events where calendar_id = $1::uuid and kind = 'exception'`,
    );
    expect(exception?.slot).toBe('20261029T080000Z');
    await scene.expectExact();
  });
});

test.each(['instant', 'midnight'] as const)(
  'lesson 16: an all-day series far from Greenwich, its original starts written as %s',
  async (allDayOriginalStart) => {
    scene.world.sandbox.microsoft.setQuirks({ allDayOriginalStart });
    for (const [subject, zone] of [
      ['west', 'Hawaiian Standard Time'],
      ['east', 'Line Islands Standard Time'],
    ] as const) {
      const { id } = scene.calendar.create({
        subject,
        isAllDay: true,
        start: time(day(-19), '00:00', zone),
        end: time(day(-18), '00:00', zone),
        recurrence: {
          pattern: { type: 'weekly', interval: 1, daysOfWeek: [weekdayOf(-19)] },
          range: { type: 'numbered', numberOfOccurrences: 6, startDate: day(-19), recurrenceTimeZone: zone },
        },
      });
      scene.calendar.patchOccurrence(id, day(2), { subject: `${subject} once` });
      scene.calendar.deleteOccurrence(id, day(9));
    }
    await scene.mirror();
    const days = [-19, -12, -5, 2, 16].map((offset) => `${day(offset)}T00:00`);
    expect(await starts()).toEqual(days.flatMap((each) => [each, each]));
    await scene.expectExact();
  },
);

test('lesson 16: a mailbox that moves to another zone moves no event', async () => {
  scene.calendar.create(meeting('ten in Berlin', 3));
  await scene.mirror();
  const before = await starts();
  scene.mailbox.setTimeZone('Tokyo Standard Time');
  await scene.world.askForFull();
  await scene.pass(40);
  expect(await starts()).toEqual(before);
  await scene.expectExact();
});
