/** Occurrences of series: read what a series is made of, replace what it comes to. */
import { isId, type CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** A stored event, as far as its occurrences depend on it. */
export interface SeriesPart {
  id: string;
  provider_event_id: string;
  provider_series_id: string | null;
  kind: 'single' | 'series' | 'exception';
  slot: string | null;
  deleted: boolean;
  /** Of a deleted exception: its slot stays empty. */
  slot_cancelled: boolean;
  all_day: boolean;
  start_date: string | null;
  end_date: string | null;
  starts_at: Date | null;
  ends_at: Date | null;
  start_local: string | null;
  end_local: string | null;
  start_time_zone: string | null;
  recurrence: string[];
  transparency: string;
}

/**
 * The named series with all their exceptions, read from what is stored now. What its provider does not know yet goes by
 * our own id.
 */
export async function readSeriesParts(
  tx: Transaction,
  calendarId: CalendarId,
  series: readonly string[],
): Promise<SeriesPart[]> {
  return tx.$queryRaw<SeriesPart[]>`
    select id, coalesce(provider_event_id, id::text) as provider_event_id, provider_series_id, kind, slot, deleted_at is not null as deleted, slot_cancelled, all_day,
      start_date::text, end_date::text, starts_at, ends_at,
      to_char(start_local, 'YYYY-MM-DD"T"HH24:MI:SS') as start_local,
      to_char(end_local, 'YYYY-MM-DD"T"HH24:MI:SS') as end_local, start_time_zone, recurrence, transparency
    from calendar_events
    where calendar_id = ${calendarId}::uuid
      and (provider_event_id = any(${[...series]}::text[]) or provider_series_id = any(${[...series]}::text[])
        or (provider_event_id is null and id = any(${series.filter(isId)}::uuid[])))`;
}

export interface OccurrenceRow {
  owner_id: string;
  slot: string;
  event_id: string;
  all_day: boolean;
  starts_at: string;
  ends_at: string;
  floating: boolean;
  transparent: boolean;
}

/** Makes the occurrences of `owners` exactly these; what is already so is left alone. */
export async function replaceOccurrences(
  tx: Transaction,
  calendar: { id: CalendarId; userId: string },
  owners: readonly string[],
  rows: readonly OccurrenceRow[],
): Promise<void> {
  await tx.$executeRaw`
    with wanted as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as x(owner_id uuid, slot text, event_id uuid,
        all_day boolean, starts_at timestamptz, ends_at timestamptz, floating boolean, transparent boolean)
    ),
    gone as (
      delete from calendar_occurrences c
       where c.owner_id = any(${[...owners]}::uuid[])
         and not exists (select from wanted w where w.owner_id = c.owner_id and w.slot = c.slot)
    )
    insert into calendar_occurrences as c (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
      floating, transparent)
    select ${calendar.id}::uuid, owner_id, slot, event_id, ${calendar.userId}, all_day, starts_at, ends_at, floating,
      transparent
    from wanted
    on conflict (owner_id, slot) do update
      set event_id = excluded.event_id, all_day = excluded.all_day, starts_at = excluded.starts_at,
          ends_at = excluded.ends_at, floating = excluded.floating, transparent = excluded.transparent
      where (c.event_id, c.all_day, c.starts_at, c.ends_at, c.floating, c.transparent) is distinct from
        (excluded.event_id, excluded.all_day, excluded.starts_at, excluded.ends_at, excluded.floating,
         excluded.transparent)`;
}

/** Adds occurrences; what is there already is right, and is not even locked. */
export async function addOccurrences(
  tx: Transaction,
  calendar: { id: CalendarId; userId: string },
  rows: readonly OccurrenceRow[],
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_occurrences (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
      floating, transparent)
    select ${calendar.id}::uuid, owner_id, slot, event_id, ${calendar.userId}, all_day, starts_at, ends_at, floating,
      transparent
    from json_to_recordset(${JSON.stringify(rows)}::json) as x(owner_id uuid, slot text, event_id uuid, all_day boolean,
      starts_at timestamptz, ends_at timestamptz, floating boolean, transparent boolean)
    on conflict (owner_id, slot) do nothing`;
}
