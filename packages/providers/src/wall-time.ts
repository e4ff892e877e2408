/**
 * Provider times as instants. Strict on purpose: a text that is no real time raises {@link UnreadableTime}, it is
 * never bent into a neighbouring day and never becomes "now" (I7). Years are bounded to 1–9999, which is what both
 * a four-digit ISO text and Postgres can hold.
 */
import { isKnownZone, ZoneTable } from '@calfleet/domain';

export class UnreadableTime extends Error {}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(Z|z|[+-]\d{2}:\d{2})?$/;

/** `YYYY-MM-DD` of a real day. @throws UnreadableTime */
export function readDate(text: string): string {
  const match = DATE.exec(text);
  if (!match) throw new UnreadableTime('not a date');
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (year < 1) throw new UnreadableTime('year outside 1-9999');
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month))
    throw new UnreadableTime('no such day');
  return text;
}

/**
 * A date-time as an instant (`YYYY-MM-DDTHH:MM:SSZ`) when it carries an offset, else as wall-clock time. Fractions of
 * seconds are cut. @throws UnreadableTime
 */
export function readDateTime(text: string): { instant: string } | { local: string } {
  const match = DATE_TIME.exec(text);
  if (!match) throw new UnreadableTime('not a date-time');
  const [, date = '', hour, minute, second, offset] = match;
  readDate(date);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    throw new UnreadableTime('no such time');
  const local = `${date}T${hour}:${minute}:${second}`;
  if (offset === undefined) return { local };
  if (offset === 'Z' || offset === 'z') return { instant: `${local}Z` };
  return { instant: instantFromMs(Date.parse(`${local}Z`) - offsetMs(offset)) };
}

/**
 * The instant at which clocks of the zone show this wall-clock time; {@link ZoneTable} says what happens around clock
 * changes. Rare: Google states offsets, so no table is kept. @throws UnreadableTime when the zone is unknown
 */
export function instantInZone(local: string, zone: string): string {
  if (!isKnownZone(zone)) throw new UnreadableTime('unknown zone');
  return instantFromMs(new ZoneTable().localToInstant({ local, zone }).getTime());
}

function offsetMs(offset: string): number {
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(4, 6))];
  if (hours > 23 || minutes > 59) throw new UnreadableTime('no such offset');
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function instantFromMs(ms: number): string {
  const iso = new Date(ms).toISOString();
  // Years beyond four digits are written with a sign; year 0 exists only in ISO 8601.
  if (iso.length !== 24 || iso.startsWith('0000')) throw new UnreadableTime('year outside 1-9999');
  return `${iso.slice(0, 19)}Z`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
