/** The mirror's deletions, a page at a time: what is gone, the feed rows that say so, and what it was. */
import { Prisma } from '../generated/client';
import { appliedOf, nothing, type Applied, type AppliedRow, type Evidence } from './evidence.ts';
import { keepDeletions } from './revisions.ts';
import type { Transaction } from './transaction.ts';

/** An event that is gone. With a series and slot, an occurrence that no longer takes place. */
export interface GoneRow {
  id: string;
  provider_event_id: string;
  provider_version: string | null;
  provider_series_id: string | null;
  slot: string | null;
  original_start: unknown;
  all_day: boolean;
  start_date: string | null;
  starts_at: string | null;
  start_local: string | null;
  start_time_zone: string | null;
  raw: string;
}

/**
 * Stores what is gone. A cancelled occurrence is remembered even when it was never seen before: it blocks its slot
 * for as long as its series lives. With a series go its exceptions, but for those that the same page shows `alive`:
 * somebody who left a series may still be invited to one of its days.
 */
export async function deleteEvents(
  tx: Transaction,
  evidence: Evidence,
  rows: readonly GoneRow[],
  alive: readonly string[] = [],
): Promise<Applied> {
  if (rows.length === 0) return nothing;
  // Whoever deletes an event here keeps it with the write; what goes with its series is nobody's wish of its own.
  const deletedIds = Prisma.sql`select old_id as id from judged
      where verdict = 'delete' and old_deleted_at is null and ${evidence.origin}::text = 'provider'
    union all select id from orphaned where was_live`;
  const result = await tx.$queryRaw<AppliedRow[]>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as x(
        id uuid, provider_event_id text, provider_version text, provider_series_id text, slot text,
        original_start jsonb, all_day boolean, start_date date, starts_at timestamptz, start_local timestamp,
        start_time_zone text, raw text)
    ),
    judged as materialized (
      select i.*, o.id as old_id, o.kind as old_kind, o.provider_series_id as old_series, o.version as old_version,
        -- A column, since row-level security keeps an expression out of the index condition (64 s for 1,000 rows).
        coalesce(i.provider_series_id, o.provider_series_id) as any_series, o.deleted_at as old_deleted_at,
        case when o.id is null then case when i.slot is null then 'unknown' else 'block' end
             when o.written_seq > ${evidence.writeSeq} then
               case when o.provider_version is not distinct from i.provider_version then 'stamp' else 'recheck' end
             when o.deleted_at is not null and o.slot_cancelled = (i.slot is not null and o.kind = 'exception') then 'stamp'
             else 'delete' end as verdict
      from input i
      left join lateral (
        select * from calendar_events e
         where e.calendar_id = ${evidence.calendarId}::uuid and e.provider_event_id = i.provider_event_id limit 1
      ) o on true
    ),
    -- The exceptions of a series that goes; those that the page names itself are left to their own line.
    orphaned as materialized (
      select e.id, e.version, j.old_id as series_id, e.deleted_at is null as was_live
      from judged j join calendar_events e
        on e.calendar_id = ${evidence.calendarId}::uuid and e.provider_series_id = j.provider_event_id
      where j.verdict = 'delete' and j.old_kind = 'series' and (e.deleted_at is null or e.slot_cancelled)
        and e.written_seq <= ${evidence.writeSeq}
        and not exists (select from input i where i.provider_event_id = e.provider_event_id)
        and (e.provider_event_id is null or e.provider_event_id <> all(${[...alive]}::text[]))
    ),
    blocked as (
      insert into calendar_events (id, user_id, calendar_id, provider_event_id, provider_version, provider_series_id,
        kind, slot, original_start, status, all_day, start_date, end_date, starts_at, ends_at, start_local, end_local,
        start_time_zone, end_time_zone, visibility, transparency, event_type, fingerprint, raw, created_at, updated_at,
        deleted_at, slot_cancelled, generation, last_confirmed_at, written_seq)
      select id, ${evidence.userId}, ${evidence.calendarId}::uuid, provider_event_id, provider_version,
        provider_series_id, 'exception', slot, original_start, 'cancelled', all_day, start_date, start_date,
        starts_at, starts_at, start_local, start_local, start_time_zone, start_time_zone, 'default', 'opaque',
        'default', '\\x'::bytea, raw, ${evidence.at}, ${evidence.at}, ${evidence.at}, true, ${evidence.generation}, ${evidence.at}, ${evidence.writtenSeq}
      from judged where verdict = 'block'
    ),
    gone as (
      update calendar_events e
         set status = 'cancelled', deleted_at = ${evidence.at}, held_at = null, recheck_at = null,
             slot_cancelled = j.slot is not null and e.kind = 'exception',
             provider_version = coalesce(j.provider_version, e.provider_version), version = e.version + 1,
             updated_at = ${evidence.at}, generation = ${evidence.generation},
             last_confirmed_at = ${evidence.at}, written_seq = greatest(e.written_seq, ${evidence.writtenSeq})
        from judged j where e.id = j.old_id and j.verdict = 'delete'
    ),
    gone_with_series as (
      update calendar_events e
         set status = 'cancelled', deleted_at = coalesce(e.deleted_at, ${evidence.at}), held_at = null,
             slot_cancelled = false, slot_was_cancelled = e.slot_cancelled, recheck_at = null, version = e.version + 1, updated_at = ${evidence.at}, generation = ${evidence.generation},
             last_confirmed_at = ${evidence.at}
        from orphaned o where e.id = o.id
    ),
    stamped as (
      update calendar_events e
         set generation = ${evidence.generation}, last_confirmed_at = ${evidence.at},
             recheck_at = case when j.verdict = 'recheck' then ${evidence.at} else e.recheck_at end
        from judged j where e.id = j.old_id and j.verdict in ('stamp', 'recheck')
    ),
    no_longer_occurring as (
      delete from calendar_occurrences c
       where c.event_id in (select old_id from judged where verdict = 'delete' union all select id from orphaned)
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
        origin)
      select ${evidence.at}::timestamptz, ${evidence.userId}::text, 'deleted', coalesce(old_id, id), ${evidence.calendarId}::uuid,
        ${evidence.accountId}::uuid,
        (select s.id from calendar_events s where s.calendar_id = ${evidence.calendarId}::uuid
          and s.provider_event_id = j.any_series),
        coalesce(old_version + 1, 1), '{status}'::text[], ${evidence.origin}::text
      from judged j where verdict in ('block', 'delete')
      union all
      select ${evidence.at}::timestamptz, ${evidence.userId}::text, 'deleted', id, ${evidence.calendarId}::uuid,
        ${evidence.accountId}::uuid, series_id, version + 1, '{status}'::text[], ${evidence.origin}::text
      from orphaned where was_live
    ),
    kept as (${keepDeletions(evidence, deletedIds)})
    select 0 as created, 0 as updated,
           ((count(*) filter (where verdict in ('block', 'delete'))) + (select count(*) from orphaned where was_live))::int as deleted, false as revived,
           array_remove(
             array_agg(distinct coalesce(provider_series_id, old_series)) filter (where verdict in ('block', 'delete'))
             || array_agg(distinct provider_event_id) filter (where verdict = 'delete' and old_kind = 'series'),
             null) as series
    from judged`;
  return appliedOf(result);
}
