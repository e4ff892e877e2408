/**
 * Start and end as clients send them, and as Google gives them back: a date, or an instant written with the
 * offset of a named zone.
 */
import type { Zones } from '../zones.ts';
import { invalid, required } from './errors.ts';
import type { EventTime } from './resource.ts';

/** Date part, time part, optional fraction, optional offset. Years have four digits. */
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

export interface NormalTime {
  time: EventTime;
  /** The instant; of an all-day date its midnight in UTC. */
  ms: number;
}

/** @throws GoogleError 400 when it is no time, or a local time without a zone. */
export function normaliseTime(
  zones: Zones,
  given: EventTime,
  context: { name: 'start' | 'end'; calendarZone: string; zoneRequired: boolean },
): NormalTime {
  const { date, dateTime } = given;
  if (typeof date === 'string' && typeof dateTime === 'string')
    throw invalid(`Invalid ${context.name} time.`);
  if (typeof date === 'string') return { time: { date }, ms: dateMs(date, context.name) };
  if (typeof dateTime !== 'string') throw required(`Missing ${context.name} time.`);
  const zone = given.timeZone ?? null;
  if (zone !== null && !zones.isKnown(zone))
    throw invalid(`Invalid time zone definition for ${context.name} time.`);
  if (zone === null && context.zoneRequired)
    throw required(`Missing time zone definition for ${context.name} time.`);
  const ms = instantOf(zones, dateTime, zone ?? context.calendarZone);
  if (ms === null) throw invalid(`Invalid ${context.name} time.`);
  const timeZone = zone ?? context.calendarZone;
  return { time: { dateTime: zones.rfc3339(timeZone, ms), timeZone }, ms };
}

/** @param zone gives a meaning to a time without an offset; null: an offset is mandatory. */
export function instantOf(zones: Zones, dateTime: string, zone: string | null): number | null {
  const match = DATE_TIME.exec(dateTime);
  if (match === null) return null;
  const [, date = '', clock = '', offset] = match;
  const localMs = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}Z`);
  if (Number.isNaN(localMs) || !isRealDate(date)) return null;
  if (offset === undefined) return zone === null ? null : zones.toInstant(zone, localMs);
  if (offset.toUpperCase() === 'Z') return localMs;
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number);
  const sign = offset.startsWith('-') ? -1 : 1;
  return localMs - sign * (hours * 60 + minutes) * 60_000;
}

/** The instant of an already normal time; dates count as midnight in UTC. */
export function timeMs(time: EventTime | undefined): number {
  return Date.parse(time?.dateTime ?? time?.date ?? '');
}

function dateMs(date: string, name: string): number {
  if (!DATE.test(date) || !isRealDate(date)) throw invalid(`Invalid ${name} time.`);
  return Date.parse(date);
}

/** Date.parse reads 31 February as 3 March in some forms and as nothing in others. */
function isRealDate(date: string): boolean {
  const ms = Date.parse(date);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}
