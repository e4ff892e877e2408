/**
 * What a full round no longer saw. Absence is judged here and nowhere else, and never past the brake without a
 * person's word (I10). The generation alone says what a round saw: whoever stores a row reads it in the same
 * transaction, so what is born during a round carries the round's own. Times would compare the clocks of two hosts.
 */
import { Prisma } from '../generated/client';
import type { Evidence } from './evidence.ts';
import { keepDeletions } from './revisions.ts';
import type { Transaction } from './transaction.ts';
import { hasUnsettledWrites } from './writes.ts';

/** Absence says nothing of what still has to be written: the write will find out. */
const unsettled = hasUnsettledWrites(Prisma.sql`e.id`);

export interface SweepSize {
  /** Rows that the round did not see and that nobody was asked about yet. */
  unseen: number;
  /** Rows that were held before, that a person said to delete, and that the round still did not see. */
  agreed: number;
  /** Live rows of the calendar. */
  live: number;
}

export interface SweepScope {
  evidence: Evidence;
  /** Held up to here: a person said to delete them. */
  agreedAt: Date | null;
}

export async function measureSweep(tx: Transaction, scope: SweepScope): Promise<SweepSize> {
  const rows = await tx.$queryRaw<SweepSize[]>`
    select (count(*) filter (where unseen and not held))::int as unseen,
           (count(*) filter (where unseen and agreed))::int as agreed, count(*)::int as live
    from (
      select generation < ${scope.evidence.generation} and provider_event_id is not null and not ${unsettled} as unseen,
             held_at is not null as held, coalesce(held_at <= ${scope.agreedAt}::timestamptz, false) as agreed
      from calendar_events e
      where calendar_id = ${scope.evidence.calendarId}::uuid and deleted_at is null and not local_only
    ) as mirrored`;
  return rows[0] ?? { unseen: 0, agreed: 0, live: 0 };
}

/** Deletes what the round did not see and is not held; of what is held, only what a person agreed to lose. */
export async function sweepUnseen(
  tx: Transaction,
  scope: SweepScope,
  which: 'all' | 'agreed',
): Promise<{ deleted: number; series: string[] }> {
  const { evidence } = scope;
  const rows = await tx.$queryRaw<{ deleted: number; series: string[] | null }[]>`
    with unseen as materialized (
      select id, kind, provider_event_id, provider_series_id, version from calendar_events e
       where calendar_id = ${evidence.calendarId}::uuid and deleted_at is null and not local_only
         and generation < ${evidence.generation}
         and provider_event_id is not null and not ${unsettled}
         and ((${which} = 'all' and held_at is null) or held_at <= ${scope.agreedAt}::timestamptz)
    ),
    gone as (
      update calendar_events e
         set status = 'cancelled', deleted_at = ${evidence.at}, held_at = null, version = e.version + 1,
             updated_at = ${evidence.at}
        from unseen u where e.id = u.id
    ),
    no_longer_occurring as (
      delete from calendar_occurrences c using unseen u where c.event_id = u.id
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
        origin)
      select ${evidence.at}, ${evidence.userId}, 'deleted', u.id, ${evidence.calendarId}::uuid,
        ${evidence.accountId}::uuid,
        (select s.id from calendar_events s where s.calendar_id = ${evidence.calendarId}::uuid
          and s.provider_event_id = u.provider_series_id), u.version + 1, '{status}'::text[], 'provider'
      from unseen u
    ),
    kept as (${keepDeletions(evidence, Prisma.sql`select id from unseen`)})
    select count(*)::int as deleted,
      array_agg(distinct case when kind = 'series' then provider_event_id else provider_series_id end)
        filter (where kind <> 'single') as series
    from unseen`;
  return { deleted: rows[0]?.deleted ?? 0, series: rows[0]?.series ?? [] };
}

/** What the round did not see and somebody still wants to write is asked about by itself: no page names it any more. */
export async function lookAtUnsettled(
  tx: Transaction,
  { evidence }: Pick<SweepScope, 'evidence'>,
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events e set recheck_at = ${evidence.at}
     where calendar_id = ${evidence.calendarId}::uuid and deleted_at is null and not local_only
       and generation < ${evidence.generation} and provider_event_id is not null and ${unsettled}`;
}

/** Keeps what the round did not see, visibly: a person decides. @returns how many are held in the calendar now */
export async function holdUnseen(tx: Transaction, scope: SweepScope): Promise<number> {
  const { evidence } = scope;
  await tx.$executeRaw`
    with unseen as materialized (
      select id, version, provider_series_id from calendar_events e
       where calendar_id = ${evidence.calendarId}::uuid and deleted_at is null and not local_only
         and generation < ${evidence.generation}
         and provider_event_id is not null and held_at is null and not ${unsettled}
    ),
    held as (
      update calendar_events e set held_at = ${evidence.at}, version = e.version + 1, updated_at = ${evidence.at}
        from unseen u where e.id = u.id
    )
    insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
      origin)
    select ${evidence.at}, ${evidence.userId}, 'updated', u.id, ${evidence.calendarId}::uuid,
      ${evidence.accountId}::uuid,
      (select s.id from calendar_events s where s.calendar_id = ${evidence.calendarId}::uuid
        and s.provider_event_id = u.provider_series_id), u.version + 1, '{held}'::text[], 'system'
    from unseen u`;
  return countHeld(tx, evidence.calendarId);
}

/** Nothing is held any more, since looks found it gone or alive: the calendar does not wait for a person. */
export async function settleHeld(tx: Transaction, calendarId: string): Promise<void> {
  await tx.$executeRaw`
    update calendars c set state = 'active'
     where c.id = ${calendarId}::uuid and c.state = 'deletes_held'
       and not exists (select from calendar_events e where e.calendar_id = c.id and e.held_at is not null)`;
}

export async function countHeld(tx: Transaction, calendarId: string): Promise<number> {
  const rows = await tx.$queryRaw<{ held: number }[]>`
    select count(*)::int as held from calendar_events where calendar_id = ${calendarId}::uuid and held_at is not null`;
  return rows[0]?.held ?? 0;
}

/**
 * Frees the slots of cancelled occurrences that the round no longer saw: the provider gives every cancelled occurrence of
 * a live series with a full list. https://developers.google.com/workspace/calendar/api/v3/reference/events/list
 * (showDeleted). @returns the living series whose slots were freed
 */
export async function freeUnseenSlots(tx: Transaction, scope: SweepScope): Promise<string[]> {
  const { evidence } = scope;
  const rows = await tx.$queryRaw<{ provider_event_id: string }[]>`
    with freed as (
      update calendar_events set slot_cancelled = false, updated_at = ${evidence.at}
       where calendar_id = ${evidence.calendarId}::uuid and slot_cancelled and generation < ${evidence.generation}
         -- Those that we emptied, and the round was asked before it was told of it.
         and written_seq <= ${evidence.writeSeq} and not ${hasUnsettledWrites(Prisma.sql`calendar_events.id`)}
      returning provider_series_id
    ),
    series as (
      update calendar_events s set version = s.version + 1, updated_at = ${evidence.at}
       where s.calendar_id = ${evidence.calendarId}::uuid and s.kind = 'series' and s.deleted_at is null
         and s.provider_event_id in (select provider_series_id from freed)
      returning s.id, s.version, s.provider_event_id
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, version, fields, origin)
      select ${evidence.at}, ${evidence.userId}, 'updated', id, ${evidence.calendarId}::uuid,
        ${evidence.accountId}::uuid, version, '{recurrence}'::text[], 'provider' from series
    )
    select provider_event_id from series`;
  return rows.map((row) => row.provider_event_id);
}
