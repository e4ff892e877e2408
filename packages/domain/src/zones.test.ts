import fc from 'fast-check';
import { SyncError } from './errors.ts';
import { civilOf, dayOf, parseWall, wallText } from './zones-wall.ts';
import { ZoneTable, isKnownZone } from './zones.ts';

const zones = new ZoneTable();

it.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Etc/GMT+5', true],
  ['W. Europe Standard Time', false],
  ['+02:00', false],
  ['Europe/Atlantis', false],
  ['', false],
  ['constructor', false],
])('the zone %s is known: %s', (name, known) => {
  expect([isKnownZone(name), zones.isKnown(name), zones.isKnown(name)]).toEqual([known, known, known]);
});

it.each([
  ['an ordinary time', '2025-06-02T09:00:00', 'Europe/Berlin', '2025-06-02T07:00:00.000Z'],
  ['in the gap', '2025-03-30T02:30:00', 'Europe/Berlin', '2025-03-30T01:30:00.000Z'],
  ['the last second before the gap', '2025-03-30T01:59:59', 'Europe/Berlin', '2025-03-30T00:59:59.000Z'],
  ['the first after the gap', '2025-03-30T03:00:00', 'Europe/Berlin', '2025-03-30T01:00:00.000Z'],
  ['in the hour that comes twice', '2025-10-26T02:30:00', 'Europe/Berlin', '2025-10-26T00:30:00.000Z'],
  ['after the hour that comes twice', '2025-10-26T03:00:00', 'Europe/Berlin', '2025-10-26T02:00:00.000Z'],
  ['half an hour twice', '2025-04-06T01:45:00', 'Australia/Lord_Howe', '2025-04-05T14:45:00.000Z'],
  ['a day that never was', '2011-12-30T12:00:00', 'Pacific/Apia', '2011-12-30T22:00:00.000Z'],
  ['the farthest east', '2025-01-01T00:00:00', 'Pacific/Kiritimati', '2024-12-31T10:00:00.000Z'],
  ['compact', '20250602T090000', 'Asia/Kathmandu', '2025-06-02T03:15:00.000Z'],
])('a local time is an instant: %s', (_name, local, zone, instant) => {
  expect(zones.localToInstant({ local, zone }).toISOString()).toBe(instant);
});

it.each([
  ['2025-03-30T00:59:59Z', 'Europe/Berlin', '2025-03-30T01:59:59'],
  ['2025-03-30T01:00:00Z', 'Europe/Berlin', '2025-03-30T03:00:00'],
  ['2025-10-26T01:30:00Z', 'Europe/Berlin', '2025-10-26T02:30:00'],
  ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31T00:00:00'],
  ['2025-01-01T00:00:00Z', 'Asia/Kolkata', '2025-01-01T05:30:00'],
])('%s in %s is %s', (instant, zone, local) => {
  expect(zones.instantToLocal({ instant: new Date(instant), zone })).toBe(local);
});

it.each([
  ['an ordinary day', '2025-06-02', 'Europe/Berlin', '2025-06-01T22:00:00.000Z'],
  ['Cairo skips midnight', '2025-04-25', 'Africa/Cairo', '2025-04-24T22:00:00.000Z'],
  ['Beirut skips midnight', '2025-03-30', 'Asia/Beirut', '2025-03-29T22:00:00.000Z'],
  ['São Paulo skips midnight', '2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
  [
    'São Paulo goes back at midnight, into the day before',
    '2019-02-17',
    'America/Sao_Paulo',
    '2019-02-17T03:00:00.000Z',
  ],
  ['Havana has midnight twice', '2025-11-02', 'America/Havana', '2025-11-02T04:00:00.000Z'],
  ['Toronto 1919 leaps from 23:30 to 00:30', '1919-03-31', 'America/Toronto', '1919-03-31T04:30:00.000Z'],
  ['Apia skips the whole day', '2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
  ['the day after it', '2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
])('a day starts: %s', (_name, date, zone, instant) => {
  expect(zones.dayStart({ date, zone }).toISOString()).toBe(instant);
});

it.each([
  ['an unknown zone', { local: '2025-06-02T09:00:00', zone: 'Europe/Atlantis' }],
  ['no time', { local: 'noon', zone: 'Europe/Berlin' }],
  ['a day no month has', { local: '2025-02-29T09:00:00', zone: 'Europe/Berlin' }],
])('%s is refused', (_name, at) => {
  expect(() => zones.localToInstant(at)).toThrow(SyncError);
});

it('offsets kept are offsets that Intl gives, in every zone and year', () => {
  const instants = fc.integer({ min: Date.UTC(1950, 0, 1) / 1_000, max: Date.UTC(2037, 0, 1) / 1_000 });
  const names = Intl.supportedValuesOf('timeZone');
  fc.assert(
    fc.property(instants, fc.constantFrom(...names), (seconds, zone) => {
      const instant = new Date(seconds * 1_000);
      const shown = new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      const local = zones.instantToLocal({ instant, zone });
      expect(local).toBe(shown.format(instant).replace(' ', 'T'));
    }),
    { numRuns: 500 },
  );
});

it('a local time that exists comes back from its instant', () => {
  const minutes = fc.integer({ min: Date.UTC(2000, 0, 1) / 60_000, max: Date.UTC(2035, 0, 1) / 60_000 });
  fc.assert(
    fc.property(
      minutes,
      fc.constantFrom('Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca'),
      (at, zone) => {
        const local = zones.instantToLocal({ instant: new Date(at * 60_000), zone });
        const instant = zones.localToInstant({ local, zone });
        expect(zones.instantToLocal({ instant, zone })).toBe(local);
        expect(instant.getTime()).toBeLessThanOrEqual(at * 60_000);
      },
    ),
    { numRuns: 500 },
  );
});

it('a full table forgets and still answers', () => {
  const small = new ZoneTable({ zones: 1, spans: 2 });
  const answers = [2001, 2011, 2021, 2001, 2011].flatMap((year) =>
    ['Europe/Berlin', 'Asia/Tokyo'].map((zone) =>
      small
        .localToInstant({ local: `${year}-07-01T12:00:00`, zone })
        .toISOString()
        .slice(0, 16),
    ),
  );
  const expected = [2001, 2011, 2021, 2001, 2011].flatMap((year) => [
    `${year}-07-01T10:00`,
    `${year}-07-01T03:00`,
  ]);
  expect(answers).toEqual(expected);
});

it('days and dates are each other’s inverse, as Date counts them', () => {
  fc.assert(
    fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), (day) => {
      const date = new Date(day * 86_400_000);
      const civil = civilOf(day);
      const theirs = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
      expect(civil).toEqual(theirs);
      expect(dayOf(civil)).toBe(day);
      expect(parseWall(wallText(day * 86_400_000))).toBe(day * 86_400_000);
    }),
  );
});
