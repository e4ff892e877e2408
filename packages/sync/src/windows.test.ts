import type { CalendarId } from '@calfleet/domain';
import { askedOf, keptOf, mustRoll, slackWindowAt, windowAt } from './windows.ts';

const settings = { pastDays: 30, futureDays: 365 };
const at = new Date('2026-11-21T13:37:00Z');
const dayMs = 86_400_000;
const calendar = (suffix: string, windowEnd: Date | null) => ({
  id: `00000000-0000-7000-8000-00000000${suffix}` as CalendarId,
  windowEnd,
});

test('a window reaches from the past days to the end of the last future day', () => {
  expect(windowAt(at, settings)).toEqual({
    start: new Date('2026-10-22T00:00:00Z'),
    end: new Date('2027-11-22T00:00:00Z'),
  });
});

test('one that does not move by itself opens with thirty days more, and is asked for and kept a little wider', () => {
  const window = slackWindowAt(at, settings);
  expect(window.end).toEqual(new Date('2027-12-22T00:00:00Z'));
  expect(askedOf(window).end).toEqual(new Date('2027-12-23T00:00:00Z'));
  expect(keptOf(window).start).toEqual(new Date('2026-10-20T00:00:00Z'));
});

test.each([
  // The spread is a day for each step of the id's last digits, modulo seven.
  ['0000', 23, false],
  ['0000', 24, true],
  ['0006', 17, false],
  ['0006', 18, true],
])('calendar %s after %i days: rolls %s', (suffix, days, rolls) => {
  const opened = slackWindowAt(at, settings);
  const later = new Date(at.getTime() + days * dayMs);
  expect(mustRoll(calendar(suffix, opened.end), later, settings)).toBe(rolls);
});

test('what was never opened does not roll', () => {
  expect(mustRoll(calendar('0000', null), at, settings)).toBe(false);
});
