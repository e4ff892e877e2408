/** From what a provider says to the columns of the mirror, and back to times. Times keep their kind and zone (I7). */
import { fingerprintOf, newId, type EventTime, type RemoteEvent, type RemoteItem } from '@calfleet/domain';
import type { EventRow, GoneRow, SeriesPart } from '@calfleet/db';

export function eventRow(event: RemoteEvent): EventRow {
  const { fields } = event;
  return {
    id: newId(),
    provider_event_id: event.providerEventId,
    provider_version: event.providerVersion ?? undefined,
    provider_series_id: event.exceptionOf?.providerSeriesId ?? undefined,
    kind: event.kind,
    slot: event.exceptionOf?.slot ?? undefined,
    original_start: event.exceptionOf?.originalStart ?? undefined,
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
    fingerprint: fingerprintOf(event.kind, event.exceptionOf, fields),
    raw: event.raw,
    provider_updated_at: event.providerUpdatedAt ?? undefined,
  };
}

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

/** Start and end of a stored event; null when the row has none, as a cancelled occurrence may. */
export function timesOf(part: SeriesPart): { start: EventTime; end: EventTime } | null {
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
  const zone = part.start_time_zone;
  return {
    start: { kind: 'zoned', instant: wholeSeconds(part.starts_at), zone },
    end: { kind: 'zoned', instant: wholeSeconds(part.ends_at), zone },
  };
}

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
const wholeSeconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;
