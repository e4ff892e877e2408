import type { EventTime } from '@calfleet/domain';
import { readBounds } from './times.ts';
import { saidBounds } from './written-times.ts';

const zoned = (instant: string, zone: string | null): EventTime => ({ kind: 'zoned', instant, zone });
const floating = (local: string): EventTime => ({ kind: 'floating', local });
const day = (date: string): EventTime => ({ kind: 'date', date });

it.each<[string, EventTime, string | null, object]>([
  [
    'a Windows name for an IANA zone',
    zoned('2026-07-01T08:00:00Z', 'Europe/Berlin'),
    null,
    { dateTime: '2026-07-01T10:00:00', timeZone: 'W. Europe Standard Time' },
  ],
  [
    'an alias by the zone that its Windows name stands for',
    zoned('2026-07-01T08:00:00Z', 'Asia/Kolkata'),
    null,
    { dateTime: '2026-07-01T13:30:00', timeZone: 'India Standard Time' },
  ],
  [
    'the zone of the calendar where the time names none',
    zoned('2026-11-23T09:00:00Z', null),
    'America/New_York',
    { dateTime: '2026-11-23T04:00:00', timeZone: 'Eastern Standard Time' },
  ],
  [
    'UTC where nobody names one',
    zoned('2026-11-23T09:00:00Z', null),
    null,
    { dateTime: '2026-11-23T09:00:00', timeZone: 'UTC' },
  ],
  [
    'UTC for a zone without a Windows name',
    zoned('2026-07-01T08:00:00Z', 'Antarctica/Troll'),
    'Europe/Berlin',
    { dateTime: '2026-07-01T08:00:00', timeZone: 'UTC' },
  ],
  [
    'the first of two hours that look alike by the clock',
    zoned('2026-10-25T00:30:00Z', 'Europe/Berlin'),
    null,
    { dateTime: '2026-10-25T02:30:00', timeZone: 'W. Europe Standard Time' },
  ],
  [
    'the second one in UTC',
    zoned('2026-10-25T01:30:00Z', 'Europe/Berlin'),
    null,
    { dateTime: '2026-10-25T01:30:00', timeZone: 'UTC' },
  ],
  [
    'a floating time on the clocks of the calendar',
    floating('2026-07-01T10:00:00'),
    'Europe/Berlin',
    { dateTime: '2026-07-01T10:00:00', timeZone: 'W. Europe Standard Time' },
  ],
  [
    'a floating time in UTC without those',
    floating('2026-07-01T10:00:00'),
    null,
    { dateTime: '2026-07-01T10:00:00', timeZone: 'UTC' },
  ],
])('says %s', (_, time, calendarTimeZone, shown) => {
  expect(saidBounds(time, time, calendarTimeZone)).toEqual({ isAllDay: false, start: shown, end: shown });
});

it('says days as midnights of the calendar, and in UTC where its clocks skip one', () => {
  expect(saidBounds(day('2026-11-23'), day('2026-11-24'), 'Asia/Tokyo')).toEqual({
    isAllDay: true,
    start: { dateTime: '2026-11-23T00:00:00', timeZone: 'Tokyo Standard Time' },
    end: { dateTime: '2026-11-24T00:00:00', timeZone: 'Tokyo Standard Time' },
  });
  // Beirut's clocks go forward at midnight on the last Sunday of March.
  expect(saidBounds(day('2026-03-29'), day('2026-03-30'), 'Asia/Beirut')).toMatchObject({
    start: { dateTime: '2026-03-29T00:00:00', timeZone: 'UTC' },
    end: { timeZone: 'Middle East Standard Time' },
  });
});

it('refuses a day and a time as the bounds of one event', () => {
  const mixed = () => saidBounds(day('2026-11-23'), zoned('2026-11-23T09:00:00Z', 'UTC'), null);
  expect(mixed).toThrow(expect.objectContaining({ code: 'request_rejected' }) as Error);
});

it('is read as what was said, in every half hour around the changes of the clocks', () => {
  for (const from of ['2026-03-29T00:00:00Z', '2026-10-25T00:00:00Z']) {
    for (let n = 0; n < 8; n += 1) {
      const instant = `${new Date(Date.parse(from) + n * 1_800_000).toISOString().slice(0, 19)}Z`;
      const time = zoned(instant, 'Europe/Berlin');
      const read = readBounds(saidBounds(time, time, null));
      expect(read.start).toMatchObject({ instant });
    }
  }
});
