/** What the API does with a user's wish, in a world over the memory provider. */
import { findSlot, readStoredEvent, type StoredEvent, type Transaction, type WriteState } from '@calfleet/db';
import { blankFields, type EventId, type EventPatch, type WritableFields } from '@calfleet/domain';
import {
  isVacant,
  splitAt,
  takeBackUntold,
  writeChange,
  writeDeletion,
  writeFollowing,
  writeNewEvent,
  writeOccurrence,
  writeOccurrenceDeletion,
  type Occurrence,
} from '../src/index.ts';
import type { World } from './world.ts';

export interface Wished {
  eventId: EventId;
  writeId: string;
}

export function localWrites(world: Pick<World, 'deps' | 'real' | 'userId' | 'accountId' | 'calendarId'>) {
  const { deps, userId, accountId, calendarId } = world;
  const calendar = { id: calendarId, userId, accountId };
  const asUser = { role: 'api' as const, userId, calendars: [calendarId] };
  const ring = (): Promise<unknown> => deps.jobs.enqueue('push-calendar', { calendarId });
  /** null: nothing takes place there. */
  const atSlot = async (
    seriesId: EventId,
    slot: string,
    write: (tx: Transaction, occurrence: Occurrence) => Promise<Wished | null>,
  ): Promise<Wished | null> => {
    const wished = await deps.db.transaction(asUser, async (tx) => {
      const found = await findSlot(tx, { userId, seriesId, slot });
      if (!found || found.series.deleted_at !== null || isVacant(found)) return null;
      return write(tx, { ...found, slot });
    });
    if (wished) await ring();
    return wished;
  };
  return {
    changeOccurrence: (seriesId: EventId, slot: string, patch: EventPatch): Promise<Wished | null> =>
      atSlot(seriesId, slot, (tx, occurrence) => writeOccurrence(tx, deps, calendar, { occurrence, patch })),
    removeOccurrence: (seriesId: EventId, slot: string): Promise<Wished | null> =>
      atSlot(seriesId, slot, (tx, occurrence) => writeOccurrenceDeletion(tx, deps, calendar, occurrence)),
    /** "This and following"; null: they do not take place. */
    changeFollowing: (seriesId: EventId, slot: string, patch: EventPatch | null): Promise<Wished | null> =>
      atSlot(seriesId, slot, async (tx, occurrence) => {
        const split = splitAt(deps, occurrence);
        if (!split || split.before.length === 0) return null;
        return writeFollowing(tx, deps, calendar, { occurrence, split, patch });
      }),
    takeBack: (event: StoredEvent): Promise<void> =>
      deps.db.transaction(asUser, (tx) => takeBackUntold(tx, deps, calendar, event)),
    create: async (fields: Pick<WritableFields, 'start' | 'end'> & EventPatch): Promise<Wished> => {
      const whole = { ...blankFields, ...fields };
      const wished = await deps.db.transaction(asUser, (tx) => writeNewEvent(tx, deps, calendar, whole));
      await ring();
      return wished;
    },
    change: async (id: EventId, patch: EventPatch): Promise<Wished | null> => {
      const wished = await deps.db.transaction(asUser, async (tx) => {
        const event = await readStoredEvent(tx, { userId, id });
        return event && event.deleted_at === null ? writeChange(tx, deps, calendar, { event, patch }) : null;
      });
      if (wished) await ring();
      return wished;
    },
    remove: async (id: EventId): Promise<Wished | null> => {
      const wished = await deps.db.transaction(asUser, async (tx) => {
        const event = await readStoredEvent(tx, { userId, id });
        return event && event.deleted_at === null ? writeDeletion(tx, deps, calendar, event) : null;
      });
      if (wished) await ring();
      return wished;
    },
    event: (id: EventId): Promise<StoredEvent | null> =>
      world.real.transaction(asUser, (tx) => readStoredEvent(tx, { userId, id })),
    eventIds: async (): Promise<EventId[]> => {
      const rows = await world.real.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ id: EventId }[]>`
          select id from calendar_events where calendar_id = ${calendarId}::uuid order by id`,
      );
      return rows.map(({ id }) => id);
    },
    writes: () =>
      world.real.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ id: string; op: string; state: WriteState; error: unknown }[]>`
          select id, op, state, error from calendar_writes where calendar_id = ${calendarId}::uuid order by id`,
      ),
    conflicts: () =>
      world.real.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<
          { fields: string[]; local: unknown; provider: unknown; status: string; resolution: string | null }[]
        >`
          select fields, local, provider, status, resolution from calendar_sync_conflicts
           where calendar_id = ${calendarId}::uuid order by id`,
      ),
    /** What the feed said, oldest first. */
    told: () =>
      world.real.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ kind: string; origin: string; fields: string[] }[]>`
          select kind, origin, fields from calendar_changes
           where calendar_id = ${calendarId}::uuid and event_id is not null order by xid, seq`,
      ),
  };
}
