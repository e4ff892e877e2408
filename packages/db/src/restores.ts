/** What bringing an event back needs to know of it, and of a deletion that is still on its way to the provider. */
import { newId, type EventFields, type EventId } from '@calfleet/domain';
import type { StoredEvent } from './local-events.ts';
import { familyName } from './local-occurrences.ts';
import type { Transaction } from './transaction.ts';
import { nameEvent } from './writes.ts';

/** What an event was after one of its revisions, as far as that differs from what it is. */
export interface PastEvent {
  /** Fields that changed since, with their values of then. */
  fields: Partial<EventFields>;
  /** Whether there was such an event; null: nothing came or went since. */
  existed: boolean | null;
  /** What was done last is a deletion. */
  endsDeleted: boolean;
  /** "This and following", done since: what goes on in the series' place, and when it was cut off. */
  cuts: { continuedBy: EventId; at: Date }[];
}

/**
 * Goes back from what an event is. Values of conflicts that did not stand are passed over.
 * @param of.revision also the one before the oldest that is kept: what the event was before it
 * @returns null: no such revision is kept
 */
export async function readPast(
  tx: Transaction,
  of: { userId: string; eventId: EventId; revision: number },
): Promise<PastEvent | null> {
  // Of each field, the first change since holds what it was.
  const [past] = await tx.$queryRaw<
    (Omit<PastEvent, 'fields' | 'cuts'> & { fields: PastEvent['fields'] | null; kept: boolean })[]
  >`
    with revisions as (
      select n, origin, before, after from calendar_event_revisions
       where event_id = ${of.eventId}::uuid and user_id = ${of.userId}
    ),
    changes as (
      select n, before, after from revisions where origin <> 'resolution'
    )
    select coalesce((select ${of.revision} between min(n) - 1 and max(n) from revisions), false) as kept,
      (select jsonb_object_agg(first.key, first.value) from (
         select distinct on (was.key) was.key, was.value
           from changes c cross join lateral jsonb_each(c.before) was
          where c.n > ${of.revision} order by was.key, c.n) first) as fields,
      (select before is not null from changes
        where n > ${of.revision} and (before is null or after is null) order by n limit 1) as existed,
      coalesce((select after is null from changes order by n desc limit 1), false) as "endsDeleted"`;
  if (!past?.kept) return null;
  const cuts = await tx.$queryRaw<PastEvent['cuts']>`
    select continued_by as "continuedBy", at from calendar_event_revisions
     where event_id = ${of.eventId}::uuid and user_id = ${of.userId} and n > ${of.revision} and continued_by is not null
     order by n`;
  return { ...past, fields: past.fields ?? {}, cuts };
}

/** Changed days of a series that went with what was cut off at this moment, and what each was. */
export async function daysCutOff(
  tx: Transaction,
  series: StoredEvent,
  { at, limit }: { at: Date; limit: number },
): Promise<{ id: EventId; revision: number }[]> {
  return tx.$queryRaw<{ id: EventId; revision: number }[]>`
    select e.id, (r.n - 1)::int as revision from calendar_events e join calendar_event_revisions r on r.event_id = e.id
     where e.calendar_id = ${series.calendar_id}::uuid and e.provider_series_id = ${familyName(series)}
       and e.kind = 'exception' and e.deleted_at is not null and r.at = ${at} and r.after is null
       and r.n = (select max(n) from calendar_event_revisions l where l.event_id = e.id)
     order by e.slot collate "C" limit ${limit}`;
}

/**
 * The provider may have done what it was told, so it has to be told until it says so; the event lives on without that
 * name. The deletion goes to a row of its own, which nobody has heard of.
 */
export async function giveDeletionAway(
  tx: Transaction,
  { event, deletionId }: { event: Pick<StoredEvent, 'id' | 'provider_event_id'>; deletionId: string },
): Promise<void> {
  const id = await leaveTombstone(tx, event);
  await tx.$executeRaw`
    update calendar_writes set event_id = ${id}::uuid where id = ${deletionId}::uuid`;
}

/** The event lives on without its name; a row of its own keeps that, and an emptied slot empty. @returns the row's id */
export async function leaveTombstone(
  tx: Transaction,
  event: Pick<StoredEvent, 'id' | 'provider_event_id'>,
): Promise<EventId> {
  const id = newId<EventId>();
  await nameEvent(tx, event.id, null);
  await tx.$executeRaw`
    insert into calendar_events (id, user_id, calendar_id, provider_event_id, provider_version, provider_series_id, kind,
      slot, original_start, status, summary, all_day, start_date, end_date, starts_at, ends_at, start_local, end_local,
      start_time_zone, end_time_zone, recurrence, visibility, transparency, event_type, fingerprint, raw, managed,
      created_at, updated_at, deleted_at, slot_cancelled, generation, last_confirmed_at, written_seq)
    select ${id}::uuid, user_id, calendar_id, ${event.provider_event_id}, provider_version, provider_series_id, kind,
      slot, original_start, 'cancelled', summary, all_day, start_date, end_date, starts_at, ends_at, start_local,
      end_local, start_time_zone, end_time_zone, recurrence, visibility, transparency, event_type, fingerprint, raw,
      managed, created_at, updated_at, coalesce(deleted_at, updated_at), kind = 'exception', generation,
      last_confirmed_at, written_seq
    from calendar_events where id = ${event.id}::uuid`;
  return id;
}

/** A deletion was taken back: no round that did not see the event meanwhile says that it is gone; it is looked at. */
export async function believeThere(tx: Transaction, id: EventId, at: Date): Promise<void> {
  await tx.$executeRaw`
    update calendar_events e set generation = c.generation, recheck_at = ${at}
      from calendars c where e.id = ${id}::uuid and c.id = e.calendar_id`;
}
