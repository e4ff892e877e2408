import fc from 'fast-check';
import { SyncError } from './errors.ts';
import { isWorking, nextOpening, parseTimeOfDay, weekdays, type WorkingHours } from './working-hours.ts';
import { ZoneTable } from './zones.ts';

const zones = new ZoneTable({ zones: 600, spans: 20_000 });
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const berlin: WorkingHours = {
  timeZone: 'Europe/Berlin',
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '09:00',
  end: '17:00',
};
const sunday = (start: string, end: string): WorkingHours => ({ ...berlin, days: ['sun'], start, end });
const working = (hours: WorkingHours, at: string) => isWorking(zones, hours, new Date(at));
const opening = (hours: WorkingHours, after: string) =>
  nextOpening(zones, hours, new Date(after)).toISOString().slice(0, 16);

test.each([
  ['before', berlin, '2026-11-20T07:59:59Z', false],
  ['at the start', berlin, '2026-11-20T08:00:00Z', true],
  ['before the end', berlin, '2026-11-20T15:59:59Z', true],
  ['at the end', berlin, '2026-11-20T16:00:00Z', false],
  ['in summer', berlin, '2026-07-01T07:00:00Z', true],
  ['on a Saturday', berlin, '2026-11-21T10:00:00Z', false],
  ['until 24:00', { ...berlin, end: '24:00' }, '2026-11-20T22:59:00Z', true],
  ['after 24:00', { ...berlin, end: '24:00' }, '2026-11-20T23:00:00Z', false],
  ['a night that began on Sunday', sunday('22:00', '06:00'), '2026-11-23T04:59:00Z', true],
  ['a night that would begin on Monday', sunday('22:00', '06:00'), '2026-11-23T21:30:00Z', false],
  ['the morning of the day it begins', sunday('22:00', '06:00'), '2026-11-22T04:00:00Z', false],
  ['the start is skipped: before the gap', sunday('02:30', '04:00'), '2026-03-29T00:59:59Z', false],
  ['the start is skipped: after the gap', sunday('02:30', '04:00'), '2026-03-29T01:00:00Z', true],
  ['the end is skipped: before the gap', sunday('01:00', '02:30'), '2026-03-29T00:59:59Z', true],
  ['the end is skipped: after the gap', sunday('01:00', '02:30'), '2026-03-29T01:00:00Z', false],
  ['skipped altogether', sunday('02:10', '02:50'), '2026-03-29T01:00:00Z', false],
  ['shown twice: the first pass', sunday('02:00', '02:30'), '2026-10-25T00:10:00Z', true],
  ['shown twice: the second pass', sunday('02:00', '02:30'), '2026-10-25T01:10:00Z', false],
  ['from a time shown twice', sunday('02:30', '03:30'), '2026-10-25T01:10:00Z', true],
])('working: %s', (_name, hours, at, expected) => {
  expect(working(hours, at)).toBe(expected);
});

test.each([
  ['this morning', berlin, '2026-11-20T05:00:00Z', '2026-11-20T08:00'],
  ['at the opening itself: the next', berlin, '2026-11-19T08:00:00Z', '2026-11-20T08:00'],
  ['over the weekend', berlin, '2026-11-20T17:00:00Z', '2026-11-23T08:00'],
  ['over the change to summer', berlin, '2026-03-27T17:00:00Z', '2026-03-30T07:00'],
  ['the first minute after the gap', sunday('02:30', '04:00'), '2026-03-28T12:00:00Z', '2026-03-29T01:00'],
  [
    'a Sunday that has no such time is left out',
    sunday('02:10', '02:50'),
    '2026-03-28T12:00:00Z',
    '2026-04-05T00:10',
  ],
  [
    'the first of two passes, and no second one',
    sunday('02:15', '02:30'),
    '2026-10-25T00:20:00Z',
    '2026-11-01T01:15',
  ],
  [
    'a Friday that never was',
    { ...berlin, timeZone: 'Pacific/Apia', days: ['fri'] as const },
    '2011-12-29T22:00:00Z',
    '2012-01-05T19:00',
  ],
])('the next opening: %s', (_name, hours, after, expected) => {
  expect(opening(hours, after)).toBe(expected);
});

test.each([
  ['00:00', 0],
  ['09:30', 34_200_000],
  ['24:00', 86_400_000],
  ['24:01', null],
  ['9:00', null],
  ['09:60', null],
  ['', null],
])('the time of day %s', (text, expected) => {
  expect(parseTimeOfDay(text)).toBe(expected);
});

test.each([
  { ...berlin, timeZone: 'Europe/Atlantis' },
  { ...berlin, start: 'nine' },
  { ...berlin, days: [] },
])('what are no working hours opens never: %j', (hours) => {
  expect(() => opening(hours, '2026-11-20T05:00:00Z')).toThrow(SyncError);
});

/** What Intl shows, as a number that orders like the clock's face. */
function clockOf(zone: string): (instant: number) => number {
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  return (instant) => Date.parse(`${clock.format(instant).replace(' ', 'T')}Z`);
}

/** No clock was ever set back further since 1980. */
const setBackMs = 4 * hourMs;

/**
 * The same by another road: a hand that is never moved back, and whether it stands in the hours of some day. The
 * clock's latest time so far is found by looking at each minute.
 */
function standsInHours(hours: WorkingHours, latest: number): boolean {
  const [start, end] = [hours.start, hours.end].map((text) => parseTimeOfDay(text) ?? 0) as [number, number];
  const midnight = Math.floor(latest / (24 * hourMs)) * 24 * hourMs;
  return [midnight - 24 * hourMs, midnight].some((day) => {
    const isDay = hours.days.includes(weekdays[(new Date(day).getUTCDay() + 6) % 7] ?? 'mon');
    const closes = end > start ? day + end : day + 24 * hourMs + end;
    return isDay && day + start <= latest && latest < closes;
  });
}

function latestShown(show: (instant: number) => number, at: number): number {
  const now = show(at);
  // Not set back since: it shows more than ever.
  if (now - show(at - setBackMs) >= setBackMs) return now;
  let latest = now;
  for (let instant = at - setBackMs; instant < at; instant += minuteMs)
    latest = Math.max(latest, show(instant));
  return latest;
}

const names = Intl.supportedValuesOf('timeZone');
const timeOfDay = fc
  .integer({ min: 0, max: 1439 })
  .map((minutes) => new Date(minutes * minuteMs).toISOString().slice(11, 16));
const anyHours = fc
  .record({
    timeZone: fc.constantFrom(...names),
    days: fc.subarray([...weekdays], { minLength: 1 }),
    start: timeOfDay,
    end: fc.oneof({ weight: 9, arbitrary: timeOfDay }, { weight: 1, arbitrary: fc.constant('24:00') }),
  })
  .filter(({ start, end }) => start !== end);
const anyMinute = fc
  .integer({ min: Date.UTC(1980, 0, 2) / minuteMs, max: Date.UTC(2037, 0, 1) / minuteMs })
  .map((minutes) => minutes * minuteMs);

test('as Intl shows it, in any zone at any minute', () => {
  fc.assert(
    fc.property(anyHours, anyMinute, (hours, at) => {
      const expected = standsInHours(hours, latestShown(clockOf(hours.timeZone), at));
      expect(isWorking(zones, hours, new Date(at))).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

test('the next opening begins work, comes soon, and none lies before it', () => {
  const uneven = anyHours.filter(({ start, end }) => !(start === '00:00' && end === '24:00'));
  fc.assert(
    fc.property(uneven, anyMinute, (hours, at) => {
      const next = nextOpening(zones, hours, new Date(at)).getTime();
      expect(next).toBeGreaterThan(at);
      // A week, the hours that clocks are set by, and a day that was skipped once.
      expect(next - at).toBeLessThanOrEqual(15 * 24 * hourMs);
      expect(isWorking(zones, hours, new Date(next))).toBe(true);
      let before = isWorking(zones, hours, new Date(at));
      for (let instant = at + minuteMs; instant < next; instant += minuteMs) {
        const now = isWorking(zones, hours, new Date(instant));
        if (now && !before)
          throw new Error(`opens at ${new Date(instant).toISOString()}, before it is said to`);
        before = now;
      }
    }),
    { numRuns: 100 },
  );
});

/** The first instants of other offsets of 2025 and 2026. */
function changesOf(show: (instant: number) => number): number[] {
  const offset = (instant: number) => show(instant) - instant;
  const changes: number[] = [];
  for (let day = Date.UTC(2025, 0, 1); day < Date.UTC(2027, 0, 1); day += 24 * hourMs) {
    let [low, high] = [day, day + 24 * hourMs];
    if (offset(low) === offset(high)) continue;
    while (high - low > minuteMs) {
      const middle = Math.floor((low + high) / 2 / minuteMs) * minuteMs;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    changes.push(high);
  }
  return changes;
}

test('at every change of every zone: bounds inside the gap, inside the overlap, and beside them', () => {
  let seen = 0;
  for (const timeZone of names) {
    const show = clockOf(timeZone);
    for (const change of changesOf(show)) {
      seen += 1;
      // Hands of the clock around the change: two of them lie in the gap or the overlap.
      const [early, inside, late] = [-90, 25, 100].map((minutes) =>
        new Date(Math.min(show(change - minuteMs), show(change)) + minutes * minuteMs)
          .toISOString()
          .slice(11, 16),
      ) as [string, string, string];
      const shown = [-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3].map((hours) => {
        const at = change + hours * hourMs;
        return { at, latest: latestShown(show, at) };
      });
      const bounds: [string, string][] = [
        [early, inside],
        [inside, late],
        [inside, early],
      ];
      for (const [start, end] of bounds) {
        const hours: WorkingHours = { timeZone, days: weekdays, start, end };
        for (const { at, latest } of shown) {
          const expected = standsInHours(hours, latest);
          if (isWorking(zones, hours, new Date(at)) !== expected)
            throw new Error(`${timeZone} ${start}–${end} at ${new Date(at).toISOString()}: ${!expected}`);
        }
      }
    }
  }
  expect(names.length).toBeGreaterThan(400);
  expect(seen).toBeGreaterThan(400);
});
