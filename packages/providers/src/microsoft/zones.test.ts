import { isKnownZone, ZoneTable } from '@calfleet/domain';
import timezoneNames from 'cldr-bcp47/bcp47/timezone.json';
import windowsZones from 'cldr-core/supplemental/windowsZones.json';
import { ianaZoneOf, newerRows, windowsZoneNames, windowsZoneOf } from './zones.ts';

const zones = new ZoneTable({ zones: 1_024, spans: 16_384 });
const FROM = Date.UTC(2026, 0, 1);
const TO = Date.UTC(2028, 0, 1);
const HOUR = 3_600_000;

/** Every change of a zone's clock in 2026 and 2027 to the minute, with the offsets in minutes around it. */
function clockOf(zone: string): string {
  const offset = (at: number) => zones.offsetAt(zone, at) / 60_000;
  const changes: (number | string)[] = [offset(FROM)];
  for (let at = FROM; at < TO; at += 12 * HOUR) {
    if (offset(at) === offset(at + 12 * HOUR)) continue;
    let edge = at;
    while (offset(edge) === offset(at)) edge += 60_000;
    changes.push(new Date(edge).toISOString(), offset(edge));
  }
  return changes.join(' ');
}

const aliases = Object.values(timezoneNames.keyword.u.tz).flatMap((zone) =>
  typeof zone === 'object' && '_alias' in zone ? zone._alias.split(' ') : [],
);

describe('the whole table', () => {
  it('every Windows zone is a zone that Node knows, and itself on the way back', () => {
    expect(windowsZoneNames.length).toBe(142);
    const lost = windowsZoneNames.filter((name) => {
      const zone = ianaZoneOf(name);
      return zone === null || !isKnownZone(zone) || windowsZoneOf(zone) !== name;
    });
    expect(lost).toEqual([]);
  });

  // The only zone whose clocks jump two hours in summer (UTC to UTC+2, since 2005); Windows has none like it.
  const withoutWindowsZone = ['Antarctica/Troll'];

  it("every IANA zone, by Node's names and by all of CLDR's, has a Windows zone", () => {
    const known = [...new Set([...Intl.supportedValuesOf('timeZone'), ...aliases])].filter(isKnownZone);
    expect(known.length).toBeGreaterThan(550);
    expect(known.filter((zone) => windowsZoneOf(zone) === null)).toEqual(withoutWindowsZone);
  });

  // Inuvik follows Edmonton by law since August 2026; tz 2026c knew only of Edmonton, 2026d and everything before 2026c
  // show both alike.
  const apart = process.versions['tz'] === '2026c' ? ['America/Inuvik'] : [];

  it('a zone that went to Windows and back shows the same clock at every change of 2026 and 2027', () => {
    const moved = [...new Set([...Intl.supportedValuesOf('timeZone'), ...aliases])]
      .filter((zone) => isKnownZone(zone) && !withoutWindowsZone.includes(zone))
      .filter((zone) => clockOf(zone) !== clockOf(ianaZoneOf(windowsZoneOf(zone) ?? '') ?? 'none'));
    expect(moved).toEqual(apart);
  });

  it('every row of CLDR that shows another clock is corrected, and these three still need it', () => {
    const wrong = windowsZones.supplemental.windowsZones.mapTimezones.flatMap(({ mapZone }) =>
      mapZone._type
        .trim()
        .split(/\s+/)
        .filter((zone) => clockOf(zone) !== clockOf(ianaZoneOf(mapZone._other) ?? 'none')),
    );
    expect(newerRows.flatMap(({ zones }) => zones)).toEqual(expect.arrayContaining(wrong));
    expect(wrong).toEqual(
      expect.arrayContaining(['America/Scoresbysund', 'Antarctica/Casey', 'Antarctica/Vostok']),
    );
  });
});

it.each([
  ['W. Europe Standard Time', 'Europe/Berlin'],
  ['w. europe standard time', 'Europe/Berlin'],
  ['Pacific Standard Time', 'America/Los_Angeles'],
  ['India Standard Time', 'Asia/Calcutta'],
  ['Greenland Standard Time', 'America/Godthab'],
  // Born in autumn 2026, with the end of changing clocks.
  ['British Columbia Standard Time', 'America/Vancouver'],
  ['Alberta Standard Time', 'America/Edmonton'],
  ['Manitoba Standard Time', 'America/Winnipeg'],
  // Almaty, its older default, left UTC+6 in 2024.
  ['Central Asia Standard Time', 'Asia/Bishkek'],
  ['UTC', 'UTC'],
  ['utc', 'UTC'],
  ['tzone://Microsoft/Utc', 'UTC'],
  ['tzone://Microsoft/UTC', 'UTC'],
  ['UTC-11', 'Etc/GMT+11'],
  ['UTC+13', 'Etc/GMT-13'],
  ['Etc/GMT', 'Etc/GMT'],
  ['Etc/GMT+5', 'Etc/GMT+5'],
  ['Etc/UTC', 'Etc/UTC'],
  ['Europe/Berlin', 'Europe/Berlin'],
  ['europe/berlin', 'Europe/Berlin'],
  ['Asia/Kolkata', 'Asia/Kolkata'],
  ['Asia/Calcutta', 'Asia/Calcutta'],
  ['US/Pacific', 'US/Pacific'],
  ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
])('%s is %s', (name, zone) => {
  expect(ianaZoneOf(name)).toBe(zone);
});

it.each([
  'tzone://Microsoft/Custom',
  'Customized Time Zone',
  // Exchange still offers these two, which Windows retired and CLDR does not list.
  'Kamchatka Standard Time',
  'Mid-Atlantic Standard Time',
  '(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna',
  'Europe/Atlantis',
  'Etc/Unknown',
  'AST',
  'IST',
  '+02:00',
  'UTC+1',
  'constructor',
  '__proto__',
  '001',
  '',
  ' ',
])('%j is not guessed', (name) => {
  expect([ianaZoneOf(name), ianaZoneOf(name, 'US'), windowsZoneOf(name)]).toEqual([null, null, null]);
});

it.each([
  ['W. Europe Standard Time', 'AT', 'Europe/Vienna'],
  ['W. Europe Standard Time', 'at', 'Europe/Vienna'],
  ['Central Asia Standard Time', 'CN', 'Asia/Urumqi'],
  ['W. Europe Standard Time', 'US', 'Europe/Berlin'],
  ['W. Europe Standard Time', '', 'Europe/Berlin'],
  ['Europe/Berlin', 'AT', 'Europe/Berlin'],
])('%s in %j is %s', (name, territory, zone) => {
  expect(ianaZoneOf(name, territory)).toBe(zone);
});

it.each([
  ['Asia/Calcutta', 'India Standard Time'],
  ['Asia/Kolkata', 'India Standard Time'],
  ['US/Pacific', 'Pacific Standard Time'],
  ['america/los_angeles', 'Pacific Standard Time'],
  ['Europe/Kyiv', 'FLE Standard Time'],
  ['Europe/Kiev', 'FLE Standard Time'],
  ['America/Nuuk', 'Greenland Standard Time'],
  ['UTC', 'UTC'],
  ['Etc/GMT', 'UTC'],
  ['Zulu', 'UTC'],
  ['Etc/GMT-1', 'W. Central Africa Standard Time'],
  // Zones younger than most copies of this table.
  ['America/Ciudad_Juarez', 'Mountain Standard Time'],
  ['America/Coyhaique', 'Magallanes Standard Time'],
  ['Asia/Almaty', 'West Asia Standard Time'],
  ['America/Vancouver', 'British Columbia Standard Time'],
  ['Canada/Pacific', 'British Columbia Standard Time'],
  ['America/Yellowknife', 'Alberta Standard Time'],
  ['Canada/Central', 'Manitoba Standard Time'],
  ['America/Dawson_Creek', 'US Mountain Standard Time'],
])('%s is written as %s', (zone, name) => {
  expect(windowsZoneOf(zone)).toBe(name);
});

it('a Windows name is no IANA zone', () => {
  expect(windowsZoneOf('W. Europe Standard Time')).toBeNull();
});
