import { Zones } from '../zones.ts';
import { slotsOf } from './recurrence.ts';

test('a series that starts in the second of two equal hours keeps its start', () => {
  const at = (hour: string) => ({ dateTime: `2026-11-01T${hour}:00:00-05:00`, timeZone: 'America/New_York' });
  const series = { start: at('01'), end: at('02'), recurrence: ['RRULE:FREQ=DAILY;COUNT=2'] };
  const keys = [...slotsOf(new Zones(), series)].map(({ key }) => key);
  expect(keys).toEqual(['20261101T060000Z', '20261102T060000Z']);
});
