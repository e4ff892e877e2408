/**
 * Occurrences of series that their provider expands itself. Pages add and update instances, and note their series;
 * nothing is removed before a look that showed the series whole.
 */
import type { CalendarId } from '@calfleet/domain';
import type { Evidence } from './evidence.ts';
import type { Transaction } from './transaction.ts';

/** A place in a series, as it travels to Postgres inside one JSON text. */
export interface InstanceRow {
  /** Provider ids: of the series, and of the exception that stands here; null is a plain occurrence. */
  series: string;
  exception: string | null;
  slot: string;
  /** The plain occurrence's own id at the provider. */
  instance: string | null;
  all_day: boolean;
  /** Null for an exception, whose row knows. */
  starts_at: string | null;
  ends_at: string | null;
}

/** What shows the instances: a page of a round, or a single read. */
export interface Look {
  /** Stamped on what it shows. */
  id: string;
  /** Set for pages: the series they name are noted for the end of this round. */
  roundId: string | null;
}

/**
 * Stores the instances, and notes the named `series`. An exception stands under its series' name, or alone without it;
 * its times are those of its row. A series that shows new plain occurrences, and of which nothing was said in this
 * transaction, is said to be updated.
 */
export async function storeInstances(
  tx: Transaction,
  evidence: Evidence,
  look: Look,
  { rows, series }: { rows: readonly InstanceRow[]; series: readonly string[] },
): Promise<number> {
  if (series.length === 0) return 0;
  const result = await tx.$queryRaw<{ changed: number }[]>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as x(series text, exception text, slot text,
        instance text, all_day boolean, starts_at timestamptz, ends_at timestamptz)
    ),
    masters as materialized (
      select id, provider_event_id, transparency from calendar_events
       where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...series]}::text[])
         and kind = 'series' and deleted_at is null
    ),
    placed as materialized (
      select distinct on (owner_id, slot) *
      from (
        select coalesce(m.id, x.id) as owner_id, case when m.id is null then '' else coalesce(x.slot, i.slot) end as slot,
          coalesce(x.id, m.id) as event_id, x.id is not null as is_exception, m.id as master_id, i.instance,
          coalesce(x.all_day, i.all_day) as all_day,
          coalesce(x.starts_at, x.start_date::timestamp at time zone 'UTC', x.start_local at time zone 'UTC',
            i.starts_at) as starts_at,
          coalesce(x.ends_at, x.end_date::timestamp at time zone 'UTC', x.end_local at time zone 'UTC',
            i.ends_at) as ends_at,
          coalesce(x.transparency, m.transparency) = 'transparent' as transparent
        from input i
        left join masters m on m.provider_event_id = i.series
        left join lateral (
          select * from calendar_events e
           where e.calendar_id = ${evidence.calendarId}::uuid and e.provider_event_id = i.exception
             and e.kind = 'exception' and e.deleted_at is null limit 1
        ) x on true
        where x.id is not null or (m.id is not null and i.exception is null)
      ) p
      order by owner_id, slot, is_exception desc
    ),
    judged as materialized (
      select p.*, p.starts_at < ${evidence.windowEnd} and p.ends_at >= ${evidence.windowStart} as inside,
        o.event_id as old_event_id,
        (o.event_id, o.all_day, o.starts_at, o.ends_at) is distinct from (p.event_id, p.all_day, p.starts_at, p.ends_at)
          as differs
      from placed p left join calendar_occurrences o on o.owner_id = p.owner_id and o.slot = p.slot
    ),
    written as (
      insert into calendar_occurrences as c (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
        transparent, provider_instance_id, seen_round)
      select ${evidence.calendarId}::uuid, owner_id, slot, event_id, ${evidence.userId}, all_day, starts_at, ends_at,
        transparent, instance, ${look.id}::uuid
      from judged where inside
      on conflict (owner_id, slot) do update
        set event_id = excluded.event_id, all_day = excluded.all_day, starts_at = excluded.starts_at,
            ends_at = excluded.ends_at, transparent = excluded.transparent,
            provider_instance_id = excluded.provider_instance_id, seen_round = excluded.seen_round
    ),
    left_window as (
      delete from calendar_occurrences c using judged j
       where not j.inside and c.owner_id = j.owner_id and c.slot = j.slot
    ),
    -- An exception stands once: it may have found its series, or outlived it.
    stood_elsewhere as (
      delete from calendar_occurrences c using judged j
       where j.is_exception and c.event_id = j.event_id and (c.owner_id, c.slot) <> (j.owner_id, j.slot)
    ),
    -- An exception whose place another one took in a page: it is looked at. What a look shows is not looked at again.
    displaced as (
      update calendar_events e set recheck_at = ${evidence.at}
        from judged j
       where ${look.roundId}::uuid is not null and not e.local_only and e.id = j.old_event_id and j.old_event_id <> j.event_id and e.kind = 'exception' and e.deleted_at is null
         and e.id not in (select event_id from judged)
    ),
    unsaid as materialized (
      select m.id from masters m
       where exists (select from judged j where j.master_id = m.id and not j.is_exception and j.inside and j.differs)
         and not exists (select from calendar_changes c where c.at = ${evidence.at} and c.user_id = ${evidence.userId}
           and c.xid = pg_current_xact_id() and c.event_id = m.id)
    ),
    noted as (
      update calendar_events e
         set noted_round = coalesce(${look.roundId}::uuid, e.noted_round),
             version = e.version + case when u.id is null then 0 else 1 end,
             updated_at = case when u.id is null then e.updated_at else ${evidence.at} end
        from masters m left join unsaid u on u.id = m.id
       where e.id = m.id
         and (u.id is not null or (${look.roundId}::uuid is not null and e.noted_round is distinct from ${look.roundId}::uuid))
      returning e.id, e.version
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, version, fields, origin)
      select ${evidence.at}::timestamptz, ${evidence.userId}::text, 'updated', n.id, ${evidence.calendarId}::uuid,
        ${evidence.accountId}::uuid, n.version, '{occurrences}'::text[], 'provider'
      from noted n join unsaid u on u.id = n.id
    )
    select count(*)::int as changed from unsaid`;
  await alignTransparency(tx, evidence.calendarId, series);
  return result[0]?.changed ?? 0;
}

/** A series or an exception that became a single event, or the other way round, leaves nothing behind of what it was. */
export async function clearKind(
  tx: Transaction,
  evidence: Evidence,
  { series: providerEventIds, singles }: { series: readonly string[]; singles: readonly string[] },
): Promise<void> {
  if (providerEventIds.length === 0) return;
  await tx.$executeRaw`
    delete from calendar_occurrences c using calendar_events e
     where e.calendar_id = ${evidence.calendarId}::uuid and e.provider_event_id = any(${[...singles]}::text[])
       and c.event_id = e.id and c.owner_id <> e.id`;
  await tx.$executeRaw`
    with named as materialized (
      select id, kind, provider_event_id from calendar_events
       where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
    ),
    cleared as (
      delete from calendar_occurrences o using named n
       where o.owner_id = n.id and (o.slot = '') = (n.kind = 'series')
    )
    update calendar_events e set recheck_at = ${evidence.at}
      from named n
     where e.calendar_id = ${evidence.calendarId}::uuid and e.provider_series_id = n.provider_event_id
       and n.kind <> 'series' and e.deleted_at is null and not e.local_only`;
}

/** Plain occurrences are as free or busy as their series. */
async function alignTransparency(
  tx: Transaction,
  calendarId: CalendarId,
  series: readonly string[],
): Promise<void> {
  await tx.$executeRaw`
    update calendar_occurrences o set transparent = m.transparency = 'transparent'
      from calendar_events m
     where m.calendar_id = ${calendarId}::uuid and m.provider_event_id = any(${[...series]}::text[])
       and m.kind = 'series' and o.owner_id = m.id and o.event_id = m.id
       and o.transparent <> (m.transparency = 'transparent')`;
}

/** Live exceptions among ids that are shown as plain occurrences: they are exceptions no more. */
export async function exceptionsAmong(
  tx: Transaction,
  calendarId: CalendarId,
  providerEventIds: readonly string[],
): Promise<string[]> {
  if (providerEventIds.length === 0) return [];
  const rows = await tx.$queryRaw<{ provider_event_id: string }[]>`
    select provider_event_id from calendar_events
     where calendar_id = ${calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
       and kind = 'exception' and deleted_at is null`;
  return rows.map((row) => row.provider_event_id);
}

/** What is not shown any more is looked at: events by their id, instances by way of their series. */
export async function lookAtAbsent(
  tx: Transaction,
  evidence: Evidence,
  providerEventIds: readonly string[],
): Promise<void> {
  if (providerEventIds.length === 0) return;
  await tx.$executeRaw`
    update calendar_events e set recheck_at = ${evidence.at}, absent_at = ${evidence.at}
      from (
        select id from calendar_events
         where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
        union
        select owner_id from calendar_occurrences
         where calendar_id = ${evidence.calendarId}::uuid
           and provider_instance_id = any(${[...providerEventIds]}::text[])
      ) asked
     where e.id = asked.id and e.deleted_at is null and not e.local_only`;
}

/** The end of a round: noted series of which it did not show every stored instance are looked at. */
export async function lookAtIncomplete(
  tx: Transaction,
  evidence: Evidence,
  round: { id: string; asked: { start: Date; end: Date } },
): Promise<void> {
  await tx.$executeRaw`
    with noted as materialized (
      select e.id, exists (select from calendar_occurrences o
          where o.owner_id = e.id and o.seen_round is distinct from ${round.id}::uuid
            and not exists (select from calendar_events k where k.id = o.event_id and k.provider_event_id is null)
            and o.starts_at < ${round.asked.end} and o.ends_at > ${round.asked.start})
        -- With no day of its own it was only ever shown in part.
        or not exists (select from calendar_occurrences o where o.owner_id = e.id and o.event_id = e.id) as incomplete
      from calendar_events e
      where e.noted_round = ${round.id}::uuid and e.calendar_id = ${evidence.calendarId}::uuid and e.deleted_at is null
    )
    update calendar_events e
       set noted_round = null, recheck_at = case when n.incomplete then ${evidence.at} else e.recheck_at end
      from noted n where e.id = n.id`;
}

/**
 * A look showed these series whole: instances that it did not show are gone. Exceptions that it did not show may have
 * left the window, and are looked at themselves.
 */
export async function removeUnshown(
  tx: Transaction,
  evidence: Evidence,
  look: Look & { window: { start: Date; end: Date } },
  series: readonly string[],
): Promise<void> {
  if (series.length === 0) return;
  await tx.$executeRaw`
    with masters as materialized (
      select id, provider_event_id from calendar_events
       where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...series]}::text[])
         and kind = 'series' and deleted_at is null
    ),
    gone as (
      delete from calendar_occurrences o using masters m
       where o.owner_id = m.id and o.seen_round is distinct from ${look.id}::uuid
         -- Of what lies outside the asked window, the answer says nothing.
         and o.starts_at < ${look.window.end} and o.ends_at > ${look.window.start}
         and not exists (select from calendar_events k
           where k.id = o.event_id and (k.local_only or k.provider_event_id is null))
      returning o.owner_id, o.event_id
    ),
    unshown as (
      update calendar_events e set recheck_at = ${evidence.at}
        from masters m
       where e.calendar_id = ${evidence.calendarId}::uuid and e.provider_series_id = m.provider_event_id
         and e.kind = 'exception' and e.deleted_at is null and not e.local_only
         and not exists (select from calendar_occurrences o
           where o.event_id = e.id and o.seen_round = ${look.id}::uuid)
    ),
    changed as (
      update calendar_events e set version = e.version + 1, updated_at = ${evidence.at}
       where e.id in (select owner_id from gone where owner_id = event_id)
      returning e.id, e.version
    )
    insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, version, fields, origin)
    select ${evidence.at}::timestamptz, ${evidence.userId}::text, 'updated', id, ${evidence.calendarId}::uuid,
      ${evidence.accountId}::uuid, version, '{occurrences}'::text[], 'provider' from changed`;
}

/** A window has moved on: occurrences that lie outside it are dropped, and nothing is said of them. */
export async function trimToWindow(tx: Transaction, evidence: Evidence): Promise<void> {
  await tx.$executeRaw`
    delete from calendar_occurrences
     where user_id = ${evidence.userId} and calendar_id = ${evidence.calendarId}::uuid
       and ((starts_at < ${evidence.windowStart} and ends_at < ${evidence.windowStart})
         or starts_at >= ${evidence.windowEnd})`;
}

/**
 * Live events without an occurrence in the window have left it: they are `expired`, not deleted. `among`: only these
 * provider ids; null: the whole calendar, and what is held as well, since there is nothing left to decide.
 */
export async function expireOutside(
  tx: Transaction,
  evidence: Evidence,
  among: readonly string[] | null,
): Promise<number> {
  return tx.$executeRaw`
    with outside as (
      update calendar_events e
         set deleted_at = ${evidence.at}, version = e.version + 1, updated_at = ${evidence.at}, recheck_at = null,
             slot_cancelled = false, held_at = null
       where e.calendar_id = ${evidence.calendarId}::uuid and e.deleted_at is null and not e.local_only
         and e.provider_event_id is not null and (e.held_at is null or ${among === null})
         and (${among === null} or e.provider_event_id = any(${[...(among ?? [])]}::text[]))
         -- What is about to be looked at is not judged before.
         and e.recheck_at is null
         and not exists (select from calendar_occurrences o where o.event_id = e.id)
         and not exists (select from calendar_occurrences o where o.owner_id = e.id)
      returning e.id, e.version, e.provider_series_id
    )
    insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
      origin)
    select ${evidence.at}::timestamptz, ${evidence.userId}::text, 'expired', o.id, ${evidence.calendarId}::uuid,
      ${evidence.accountId}::uuid,
      (select s.id from calendar_events s where s.calendar_id = ${evidence.calendarId}::uuid
        and s.provider_event_id = o.provider_series_id), o.version, '{}'::text[], 'provider'
    from outside o`;
}

/**
 * Absence proves nothing of what lies outside the window that is judged, nor of exceptions whose series was seen: those
 * are the business of {@link lookAtIncomplete}. They count as seen.
 */
export async function excuseUnjudged(
  tx: Transaction,
  evidence: Evidence,
  judged: { start: Date; end: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events e set generation = ${evidence.generation}
     where e.calendar_id = ${evidence.calendarId}::uuid and e.deleted_at is null and e.generation < ${evidence.generation}
       and (not exists (select from calendar_occurrences o
              where (o.event_id = e.id or o.owner_id = e.id) and o.starts_at < ${judged.end} and o.ends_at > ${judged.start})
         or (e.kind = 'exception' and exists (select from calendar_events s
              where s.calendar_id = e.calendar_id and s.provider_event_id = e.provider_series_id
                and s.deleted_at is null and s.generation = ${evidence.generation})))`;
}

/** What a full round did not see is looked at, one by one, before it is believed to be gone. */
export async function lookAtUnseen(tx: Transaction, evidence: Evidence): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set recheck_at = ${evidence.at}, absent_at = ${evidence.at}
     where calendar_id = ${evidence.calendarId}::uuid and deleted_at is null and not local_only and held_at is null
       and generation < ${evidence.generation} and provider_event_id is not null`;
}

/** Rows that were read and have to be read again, as series or later. */
export async function lookAgainAt(
  tx: Transaction,
  calendarId: CalendarId,
  providerEventIds: readonly string[],
  at: Date,
): Promise<void> {
  if (providerEventIds.length === 0) return;
  await tx.$executeRaw`
    update calendar_events set recheck_at = ${at}
     where calendar_id = ${calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
       and deleted_at is null and not local_only`;
}

/**
 * A list left these out, and a look found them alive: it may have been answered by a copy that is behind. They are
 * looked at again half a minute and three minutes after they were missed, and then believed.
 */
export async function doubtLife(
  tx: Transaction,
  evidence: Evidence,
  providerEventIds: readonly string[],
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events
       set recheck_at = case when ${evidence.at} < absent_at + interval '30 seconds' then absent_at + interval '30 seconds'
                             when ${evidence.at} < absent_at + interval '3 minutes' then absent_at + interval '3 minutes' end,
           absent_at = case when ${evidence.at} < absent_at + interval '3 minutes' then absent_at end
     where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
       and absent_at is not null and recheck_at is null and deleted_at is null`;
}
