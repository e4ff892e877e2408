import { createHash } from 'node:crypto';
import type { Attendee, EventFields, EventKind, Person, SeriesSlot } from './event.ts';
import type { EventTime } from './times.ts';

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
    timeOf(fields.start),
    timeOf(fields.end),
    fields.recurrence,
    fields.attendees.map(attendeeOf),
    fields.organizer && personOf(fields.organizer),
    fields.meetingUrl,
    fields.visibility,
    fields.transparency,
    fields.eventType,
    fields.htmlLink,
  ];
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32);
}

// Postgres sorts the members of what it keeps as jsonb: an order of our own makes what was stored equal to what was said.

function timeOf(time: EventTime): EventTime {
  switch (time.kind) {
    case 'date':
      return { kind: 'date', date: time.date };
    case 'zoned':
      return { kind: 'zoned', instant: time.instant, zone: time.zone };
    case 'floating':
      return { kind: 'floating', local: time.local };
  }
}

const attendeeOf = ({ email, name, response, optional, organizer, self, resource }: Attendee): Attendee => ({
  email,
  name,
  response,
  optional,
  organizer,
  self,
  resource,
});

const personOf = ({ email, name, self }: Person): Person => ({ email, name, self });
