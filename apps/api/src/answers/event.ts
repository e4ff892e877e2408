/** Events and their occurrences as the outside surface shows them. */
import type { api } from '@calfleet/db';
import { originalStartOf, type Attendee, type Person, type ZoneTable } from '@calfleet/domain';
import { dateTime, floatingTime, storedTime, zonedTime, type AnsweredTime } from './times.ts';

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
