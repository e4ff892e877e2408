/** Events and their occurrences as the outside surface shows them. */
import { z } from 'zod';
import type { api } from '@calfleet/db';
import { originalStartOf, type Attendee, type Person, type ZoneTable } from '@calfleet/domain';
import { providers } from './calendar.ts';
import {
  answeredTime,
  dateTime,
  floatingTime,
  instant,
  storedTime,
  zonedTime,
  type AnsweredTime,
} from './times.ts';

const attendee = z.object({
  email: z.string().nullable(),
  name: z.string().nullable(),
  response: z.enum(['needs_action', 'accepted', 'declined', 'tentative']),
  optional: z.boolean(),
  organizer: z.boolean(),
  self: z.boolean(),
  resource: z.boolean(),
});

const eventMembers = {
  id: z.uuid(),
  calendar_id: z.uuid(),
  account_id: z.uuid(),
  provider: providers,
  provider_event_id: z.string().nullable().describe('Null until the provider was told.'),
  ical_uid: z.string().nullable(),
  kind: z.enum(['single', 'series', 'exception']),
  series_id: z.uuid().nullable().describe('Of an exception: the event that is its series.'),
  original_start: answeredTime.nullable().describe('Of an exception: where its series had put it.'),
  status: z.enum(['confirmed', 'tentative', 'cancelled']),
  summary: z.string().nullable(),
  description: z.string().nullable(),
  location: z.string().nullable(),
  start: answeredTime.nullable().describe('Null only of a deletion that came without times.'),
  end: answeredTime.nullable().describe('Exclusive.'),
  all_day: z.boolean(),
  recurrence: z.array(z.string()).describe('RFC 5545 lines of a series, such as `RRULE:FREQ=DAILY;COUNT=3`.'),
  attendees: z.array(attendee),
  organizer: z
    .object({ email: z.string().nullable(), name: z.string().nullable(), self: z.boolean() })
    .nullable(),
  meeting_url: z.string().nullable(),
  visibility: z.enum(['default', 'public', 'private', 'confidential']),
  transparency: z.enum(['opaque', 'transparent']).describe('`opaque`: its time is taken.'),
  event_type: z.string().describe('As the provider says: `default`, `outOfOffice`, `focusTime`, …'),
  html_link: z.string().nullable(),
  managed: z.boolean().describe('Created through Calfleet.'),
  held: z.boolean().describe('Its deletion waits for a word (held-deletes).'),
  version: z.int().min(1).describe('Rises with every change; in quotes it is what If-Match takes.'),
  provider_updated_at: instant.nullable(),
  synced_at: instant,
  deleted_at: instant.nullable(),
};

/** What some of an event's fields were, by name. */
export const fieldValues = z.record(z.string(), z.unknown());

export const event = z.object(eventMembers).meta({ id: 'Event' });

export const occurrence = z
  .object({
    ...eventMembers,
    occurrence_id: z
      .string()
      .describe('`<series id>_<YYYYMMDD | YYYYMMDDTHHMMSSZ>`; of a single event its id.'),
    occurrence: z.object({
      start: answeredTime,
      end: answeredTime,
      original_start: answeredTime.nullable().describe('Where the series had put it; null for singles.'),
    }),
  })
  .meta({ id: 'Occurrence', description: 'The stored event, and which of its occurrences this one is.' });

export const writtenEvent = z
  .object({
    ...eventMembers,
    write: z
      .object({ id: z.uuid(), state: z.literal('pending') })
      .nullable()
      .describe('What waits to be told to the provider; null: nothing changes. See GET /writes/{id}.'),
  })
  .meta({ id: 'WrittenEvent' });

export function eventAnswer(zones: ZoneTable, row: api.EventRow) {
  return {
    id: row.id,
    calendar_id: row.calendar_id,
    account_id: row.account_id,
    provider: row.provider,
    provider_event_id: row.provider_event_id,
    ical_uid: row.ical_uid,
    kind: row.kind,
    series_id: row.series_id,
    original_start: storedTime(zones, row.original_start),
    status: row.status,
    summary: row.summary,
    description: row.description,
    location: row.location,
    start: eventTime(zones, row, {
      date: row.start_date,
      instant: row.starts_at,
      zone: row.start_time_zone,
      local: row.start_local,
    }),
    end: eventTime(zones, row, {
      date: row.end_date,
      instant: row.ends_at,
      zone: row.end_time_zone ?? row.start_time_zone,
      local: row.end_local,
    }),
    all_day: row.all_day,
    recurrence: row.recurrence,
    attendees: (row.attendees as Attendee[]).map(attendeeAnswer),
    organizer: personAnswer(row.organizer as Person | null),
    meeting_url: row.meeting_url,
    visibility: row.visibility,
    transparency: row.transparency,
    event_type: row.event_type,
    html_link: row.html_link,
    managed: row.managed,
    held: row.held,
    version: Number(row.version),
    provider_updated_at: row.provider_updated_at,
    synced_at: row.last_confirmed_at,
    deleted_at: row.deleted_at,
  };
}

/** The stored event at the top, and which of its occurrences this one is. */
export function occurrenceAnswer(zones: ZoneTable, row: api.OccurrenceRow) {
  return {
    ...eventAnswer(zones, row),
    occurrence_id:
      row.occurrence_slot === ''
        ? row.occurrence_owner_id
        : `${row.occurrence_owner_id}_${row.occurrence_slot}`,
    occurrence: {
      start: occurrenceTime(zones, row, row.occurrence_starts_at, row.start_time_zone),
      end: occurrenceTime(zones, row, row.occurrence_ends_at, row.end_time_zone ?? row.start_time_zone),
      original_start: originalStart(zones, row),
    },
  };
}

interface StoredBound {
  date: string | null;
  instant: Date | null;
  zone: string | null;
  local: string | null;
}

/** null only for a deletion that came without times. */
function eventTime(zones: ZoneTable, { all_day }: api.EventRow, bound: StoredBound): AnsweredTime | null {
  if (all_day && bound.date !== null) return dateTime(bound.date);
  if (bound.instant !== null) return zonedTime(zones, bound.instant, bound.zone);
  return bound.local === null ? null : floatingTime(bound.local);
}

/** All-day and floating bounds stand in occurrences as if their zone were UTC. */
function occurrenceTime(
  zones: ZoneTable,
  row: api.OccurrenceRow,
  at: Date,
  zone: string | null,
): AnsweredTime {
  if (row.all_day) return dateTime(at.toISOString().slice(0, 10));
  if (row.occurrence_floating) return floatingTime(at.toISOString().slice(0, 19));
  return zonedTime(zones, at, zone);
}

/** Where the series had put it; null for what belongs to no series. */
function originalStart(zones: ZoneTable, row: api.OccurrenceRow): AnsweredTime | null {
  const stored = storedTime(zones, row.original_start);
  if (stored || row.occurrence_slot === '') return stored;
  const slot = originalStartOf(row.occurrence_slot, row.start_time_zone);
  // The slot of a floating series is its wall-clock time.
  if (slot?.kind === 'zoned' && row.occurrence_floating) return floatingTime(slot.instant.slice(0, 19));
  return storedTime(zones, slot);
}

const attendeeAnswer = ({ email, name, response, optional, organizer, self, resource }: Attendee) => ({
  email,
  name,
  response,
  optional,
  organizer,
  self,
  resource,
});

const personAnswer = (person: Person | null) =>
  person && { email: person.email, name: person.name, self: person.self };
