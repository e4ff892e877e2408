/** One event as it stands, whole, and the same event as a user of ours wants it: what a local write reads and stores. */
import type { AccountId, CalendarId, EventId, EventKind } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { EventRow } from './events.ts';
import type { Transaction } from './transaction.ts';

/** An event's columns, as far as its fields are made of them. */
export interface ShownEvent {
  id: EventId;
  calendar_id: CalendarId;
  provider_event_id: string | null;
  kind: EventKind;
  original_start: unknown;
  ical_uid: string | null;
  status: string;
  summary: string | null;
  description: string | null;
  location: string | null;
  all_day: boolean;
  /** `YYYY-MM-DD` */
  start_date: string | null;
  end_date: string | null;
  starts_at: Date | null;
  ends_at: Date | null;
  /** `YYYY-MM-DDTHH:MM:SS` */
  start_local: string | null;
  end_local: string | null;
  start_time_zone: string | null;
  end_time_zone: string | null;
  recurrence: string[];
  attendees: unknown;
  organizer: unknown;
  meeting_url: string | null;
  visibility: string;
  transparency: string;
  event_type: string;
  html_link: string | null;
  managed: boolean;
  version: bigint;
  provider_updated_at: Date | null;
  deleted_at: Date | null;
}

/** Of `e`. */
export const shownColumns = Prisma.sql`e.id, e.calendar_id, e.provider_event_id, e.kind, e.original_start, e.ical_uid,
  e.status, e.summary, e.description, e.location, e.all_day, e.start_date::text, e.end_date::text, e.starts_at,
  e.ends_at, to_char(e.start_local, 'YYYY-MM-DD"T"HH24:MI:SS') as start_local,
  to_char(e.end_local, 'YYYY-MM-DD"T"HH24:MI:SS') as end_local, e.start_time_zone, e.end_time_zone, e.recurrence,
  e.attendees, e.organizer, e.meeting_url, e.visibility, e.transparency, e.event_type, e.html_link, e.managed,
  e.version, e.provider_updated_at, e.deleted_at`;

/** With what its provider knows it by. */
export interface StoredEvent extends ShownEvent {
  provider_version: string | null;
  provider_series_id: string | null;
  /** Of an exception whose series has no name there yet: our id of the series. */
  local_series_id: EventId | null;
  slot: string | null;
  /** Of a deleted exception: nothing takes place in its slot. */
  slot_cancelled: boolean;
}

export const storedColumns = Prisma.sql`${shownColumns}, e.provider_version, e.provider_series_id, e.local_series_id,
  e.slot, e.slot_cancelled`;

/** Whose event it is, and when it changes. */
export interface LocalChange {
  userId: string;
  accountId: AccountId;
  calendarId: CalendarId;
  at: Date;
}

/** What a local write makes of an event: its columns but those that only the provider can set. */
export type LocalRow = Omit<EventRow, 'raw' | 'provider_version' | 'provider_event_id' | 'write_id'> & {
  provider_event_id: string | undefined;
  local_series_id: EventId | undefined;
};

/** @param of.userId whose it has to be. Locks the row until the transaction ends. */
export async function readStoredEvent(
  tx: Transaction,
  of: { userId: string; id: EventId },
): Promise<StoredEvent | null> {
  const rows = await tx.$queryRaw<StoredEvent[]>`
    select ${storedColumns} from calendar_events e
     where e.id = ${of.id}::uuid and e.user_id = ${of.userId} for update`;
  return rows[0] ?? null;
}

/** An event that nobody but us knows yet. Feed and occurrences are its caller's. */
export async function insertLocalEvent(
  tx: Transaction,
  change: LocalChange,
  row: LocalRow,
  { isManaged }: { isManaged: boolean },
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_events (id, user_id, calendar_id, provider_event_id, provider_series_id, local_series_id, kind,
      slot, original_start, ical_uid, status, summary, description, location, all_day, start_date, end_date, starts_at,
      ends_at, start_local, end_local, start_time_zone, end_time_zone, recurrence, attendees, organizer, meeting_url,
      visibility, transparency, event_type, html_link, fingerprint, managed, created_at, updated_at, generation,
      last_confirmed_at)
    select ${row.id}::uuid, ${change.userId}, ${change.calendarId}::uuid, provider_event_id, provider_series_id,
      local_series_id, kind, slot, original_start, ical_uid, status, summary, description, location, all_day, start_date, end_date, starts_at,
      ends_at, start_local, end_local, start_time_zone, end_time_zone, recurrence, attendees, organizer, meeting_url,
      visibility, transparency, event_type, html_link, fingerprint, ${isManaged}, ${change.at},
      ${change.at},
      (select generation from calendars where id = ${change.calendarId}::uuid), ${change.at}
    from jsonb_populate_record(null::calendar_events, ${jsonOf(row)}::jsonb)`;
}

/** @returns the version that it has now */
export async function updateLocalEvent(
  tx: Transaction,
  change: LocalChange,
  row: LocalRow,
  deletedAt: Date | null,
): Promise<bigint> {
  const rows = await tx.$queryRaw<{ version: bigint }[]>`
    update calendar_events e
       set status = n.status, summary = n.summary, description = n.description, location = n.location,
           all_day = n.all_day, start_date = n.start_date, end_date = n.end_date, starts_at = n.starts_at,
           ends_at = n.ends_at, start_local = n.start_local, end_local = n.end_local,
           start_time_zone = n.start_time_zone, end_time_zone = n.end_time_zone, recurrence = n.recurrence,
           attendees = n.attendees, visibility = n.visibility, transparency = n.transparency, kind = n.kind,
           fingerprint = n.fingerprint, version = e.version + 1, updated_at = ${change.at}, deleted_at = ${deletedAt},
           slot_cancelled = e.kind = 'exception' and ${deletedAt}::timestamptz is not null
      from jsonb_populate_record(null::calendar_events, ${jsonOf(row)}::jsonb) n
     where e.id = ${row.id}::uuid and e.user_id = ${change.userId}
    returning e.version`;
  if (!rows[0]) throw new Error('The event is gone.');
  return rows[0].version;
}

const jsonOf = ({ fingerprint, ...row }: LocalRow): string =>
  JSON.stringify({ ...row, fingerprint: `\\x${fingerprint}` });

/** Says a local change in the feed. */
export async function sayLocalChange(
  tx: Transaction,
  change: LocalChange,
  said: {
    eventId: EventId;
    kind: 'created' | 'updated' | 'deleted';
    version: bigint;
    fields: string[];
    providerSeriesId: string | null;
  },
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
      origin)
    values (${change.at}, ${change.userId}, ${said.kind}, ${said.eventId}::uuid, ${change.calendarId}::uuid,
      ${change.accountId}::uuid, coalesce(
        (select e.local_series_id from calendar_events e where e.id = ${said.eventId}::uuid),
        (select s.id from calendar_events s where s.calendar_id = ${change.calendarId}::uuid
          and s.provider_event_id = ${said.providerSeriesId})), ${said.version}, ${said.fields}, 'local')`;
}

/** What was told to the provider, and answered, is newer than any page asked for before. */
export async function stampWritten(tx: Transaction, id: EventId, writtenSeq: bigint): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set written_seq = greatest(written_seq, ${writtenSeq}) where id = ${id}::uuid`;
}

/** @throws when there is none: a write goes with its event */
export async function readPushed(tx: Transaction, id: EventId): Promise<StoredEvent> {
  const rows = await tx.$queryRaw<StoredEvent[]>`
    select ${storedColumns} from calendar_events e where e.id = ${id}::uuid`;
  if (!rows[0]) throw new Error(`There is no event ${id}.`);
  return rows[0];
}
