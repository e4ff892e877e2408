/**
 * The way back of `times.ts`: naive local times beside the zone whose clocks they are of. An offset is never sent, since
 * Graph looks at the zone beside it. https://learn.microsoft.com/graph/api/resources/datetimetimezone
 */
import { ZoneTable, type EventTime } from '@calfleet/domain';
import type { Json } from '../json.ts';
import { rejected } from './errors.ts';
import { ianaZoneOf, windowsZoneOf } from './zones.ts';

/** A time as Graph is told of it. */
export interface SaidTime {
  /** `YYYY-MM-DDTHH:MM:SS` on the clocks of the zone. */
  local: string;
  zone: SaidZone;
  /** Whether this is the zone that the time itself has. A series cannot follow the clocks of another. */
  isOwnZone: boolean;
}

interface SaidZone {
  /** As Graph wants it: by its Windows name. */
  name: string;
  /** The IANA zone that the name is read as, here and there. */
  iana: string;
}

/** Start, end and kind of an event: Graph wants all three whenever one of them changes. @throws request_rejected */
export function saidBounds(start: EventTime, end: EventTime, calendarTimeZone: string | null): Json {
  const isAllDay = start.kind === 'date';
  if (isAllDay !== (end.kind === 'date')) throw rejected('an event lasts whole days or has two times');
  return {
    isAllDay,
    start: shown(sayTime(start, calendarTimeZone)),
    end: shown(sayTime(end, calendarTimeZone)),
  };
}

/**
 * Days are midnights in the calendar's zone, where its people look at them. Floating times are pinned to that zone, too:
 * Outlook has none. Where no zone is known, it is UTC.
 */
export function sayTime(time: EventTime, calendarTimeZone: string | null): SaidTime {
  const zones = new ZoneTable();
  const calendarZone = (calendarTimeZone === null ? null : saidZoneOf(calendarTimeZone)) ?? UTC;
  if (time.kind === 'zoned')
    return sayInstant(time, time.zone === null ? calendarZone : saidZoneOf(time.zone));
  if (time.kind === 'floating') return { local: time.local, zone: calendarZone, isOwnZone: true };
  const local = `${time.date}T00:00:00`;
  // Some zones skip a midnight when their clocks change, and Graph wants one. A day is the same day in any zone.
  const instant = zones.localToInstant({ local, zone: calendarZone.iana });
  const isSkipped = zones.instantToLocal({ instant, zone: calendarZone.iana }) !== local;
  return { local, zone: isSkipped ? UTC : calendarZone, isOwnZone: true };
}

/**
 * In UTC where the zone has no name that Graph knows, and in the second of two hours that look alike, of which a local
 * time means the first: a meeting that says UTC takes place in time.
 */
function sayInstant({ instant: text }: { instant: string }, zone: SaidZone | null): SaidTime {
  const zones = new ZoneTable();
  const instant = new Date(text);
  if (zone !== null) {
    const local = zones.instantToLocal({ instant, zone: zone.iana });
    const read = zones.localToInstant({ local, zone: zone.iana });
    if (read.getTime() === instant.getTime()) return { local, zone, isOwnZone: true };
  }
  return { local: zones.instantToLocal({ instant, zone: UTC.iana }), zone: UTC, isOwnZone: false };
}

const UTC: SaidZone = { name: 'UTC', iana: 'UTC' };

/** Not every IANA name is taken, every Windows name is. https://learn.microsoft.com/graph/api/event-update */
function saidZoneOf(zone: string): SaidZone | null {
  const name = windowsZoneOf(zone);
  const iana = name === null ? null : ianaZoneOf(name);
  return name === null || iana === null ? null : { name, iana };
}

const shown = ({ local, zone }: SaidTime): Json => ({ dateTime: local, timeZone: zone.name });
