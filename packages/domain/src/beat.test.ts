import fc from 'fast-check';
import { nextPullAt, type BeatPreferences, type LastPull } from './beat.ts';
import { isWorking, nextOpening, weekdays, type WorkingHours } from './working-hours.ts';
import { ZoneTable } from './zones.ts';

const zones = new ZoneTable();
const minuteMs = 60_000;
const friday = new Date('2026-11-20T09:00:00Z');
const first = { calendarId: '00000000-0000-7000-8000-000000000000', at: friday };
const minutesAfter = (pull: LastPull): number =>
  (nextPullAt(zones, pull).getTime() - pull.at.getTime()) / minuteMs;

test.each([
  ['push', 0, 18],
  ['push', 1, 36],
  ['push', 3, 144],
  ['push', 4, 288],
  ['push', 5, 360],
  ['push', 1_000_000, 360],
  ['poll', 9, 18],
  ['none', 9, 18],
] as const)('%s-covered after %i quiet looks is looked at in %i minutes', (coverage, quietPolls, minutes) => {
  expect(minutesAfter({ ...first, coverage, quietPolls, preferences: null })).toBe(minutes);
});

test.each([
  ['poll', 0, true, 5, 4.5],
  ['poll', 7, true, 60, 54],
  ['poll', 0, false, 60, 18],
  ['push', 0, true, 5, 4.5],
  ['push', 2, true, 5, 18],
  ['push', 9, true, 5, 360],
  ['push', 1, true, 480, 480],
  ['push', 9, true, 1440, 1440],
  ['poll', 0, true, 1440, 1296],
] as const)(
  '%s-covered, %i quiet looks, auto-sync %s every %i minutes: in %d minutes',
  (coverage, quietPolls, autoSync, frequencyMinutes, minutes) => {
    const preferences = { autoSync, frequencyMinutes, workingHours: null };
    expect(minutesAfter({ ...first, coverage, quietPolls, preferences })).toBe(minutes);
  },
);

const office: WorkingHours = {
  timeZone: 'Europe/Berlin',
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '09:00',
  end: '17:00',
};
const inOffice = { autoSync: false, frequencyMinutes: 20, workingHours: office };
const poll = { coverage: 'poll', quietPolls: 0, preferences: inOffice } as const;

test.each([
  ['at work', '2026-11-20T10:00:00Z', '2026-11-20T10:18:00Z'],
  ['shortly before the end: once more', '2026-11-20T15:50:00Z', '2026-11-20T16:08:00Z'],
  ['after the end: the night beat', '2026-11-20T16:08:00Z', '2026-11-20T20:08:00Z'],
  ['in the morning: at the opening', '2026-11-20T06:00:00Z', '2026-11-20T08:00:00Z'],
  ['on a Saturday', '2026-11-21T12:00:00Z', '2026-11-21T16:00:00Z'],
  ['on a Monday before dawn', '2026-11-23T04:30:00Z', '2026-11-23T08:00:00Z'],
])('%s', (_name, at, next) => {
  expect(nextPullAt(zones, { ...first, ...poll, at: new Date(at) })).toEqual(new Date(next));
});

test('each calendar comes at its own moment of the ten minutes before the opening, and stays at work from there', () => {
  const at = new Date('2026-11-23T05:00:00Z');
  const opening = Date.parse('2026-11-23T08:00:00Z');
  const ids = Array.from({ length: 200 }, (_, n) => `x-${(n * 331).toString(16).padStart(4, '0')}`);
  const moments = ids.map((calendarId) => {
    const next = nextPullAt(zones, { ...poll, calendarId, at });
    const minutes =
      (nextPullAt(zones, { ...poll, calendarId, at: next }).getTime() - next.getTime()) / minuteMs;
    expect(minutes).toBe(18);
    return next.getTime();
  });
  expect(Math.min(...moments)).toBeGreaterThan(opening - 10 * minuteMs);
  expect(Math.max(...moments)).toBeLessThanOrEqual(opening);
  // In no minute more than twice its share.
  const minutesBefore = moments.map((moment) => Math.floor((opening - moment) / minuteMs));
  const perMinute = Array.from({ length: 10 }, (_, n) => minutesBefore.filter((each) => each === n).length);
  expect(Math.max(...perMinute)).toBeLessThanOrEqual(40);
});

test('a zone that nobody knows any more counts as no hours at all', () => {
  const preferences = { ...inOffice, workingHours: { ...office, timeZone: 'Europe/Atlantis' } };
  expect(minutesAfter({ ...first, ...poll, preferences })).toBe(18);
});

const timeOfDay = fc
  .integer({ min: 0, max: 1439 })
  .map((minutes) => new Date(minutes * minuteMs).toISOString().slice(11, 16));
const anyHours = fc
  .record({
    timeZone: fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
    days: fc.subarray([...weekdays], { minLength: 1 }),
    start: timeOfDay,
    end: fc.oneof(timeOfDay, fc.constant('24:00')),
  })
  .filter(({ start, end }) => start !== end);
const anyPreferences: fc.Arbitrary<BeatPreferences> = fc.record({
  autoSync: fc.boolean(),
  // The API takes 5 to 1440; the bound of a day holds for whatever comes into a row.
  frequencyMinutes: fc.integer({ min: 5, max: 100_000 }),
  workingHours: fc.option(anyHours),
});
const anyPull: fc.Arbitrary<LastPull> = fc.record({
  calendarId: fc.uuid(),
  at: fc.date({
    min: new Date('1990-01-01'),
    max: new Date('2037-01-01'),
    noInvalidDate: true,
  }),
  coverage: fc.constantFrom('push', 'poll', 'none'),
  quietPolls: fc.nat(),
  preferences: fc.option(anyPreferences),
});

test('whatever was, the next look comes after this one and within a day', () => {
  fc.assert(
    fc.property(anyPull, (pull) => {
      const minutes = minutesAfter(pull);
      expect(minutes).toBeGreaterThan(0);
      expect(minutes).toBeLessThanOrEqual(24 * 60);
    }),
    { numRuns: 2000 },
  );
});

test('who polls and asked for a frequency gets it at work, and a look before work begins', () => {
  const polled = anyPull.filter(({ coverage, preferences }) => coverage !== 'push' && preferences !== null);
  fc.assert(
    fc.property(polled, (pull) => {
      const { autoSync, frequencyMinutes, workingHours } = pull.preferences as BeatPreferences;
      const minutes = minutesAfter(pull);
      const promised = autoSync ? frequencyMinutes : 20;
      if (!workingHours || isWorking(zones, workingHours, pull.at)) {
        expect(minutes).toBeLessThanOrEqual(promised);
        return;
      }
      const untilOpening =
        (nextOpening(zones, workingHours, pull.at).getTime() - pull.at.getTime()) / minuteMs;
      // Within ten minutes of the opening this look was the one before work.
      if (untilOpening > 10) expect(minutes).toBeLessThanOrEqual(untilOpening);
      else expect(minutes).toBeLessThanOrEqual(Math.max(promised, untilOpening));
    }),
    { numRuns: 2000 },
  );
});
