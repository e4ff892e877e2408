/** From what a provider says to the columns of the mirror, and back to times. Times keep their kind and zone (I7). */
import {
  fingerprintOf,
  instantOf,
  newId,
  type EventFields,
  type EventKind,
  type EventTime,
  type RemoteEvent,
  type RemoteItem,
  type SeriesSlot,
  type WritableFields,
} from '@calfleet/domain';
import type { EventRow, GoneRow, SeriesPart, StoredEvent } from '@calfleet/db';

export function eventRow(event: RemoteEvent): EventRow {
  return {
    id: newId(),
    provider_event_id: event.providerEventId,
    provider_version: event.providerVersion ?? undefined,
    ...columnsOf(event.kind, event.exceptionOf, event.fields),
    raw: event.raw,
    provider_updated_at: event.providerUpdatedAt ?? undefined,
    write_id: event.writeId ?? undefined,
  };
}

/** The columns that show what an event is. */
export function columnsOf(kind: EventKind, exceptionOf: SeriesSlot | null, fields: EventFields) {
  return {
    provider_series_id: exceptionOf?.providerSeriesId ?? undefined,
    kind,
    slot: exceptionOf?.slot ?? undefined,
    original_start: exceptionOf?.originalStart ?? undefined,
    ical_uid: fields.icalUid ?? undefined,
    status: fields.status,
    summary: fields.summary ?? undefined,
    description: fields.description ?? undefined,
    location: fields.location ?? undefined,
    all_day: fields.start.kind === 'date',
    start_date: fields.start.kind === 'date' ? fields.start.date : undefined,
    end_date: fields.end.kind === 'date' ? fields.end.date : undefined,
    starts_at: fields.start.kind === 'zoned' ? fields.start.instant : undefined,
    ends_at: fields.end.kind === 'zoned' ? fields.end.instant : undefined,
    start_local: fields.start.kind === 'floating' ? fields.start.local : undefined,
    end_local: fields.end.kind === 'floating' ? fields.end.local : undefined,
    start_time_zone: zoneOf(fields.start) ?? undefined,
    end_time_zone: zoneOf(fields.end) ?? undefined,
    recurrence: fields.recurrence,
    attendees: fields.attendees,
    organizer: fields.organizer ?? undefined,
    meeting_url: fields.meetingUrl ?? undefined,
    visibility: fields.visibility,
    transparency: fields.transparency,
    event_type: fields.eventType,
    html_link: fields.htmlLink ?? undefined,
    fingerprint: fingerprintOf(kind, exceptionOf, fields),
  };
}

/** The way back: what a stored event's columns say, as its provider said it. @throws when the row has no times */
export function storedFields(row: StoredEvent): EventFields {
  const times = boundsOf(row);
  if (!times) throw new Error(`Event ${row.id} has no times.`);
  return {
    icalUid: row.ical_uid,
    status: row.status as EventFields['status'],
    summary: row.summary,
    description: row.description,
    location: row.location,
    ...times,
    recurrence: row.recurrence,
    attendees: row.attendees as EventFields['attendees'],
    organizer: row.organizer as EventFields['organizer'],
    meetingUrl: row.meeting_url,
    visibility: row.visibility as EventFields['visibility'],
    transparency: row.transparency as EventFields['transparency'],
    eventType: row.event_type,
    htmlLink: row.html_link,
  };
}

export const writableOf = (fields: WritableFields): WritableFields => ({
  status: fields.status,
  summary: fields.summary,
  description: fields.description,
  location: fields.location,
  start: fields.start,
  end: fields.end,
  recurrence: fields.recurrence,
  attendees: fields.attendees,
  visibility: fields.visibility,
  transparency: fields.transparency,
});

export function goneRow(item: Extract<RemoteItem, { type: 'deleted' }>): GoneRow {
  const start = item.exceptionOf?.originalStart ?? null;
  return {
    id: newId(),
    provider_event_id: item.providerEventId,
    provider_version: item.providerVersion,
    provider_series_id: item.exceptionOf?.providerSeriesId ?? null,
    slot: item.exceptionOf?.slot ?? null,
    original_start: start,
    all_day: start?.kind === 'date',
    start_date: start?.kind === 'date' ? start.date : null,
    starts_at: start?.kind === 'zoned' ? start.instant : null,
    start_local: start?.kind === 'floating' ? start.local : null,
    start_time_zone: start ? zoneOf(start) : null,
    raw: item.raw,
  };
}

/** Start and end, for computing occurrences: what each lasts is said in the zone of its start. */
export const timesOf = (part: SeriesPart): { start: EventTime; end: EventTime } | null =>
  boundsOf({ ...part, end_time_zone: part.start_time_zone });

/** Start and end of a stored event; null when the row has none, as a cancelled occurrence may. */
function boundsOf(part: Bounds): { start: EventTime; end: EventTime } | null {
  if (part.all_day) {
    if (part.start_date === null || part.end_date === null) return null;
    return { start: { kind: 'date', date: part.start_date }, end: { kind: 'date', date: part.end_date } };
  }
  if (part.start_local !== null && part.end_local !== null) {
    return {
      start: { kind: 'floating', local: part.start_local },
      end: { kind: 'floating', local: part.end_local },
    };
  }
  if (part.starts_at === null || part.ends_at === null) return null;
  return {
    start: { kind: 'zoned', instant: instantOf(part.starts_at), zone: part.start_time_zone },
    end: { kind: 'zoned', instant: instantOf(part.ends_at), zone: part.end_time_zone },
  };
}

type Bounds = Pick<
  StoredEvent,
  | 'all_day'
  | 'start_date'
  | 'end_date'
  | 'starts_at'
  | 'ends_at'
  | 'start_local'
  | 'end_local'
  | 'start_time_zone'
  | 'end_time_zone'
>;

/** Dates and floating times stand in the table of occurrences as if their zone were UTC; readers place them. */
export function asIfUtc(time: EventTime): string {
  switch (time.kind) {
    case 'date':
      return `${time.date}T00:00:00Z`;
    case 'zoned':
      return time.instant;
    case 'floating':
      return `${time.local}Z`;
  }
}

const zoneOf = (time: EventTime): string | null => (time.kind === 'zoned' ? time.zone : null);
