/**
 * Events around every change of every zone's clock in 2026 and 2027, and what a mirror has to say of them. Expected times
 * begin as instants around a change; only what a clock shows at an instant is asked, and only of Intl.
 */
import timezoneNames from 'cldr-bcp47/bcp47/timezone.json';
import windowsZones from 'cldr-core/supplemental/windowsZones.json';

const secondMs = 1_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const from = Date.UTC(2026, 0, 1);
const to = Date.UTC(2028, 0, 1);
/** Clocks stay for four weeks at least (Ramadan in Morocco). */
const probeMs = 7 * dayMs;
/** For zones whose clocks do not change: days on which those of others do. */
const ordinaryDays = [Date.UTC(2026, 2, 29, 1), Date.UTC(2027, 10, 7, 6)];

export interface ZoneCase {
  /** Names the zone, the change and the place beside it. */
  name: string;
  zone: string;
  isAllDay: boolean;
  /** As somebody enters it: `YYYY-MM-DDTHH:MM:SS` on the clocks of the zone; midnights for all-day events. */
  start: string;
  end: string;
  /** A daily series of so many; 0 for a single event. */
  days: number;
  /** Instants of each occurrence, or midnights of UTC of its dates. The first one is the event itself. */
  occurrences: readonly (readonly [startMs: number, endMs: number])[];
}

/** Names that mean another name's zone: they are kept as they were said. */
const aliases = [
  'Etc/UTC',
  'GMT',
  'US/Pacific',
  'Asia/Kolkata',
  'Asia/Calcutta',
  'Europe/Kyiv',
  'Europe/Kiev',
];

export const zoneNames = [...new Set(['UTC', ...aliases, ...Intl.supportedValuesOf('timeZone')])].sort();

export const zoneCases = (): ZoneCase[] =>
  zoneNames.flatMap((zone) => {
    const clock = clockOf(zone);
    const changes = changesOf(clock);
    if (changes.length > 0) return changes.flatMap((edge) => casesAt(zone, clock, edge));
    // Beside a change that is none, half of the places say the same.
    return ordinaryDays.flatMap((day) => casesAt(zone, clock, day).filter((_, n) => n % 2 === 0));
  });

/** What a zone's clocks show at an instant, as the milliseconds it would be in UTC. */
type Clock = (instantMs: number) => number;

function clockOf(zone: string): Clock {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  return (instantMs) => Date.parse(`${format.format(instantMs).replace(' ', 'T')}Z`);
}

/** The first instants of new offsets. */
function changesOf(clock: Clock): number[] {
  const offset = (at: number): number => clock(at) - at;
  const changes: number[] = [];
  for (let at = from; at < to; at += probeMs) {
    let [same, other] = [at, Math.min(at + probeMs, to)];
    if (offset(same) === offset(other)) continue;
    while (other - same > secondMs) {
      const middle = same + Math.floor((other - same) / 2 / secondMs) * secondMs;
      if (offset(middle) === offset(at)) same = middle;
      else other = middle;
    }
    changes.push(other);
  }
  return changes;
}

function casesAt(zone: string, clock: Clock, edge: number): ZoneCase[] {
  const before = clock(edge - secondMs) + secondMs;
  const jumpMs = clock(edge) - before;
  /** Past the hours that clocks show twice. */
  const after = edge + Math.max(0, -jumpMs);
  // Half into the hours that are skipped, which are read by the offset before the gap, or into those that are there
  // twice, of which the first are meant (RFC 5545, 3.3.5).
  const inside = edge + jumpMs / 2;
  const insideWall = before + jumpMs / 2;
  const name = (place: string): string => `${zone} ${new Date(edge).toISOString()} ${place}`;
  const timed = (place: string, start: number, end: number): ZoneCase => ({
    ...{ name: name(place), zone, isAllDay: false, days: 0, occurrences: [[start, end]] },
    ...{ start: text(clock(start)), end: text(clock(end)) },
  });
  const today = Math.floor(clock(edge) / dayMs) * dayMs;
  const allDay = (place: string, first: number, length: number, days: number): ZoneCase => ({
    ...{ name: name(place), zone, isAllDay: true, days },
    ...{ start: text(today + first * dayMs), end: text(today + (first + length) * dayMs) },
    occurrences: Array.from({ length: days || 1 }, (_, n) => {
      const start = today + (first + n) * dayMs;
      return [start, start + length * dayMs] as const;
    }),
  });
  return [
    timed('across', edge - secondMs, after),
    timed('before', edge - hourMs, edge - secondMs),
    { ...timed('inside', inside, edge + 3 * hourMs), start: text(insideWall) },
    timed('after', after, after + hourMs),
    seriesOver(name('series'), zone, { edge, before, insideWall, inside, jumpMs }),
    allDay('three days', -1, 3, 0),
    allDay('day', 0, 1, 0),
    allDay('daily day', -1, 1, 3),
  ];
}

/**
 * Every day at the time that is skipped, or there twice, on one of them. It is over before the clocks go on as usual:
 * whoever sits through a change has a longer or shorter meeting in Outlook, which keeps what clocks show at its end, and
 * one of the same length at Google.
 */
function seriesOver(
  name: string,
  zone: string,
  at: { edge: number; before: number; insideWall: number; inside: number; jumpMs: number },
): ZoneCase {
  const offset = at.before - at.edge;
  const lengthMs = Math.abs(at.jumpMs || hourMs) / 4;
  const startOn = (day: number): number => {
    if (day === 0) return at.inside;
    return at.insideWall + day * dayMs - (day < 0 ? offset : offset + at.jumpMs);
  };
  const first = at.insideWall - 2 * dayMs;
  return {
    ...{ name, zone, isAllDay: false, days: 4, start: text(first), end: text(first + lengthMs) },
    occurrences: [-2, -1, 0, 1].map((day) => [startOn(day), startOn(day) + lengthMs] as const),
  };
}

const text = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 19);

/** One line of what is mirrored of an event; the same text on both sides. */
export interface MirroredEvent {
  name: string;
  kind: unknown;
  start: unknown;
  end: unknown;
  /** `{slot} {start} {end}` each. */
  occurrences: string[];
}

/** @param zone the name that the mirror has to show for the case's zone */
export function expectedEvent(each: ZoneCase, zone: string): MirroredEvent {
  const bound = (ms: number): unknown =>
    each.isAllDay
      ? { kind: 'date', date: text(ms).slice(0, 10) }
      : { kind: 'zoned', instant: `${text(ms)}Z`, zone };
  const slotOf = (ms: number): string =>
    text(ms)
      .slice(0, each.isAllDay ? 10 : 19)
      .replaceAll(/[-:]/g, '') + (each.isAllDay ? '' : 'Z');
  const [[start, end] = [0, 0]] = each.occurrences;
  return {
    name: each.name,
    kind: each.days > 0 ? 'series' : 'single',
    start: bound(start),
    end: bound(end),
    occurrences: each.occurrences.map(
      ([from, to]) =>
        `${each.days > 0 ? slotOf(from) : ''} ${new Date(from).toISOString()} ${new Date(to).toISOString()}`,
    ),
  };
}

const rows = windowsZones.supplemental.windowsZones.mapTimezones.map(({ mapZone }) => ({
  windows: mapZone._other,
  isDefault: mapZone._territory === '001',
  zones: mapZone._type.trim().split(/\s+/),
}));

/** CLDR's zone of a Windows name where no country is given; `UTC` is an IANA name as well, and stays itself. */
const defaultOf = new Map([
  ...rows
    .filter(({ isDefault }) => isDefault)
    .map(({ windows, zones }) => [windows, zones[0] ?? ''] as const),
  ['UTC', 'UTC'] as const,
]);

const groups = Object.values(timezoneNames.keyword.u.tz).flatMap((zone) =>
  typeof zone === 'object' && '_alias' in zone ? [zone._alias.split(' ')] : [],
);

/** The Windows name that CLDR lists for a zone or for another name of it, and the zone that this name stands for. */
export function windowsOf(zone: string): { windows: string; standsFor: string } | null {
  const names = new Set([zone, ...groups.filter((group) => group.includes(zone)).flat()]);
  const windows = rows.find(({ zones }) => zones.some((name) => names.has(name)))?.windows;
  const standsFor = windows === undefined ? undefined : defaultOf.get(windows);
  return windows === undefined || standsFor === undefined ? null : { windows, standsFor };
}

/** Whether two zones' clocks change alike, and show the same. */
export function areAlike(one: string, other: string): boolean {
  const said = (zone: string): string => {
    const clock = clockOf(zone);
    return [from, ...changesOf(clock)].map((at) => `${at} ${clock(at)}`).join();
  };
  return said(one) === said(other);
}
