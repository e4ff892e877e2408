/** Single occurrences of a series as a user of ours wants them: where they stand, and what replaces them. */
import type { CalendarId, EventId, Slot } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Evidence } from './evidence.ts';
import { readStoredEvent, storedColumns, type LocalChange, type StoredEvent } from './local-events.ts';
import type { Transaction } from './transaction.ts';
import { hasUnsettledWrites } from './writes.ts';

/** Where an occurrence stands; all-day and floating bounds as if their zone were UTC. */
export interface PlacedSlot {
  starts_at: Date;
  ends_at: Date;
}

export interface FoundSlot {
  series: StoredEvent;
  /** What replaces the occurrence, or empties its slot. */
  exception: StoredEvent | null;
  /** Null: it does not take place, or not in the window. */
  placed: PlacedSlot | null;
}

/** By what a series is named as that of its exceptions: its provider's id, or ours while there is none. */
export const familyName = ({
  id,
  provider_event_id,
}: Pick<StoredEvent, 'id' | 'provider_event_id'>): string => provider_event_id ?? id;

/** Locks the rows until the transaction ends. @returns null: the user has no such series */
export async function findSlot(
  tx: Transaction,
  of: { userId: string; seriesId: EventId; slot: Slot },
): Promise<FoundSlot | null> {
  const series = await readStoredEvent(tx, { userId: of.userId, id: of.seriesId });
  if (series?.kind !== 'series') return null;
  const exceptions = await tx.$queryRaw<StoredEvent[]>`
    select ${storedColumns} from calendar_events e
     where e.calendar_id = ${series.calendar_id}::uuid and e.provider_series_id = ${familyName(series)}
       and e.slot = ${of.slot} and e.kind = 'exception'
     order by e.deleted_at is not null, e.slot_cancelled desc, e.id limit 1 for update`;
  const placed = await tx.$queryRaw<PlacedSlot[]>`
    select starts_at, ends_at from calendar_occurrences
     where owner_id = ${series.id}::uuid and slot = ${of.slot}`;
  return { series, exception: exceptions[0] ?? null, placed: placed[0] ?? null };
}

/** Exceptions of a series at a slot and after it, in order; those that empty their slot, too. Locks the rows. */
export async function exceptionsFrom(
  tx: Transaction,
  series: StoredEvent,
  { slot, limit }: { slot: Slot; limit: number },
): Promise<StoredEvent[]> {
  return tx.$queryRaw<StoredEvent[]>`
    select ${storedColumns} from calendar_events e
     where e.calendar_id = ${series.calendar_id}::uuid and e.provider_series_id = ${familyName(series)}
       and e.kind = 'exception' and e.slot collate "C" >= ${slot} and (e.deleted_at is null or e.slot_cancelled)
     order by e.slot collate "C" limit ${limit} for update`;
}

/**
 * Exceptions that went with their series when it was deleted, in order; `slot_cancelled` says what it was then. Locks the
 * rows.
 */
export async function exceptionsGoneWith(
  tx: Transaction,
  series: StoredEvent,
  limit: number,
): Promise<StoredEvent[]> {
  const rows = await tx.$queryRaw<(StoredEvent & { was_empty: boolean })[]>`
    select ${storedColumns}, e.slot_was_cancelled as was_empty from calendar_events e
     where e.calendar_id = ${series.calendar_id}::uuid and e.provider_series_id = ${familyName(series)}
       and e.kind = 'exception' and e.slot is not null
       and (e.deleted_at = ${series.deleted_at} or e.slot_was_cancelled)
     order by e.slot collate "C" limit ${limit} for update`;
  return rows.map(({ was_empty, ...row }) => ({ ...row, slot_cancelled: was_empty }));
}

/** Slots of a series, from one on, that are shown. */
export async function slotsFrom(tx: Transaction, seriesId: EventId, slot: Slot): Promise<Set<Slot>> {
  const rows = await tx.$queryRaw<{ slot: Slot }[]>`
    select slot from calendar_occurrences where owner_id = ${seriesId}::uuid and slot collate "C" >= ${slot}`;
  return new Set(rows.map((row) => row.slot));
}

/** An event that takes the place of an occurrence, or moved. `place` null: it takes place no more, or not in the window. */
export async function placeOccurrence(
  tx: Transaction,
  change: LocalChange,
  event: { id: EventId; seriesId: EventId; slot: Slot },
  place: {
    startsAt: string;
    endsAt: string;
    allDay: boolean;
    floating: boolean;
    transparent: boolean;
  } | null,
): Promise<void> {
  if (!place) {
    await tx.$executeRaw`
      delete from calendar_occurrences
       where event_id = ${event.id}::uuid or (owner_id = ${event.seriesId}::uuid and slot = ${event.slot})`;
    return;
  }
  await tx.$executeRaw`
    insert into calendar_occurrences as c (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
      floating, transparent)
    values (${change.calendarId}::uuid, ${event.seriesId}::uuid, ${event.slot}, ${event.id}::uuid, ${change.userId},
      ${place.allDay}, ${place.startsAt}::timestamptz, ${place.endsAt}::timestamptz, ${place.floating},
      ${place.transparent})
    on conflict (owner_id, slot) do update
      set event_id = excluded.event_id, all_day = excluded.all_day, starts_at = excluded.starts_at,
          ends_at = excluded.ends_at, floating = excluded.floating, transparent = excluded.transparent`;
}

/** Under which name an exception takes place: its series' where that is there, else its own. */
export async function ownerOf(tx: Transaction, event: StoredEvent): Promise<EventId> {
  if (event.local_series_id !== null) return event.local_series_id;
  const [series] = await tx.$queryRaw<{ id: EventId }[]>`
    select id from calendar_events where calendar_id = ${event.calendar_id}::uuid
      and provider_event_id = ${event.provider_series_id} and kind = 'series' and deleted_at is null`;
  return series?.id ?? event.id;
}

/** A series ends before this slot. */
export async function cutOccurrences(tx: Transaction, seriesId: EventId, slot: Slot): Promise<void> {
  await tx.$executeRaw`
    delete from calendar_occurrences where owner_id = ${seriesId}::uuid and slot collate "C" >= ${slot}`;
}

/** Occurrences of an event are as free or busy as it is. */
export async function alignOccurrences(
  tx: Transaction,
  event: { id: EventId; transparent: boolean },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_occurrences set transparent = ${event.transparent} where event_id = ${event.id}::uuid`;
}

/** An exception as a page shows it. */
export interface ShownSlot {
  provider_event_id: string;
  provider_series_id: string;
  slot: Slot;
}

/** Occurrences that were changed here before they had a name at their provider get the one that a page shows. */
export async function nameOccurrences(
  tx: Transaction,
  calendarId: CalendarId,
  shown: readonly ShownSlot[],
): Promise<void> {
  if (shown.length === 0) return;
  await tx.$executeRaw`
    update calendar_events e set provider_event_id = x.provider_event_id
      from json_to_recordset(${JSON.stringify(shown)}::json) as x(provider_event_id text, provider_series_id text,
        slot text)
     where e.calendar_id = ${calendarId}::uuid and e.provider_event_id is null and e.kind = 'exception'
       and e.provider_series_id = x.provider_series_id and e.slot = x.slot
       and not exists (select from calendar_events o
         where o.calendar_id = ${calendarId}::uuid and o.provider_event_id = x.provider_event_id)`;
}

/** Slots of these series that know better than a page, or wait to be told: what it shows there is not stored. */
export async function slotsKept(
  tx: Transaction,
  { calendarId, writeSeq }: Pick<Evidence, 'calendarId' | 'writeSeq'>,
  series: readonly string[],
): Promise<{ provider_series_id: string; slot: Slot }[]> {
  if (series.length === 0) return [];
  return tx.$queryRaw<{ provider_series_id: string; slot: Slot }[]>`
    select e.provider_series_id, e.slot from calendar_events e
     where e.calendar_id = ${calendarId}::uuid and e.provider_series_id = any(${[...series]}::text[])
       and e.kind = 'exception' and e.slot is not null
       and (e.written_seq > ${writeSeq} or ${hasUnsettledWrites(Prisma.sql`e.id`)})`;
}

/** A changed occurrence becomes an event that stands alone: its series is gone, or its slot. */
export async function detachOccurrence(tx: Transaction, id: EventId): Promise<void> {
  await tx.$executeRaw`
    update calendar_events
       set provider_event_id = null, kind = 'single', provider_series_id = null, local_series_id = null, slot = null,
           original_start = null, slot_cancelled = false
     where id = ${id}::uuid and kind = 'exception'`;
  await tx.$executeRaw`
    update calendar_occurrences set owner_id = event_id, slot = '' where event_id = ${id}::uuid and owner_id <> event_id`;
}

/** The slot of an occurrence that nobody replaces any more is the series' own again. */
export async function freeSlot(tx: Transaction, id: EventId): Promise<void> {
  await tx.$executeRaw`update calendar_events set slot_cancelled = false where id = ${id}::uuid`;
}
