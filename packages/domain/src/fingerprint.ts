import { createHash } from 'node:crypto';
import type { EventFields, EventKind, SeriesSlot } from './event.ts';

/**
 * What the mirror shows of an event, hashed: two events with equal fingerprints look the same to everybody. Provider
 * version and raw text take no part, since they change without anything to see.
 *
 * @returns 32 hex digits (half a SHA-256: no two events of one id's history will ever meet by chance)
 */
export function fingerprintOf(kind: EventKind, exceptionOf: SeriesSlot | null, fields: EventFields): string {
  const shown = [
    kind,
    exceptionOf?.providerSeriesId,
    exceptionOf?.slot,
    fields.icalUid,
    fields.status,
    fields.summary,
    fields.description,
    fields.location,
    fields.start,
    fields.end,
    fields.recurrence,
    fields.attendees,
    fields.organizer,
    fields.meetingUrl,
    fields.visibility,
    fields.transparency,
    fields.eventType,
    fields.htmlLink,
  ];
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32);
}
