/** How the outside surface writes times: `{date}`, or `{date_time, time_zone}` with the zone's own offset. */
import { z } from 'zod';
import type { EventTime, ZoneTable } from '@calfleet/domain';

export const instant = z.iso.datetime({ offset: true }).meta({ examples: ['2026-11-20T12:00:00.000Z'] });

export const answeredTime = z
  .union([
    z.object({ date: z.iso.date() }).describe('All-day; as an end exclusive.'),
    z
      .object({ date_time: z.iso.datetime({ offset: true }), time_zone: z.string() })
      .describe("An instant with its zone's own offset, and the IANA zone."),
    z
      .object({ date_time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/), time_zone: z.null() })
      .describe('Floating: the same wall-clock time wherever it is read.'),
  ])
  .meta({ id: 'Time' });
export type AnsweredTime = z.output<typeof answeredTime>;

/** A zone that nobody knows, or none, is answered in UTC. */
export function zonedTime(zones: ZoneTable, instant: Date, zone: string | null): AnsweredTime {
  const known = zone !== null && zones.isKnown(zone) ? zone : 'UTC';
  return { date_time: withOffset(zones, instant, known), time_zone: known };
}

function withOffset(zones: ZoneTable, instant: Date, zone: string): string {
  const minutes = zones.offsetAt(zone, instant.getTime()) / 60_000;
  // RFC 3339 has no seconds in offsets; local mean times before about 1900 do.
  if (zone === 'UTC' || !Number.isInteger(minutes)) return `${instant.toISOString().slice(0, 19)}Z`;
  const size = Math.abs(minutes);
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${zones.instantToLocal({ instant, zone })}${offset}`;
}

export const dateTime = (date: string): AnsweredTime => ({ date });

export const floatingTime = (local: string): AnsweredTime => ({ date_time: local, time_zone: null });

/** A time as the mirror keeps it in JSON; null for anything else. */
export function storedTime(zones: ZoneTable, stored: unknown): AnsweredTime | null {
  const time = stored as EventTime | null;
  switch (time?.kind) {
    case 'date':
      return dateTime(time.date);
    case 'zoned':
      return zonedTime(zones, new Date(time.instant), time.zone);
    case 'floating':
      return floatingTime(time.local);
    case undefined:
      return null;
  }
}

/** Values of fields as they are kept in JSON: times as the surface writes them, wherever they stand. */
export function storedValues(zones: ZoneTable, values: unknown): unknown {
  if (Array.isArray(values)) return values.map((value) => storedValues(zones, value));
  if (typeof values !== 'object' || values === null) return values;
  if ('kind' in values) return storedTime(zones, values);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, storedValues(zones, value)]),
  );
}
