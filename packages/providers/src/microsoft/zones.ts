/**
 * Windows time zones, which Exchange speaks, and IANA zones, which everybody else speaks. The table is CLDR's own, from
 * the Unicode consortium: https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml
 * What it does not know is null and never a neighbour: a wrong zone moves a meeting, a missing one is noticed.
 */
import { isKnownZone } from '@calfleet/domain';
import timezoneNames from 'cldr-bcp47/bcp47/timezone.json';
import windowsZones from 'cldr-core/supplemental/windowsZones.json';

/** The territory of CLDR that stands for the world: a Windows zone's default. */
const WORLD = '001';

/** Graph's own name of UTC, seen as `originalStartTimeZone`. `tzone://Microsoft/Custom` has rules that it hides. */
const GRAPH_UTC = 'tzone://microsoft/utc';

/**
 * What CLDR 48 does not say yet, in its own form: the zones of a Windows name, its default first.
 * Canada's provinces: Windows got their zones in autumn 2026 when they stopped changing clocks; rows as in CLDR-19827.
 * https://techcommunity.microsoft.com/blog/dstblog/interim-guidance-for-british-columbia-time-zone-changes-2026/4544988
 * The other three moved their clocks (tz 2023d, https://data.iana.org/time-zones/tzdb/NEWS) and CLDR left them on a
 * Windows zone that shows another time; these are the ones that show theirs.
 */
export const newerRows: readonly { windows: string; zones: readonly [string, ...string[]] }[] = [
  { windows: 'Alberta Standard Time', zones: ['America/Edmonton', 'America/Inuvik'] },
  { windows: 'British Columbia Standard Time', zones: ['America/Vancouver'] },
  { windows: 'Manitoba Standard Time', zones: ['America/Winnipeg'] },
  { windows: 'Greenland Standard Time', zones: ['America/Scoresbysund'] },
  { windows: 'W. Australia Standard Time', zones: ['Antarctica/Casey'] },
  { windows: 'West Asia Standard Time', zones: ['Antarctica/Vostok'] },
];

const ianaZones = listedZones();
const { byWindows, byIana } = zoneTable();

/**
 * The IANA zone of a name that Graph used.
 *
 * @param name a Windows name, in any case; or an IANA name, which is given back with its own spelling (an alias stays
 * the alias, letters get their usual case)
 * @param territory ISO 3166 code that chooses among the zones of a Windows name; without it, or where the name has none
 * there, CLDR's default
 * @returns null for names that hide their rules (`tzone://Microsoft/Custom`, `Customized Time Zone`), for Windows zones
 * that CLDR does not list and for zones that Node does not know
 */
export function ianaZoneOf(name: string, territory: string = WORLD): string | null {
  const folded = name.toLowerCase();
  if (folded === 'utc' || folded === GRAPH_UTC) return 'UTC';
  const territories = byWindows.get(folded);
  const zone = territories
    ? (territories.get(territory.toUpperCase()) ?? territories.get(WORLD))
    : ianaName(name);
  return zone !== undefined && isKnownZone(zone) ? zone : null;
}

/**
 * The Windows zone to write for an IANA zone or any of its aliases; null where no Windows zone shows the same clock
 * (`Antarctica/Troll`) and for names that are no IANA zones.
 */
export const windowsZoneOf = (iana: string): string | null => byIana.get(iana.toLowerCase()) ?? null;

/** Every Windows name of the table, in its usual spelling. */
export const windowsZoneNames: readonly string[] = [...new Set(tableRows().map(({ windows }) => windows))];

/**
 * Node also takes bare letters for zones (`AST`, which it reads as Alaska, `IST` as India); those are guesses, so a
 * name without a slash must be listed. One with a slash may be newer than the list.
 */
function ianaName(name: string): string | undefined {
  return ianaZones.spelling.get(name.toLowerCase()) ?? (name.includes('/') ? name : undefined);
}

/** The zones of the tz database: how each is spelt, and the groups of names that mean the same zone. */
function listedZones() {
  const groups = Object.values(timezoneNames.keyword.u.tz).flatMap((zone) =>
    typeof zone === 'object' && '_alias' in zone ? [zone._alias.split(' ')] : [],
  );
  return { groups, spelling: new Map(groups.flat().map((name) => [name.toLowerCase(), name])) };
}

function tableRows() {
  const rows = windowsZones.supplemental.windowsZones.mapTimezones.map(({ mapZone }) => ({
    windows: mapZone._other,
    territory: mapZone._territory,
    zones: mapZone._type.trim().split(/\s+/),
  }));
  return [...rows, ...newerRows.map((row) => ({ ...row, territory: WORLD }))];
}

/** Both directions, keyed in lower case. A later row wins the way to Windows; the first says what a name stands for. */
function zoneTable() {
  const byWindows = new Map<string, Map<string, string>>();
  const direct = new Map<string, string>();
  for (const { windows, territory, zones } of tableRows()) {
    const territories = byWindows.get(windows.toLowerCase()) ?? new Map<string, string>();
    byWindows.set(windows.toLowerCase(), territories);
    const [first] = zones;
    if (first !== undefined && !territories.has(territory)) territories.set(territory, first);
    for (const zone of zones) direct.set(zone, windows);
  }
  const byIana = new Map<string, string>();
  for (const names of ianaZones.groups) {
    const windows = names.map((name) => direct.get(name)).find((found) => found !== undefined);
    for (const name of names) {
      const own = direct.get(name) ?? windows;
      if (own !== undefined) byIana.set(name.toLowerCase(), own);
    }
  }
  return { byWindows, byIana };
}
