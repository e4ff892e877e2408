/**
 * One event, entered at Google and at Microsoft, is one event in the mirror: beside, across and inside every change of
 * every zone's clock, as a date or as a time, whatever zone the host lives in.
 */
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { bundleProgram, type Program } from './bundle.ts';
import {
  areAlike,
  expectedEvent,
  windowsOf,
  zoneCases,
  zoneNames,
  type MirroredEvent,
  type ZoneCase,
} from './zone-cases.ts';
import type { ZoneMirror } from './zone-mirror.ts';

/** With what their clocks show at noon of UTC on 1 December. */
const hosts = {
  UTC: '12:00:00 GMT+0000',
  'Pacific/Kiritimati': '02:00:00 GMT+1400',
  'America/Los_Angeles': '04:00:00 GMT-0800',
};

/** Windows has no zone whose clocks jump two hours. */
const withoutWindowsZone = ['Antarctica/Troll'];

/**
 * Zones that CLDR lists under a Windows name whose default shows another time: they moved their clocks since. The
 * provinces of Canada do so in tz data from 2026c on.
 */
const movedAway = [
  'America/Edmonton',
  'America/Inuvik',
  'America/Scoresbysund',
  'America/Vancouver',
  'America/Winnipeg',
  'Antarctica/Casey',
  'Antarctica/Vostok',
];

let program: Program;
let databases: TestDatabase[] = [];

beforeAll(async () => {
  program = await bundleProgram('apps/worker/e2e/zone-mirror.ts');
  databases = await Promise.all(Object.keys(hosts).map(() => createTestDatabase()));
});

afterAll(async () => {
  await program.remove();
  for (const database of databases) await database.drop();
});

test('all-day and zoned events are the same through Google and through Microsoft, for every zone at every change of its clocks, on a host in UTC, in Kiritimati and in Los Angeles', async () => {
  const mirrors = await Promise.all(
    Object.entries(hosts).map(([TZ, host], n) => mirrorOn({ TZ, host, database: databases[n] })),
  );
  const [first = '', ...others] = mirrors.map(({ text }) => text);
  expect(others.map((text) => text === first)).toEqual(others.map(() => true));

  const { google, microsoft, windows } = JSON.parse(first) as Omit<ZoneMirror, 'host'>;
  const cases = zoneCases();
  // Two changes, or two days, of every zone at least, with four events each.
  expect(zoneNames.length).toBeGreaterThan(400);
  expect(cases.length).toBeGreaterThanOrEqual(zoneNames.length * 2 * 4);
  expectEvents(google, cases, (zone) => zone);
  expectEvents(microsoft, cases, (zone) => zone);
  expectEvents(
    windows,
    cases.filter(({ zone }) => windowsOf(zone) !== null && !movedAway.includes(zone)),
    (zone) => windowsOf(zone)?.standsFor ?? '',
  );
});

test('every zone has a Windows name whose default shows the same clock, but for those that are known', () => {
  const nameless = zoneNames.filter((zone) => windowsOf(zone) === null);
  expect(nameless).toEqual(withoutWindowsZone);
  const moved = zoneNames.filter((zone) => {
    const known = windowsOf(zone);
    return known !== null && !areAlike(zone, known.standsFor);
  });
  expect(moved.filter((zone) => !movedAway.includes(zone))).toEqual([]);
});

/** @returns what the program says, but for where it ran */
async function mirrorOn(run: {
  TZ: string;
  host: string;
  database: TestDatabase | undefined;
}): Promise<{ text: string }> {
  const { TZ, host, database } = run;
  const { ended } = program.start({ TZ, DATABASE_URL: database?.url ?? '' });
  const { code, output } = await ended;
  expect({ TZ, code, output: code === 0 ? '' : output }).toEqual({ TZ, code: 0, output: '' });
  const said = `{"host":"${host}",`;
  expect(output.slice(0, said.length)).toBe(said);
  return { text: `{${output.slice(said.length)}` };
}

/** By name; a handful of what differs is enough to see why. */
function expectEvents(
  found: readonly MirroredEvent[],
  cases: readonly ZoneCase[],
  shownZone: (zone: string) => string,
): void {
  const byName = new Map(found.map((event) => [event.name, event]));
  const pairs = cases.map((each) => ({
    expected: expectedEvent(each, shownZone(each.zone)),
    found: byName.get(each.name),
  }));
  const wrong = pairs.filter((pair) => JSON.stringify(pair.expected) !== JSON.stringify(pair.found));
  expect(wrong.slice(0, 5).map((pair) => pair.found)).toEqual(wrong.slice(0, 5).map((pair) => pair.expected));
  expect(wrong).toHaveLength(0);
}
