/** Both sides of a calendar in a world over the memory provider. */
import { api, lockConflict, readStoredEvent, unsettledWrites } from '@calfleet/db';
import { slotOf, type EventId, type EventPatch, type RemoteEvent } from '@calfleet/domain';
import { resolveConflict, takeBackUntold } from '../src/index.ts';
import { occurrenceStart, shift } from './edits.ts';
import { localWrites } from './local-writes.ts';
import { textFields, type Decided, type Here, type Said, type There, type Word } from './two-way-commands.ts';
import type { World } from './world.ts';

/** What a local side needs of a world: any provider's will do. */
export type LocalWorld = Pick<World, 'deps' | 'real' | 'userId' | 'accountId' | 'calendarId'>;

export function hereIn(world: LocalWorld): Here {
  const { userId, calendarId } = world;
  const local = localWrites(world);
  return {
    events: async () => {
      const rows = await world.real.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<
          { id: EventId; kind: string; all_day: boolean; provider_event_id: string | null }[]
        >`
          select id, kind, all_day, provider_event_id from calendar_events
           where calendar_id = ${calendarId}::uuid and deleted_at is null and kind <> 'exception'
           order by created_at, id`,
      );
      return rows.map((row) => ({
        id: row.id,
        allDay: row.all_day,
        isSeries: row.kind === 'series',
        providerEventId: row.provider_event_id,
      }));
    },
    create: async ({ time, ...fields }) => (await local.create({ ...time, ...fields })).eventId,
    change: async (id, said) => (await local.change(id, patchOf(said))) !== null,
    remove: async (id) => (await local.remove(id)) !== null,
    changeOccurrence: async (seriesId, nth, said) => {
      const slot = await slotIn(world, seriesId, nth);
      return slot !== null && (await local.changeOccurrence(seriesId, slot, patchOf(said))) ? slot : null;
    },
    removeOccurrence: async (seriesId, nth) => {
      const slot = await slotIn(world, seriesId, nth);
      return slot !== null && (await local.removeOccurrence(seriesId, slot)) ? slot : null;
    },
    changeFollowing: async (seriesId, nth, said) => {
      const slot = await slotIn(world, seriesId, nth);
      if (slot === null) return null;
      const wished = await local.changeFollowing(seriesId, slot, said && patchOf(said));
      // One series ends, another begins, and its changed days are told one by one.
      return wished && { eventId: wished.eventId, wishes: 2 + (await daysOf(world, wished.eventId)) };
    },
    decide: (word, nth) => decide(world, word, nth),
    setStrategy: async (strategy) => {
      await world.real.transaction(
        { role: 'api', userId },
        (tx) => tx.$executeRaw`
          update calendars set conflict_strategy = ${strategy} where id = ${calendarId}::uuid`,
      );
    },
  };
}

/** The nth day on which a series takes place here. */
async function slotIn(
  { real, calendarId }: LocalWorld,
  seriesId: EventId,
  nth: number,
): Promise<string | null> {
  const rows = await real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ slot: string }[]>`
      select slot from calendar_occurrences
       where calendar_id = ${calendarId}::uuid and owner_id = ${seriesId}::uuid order by slot limit 4`,
  );
  return rows[nth % Math.max(1, rows.length)]?.slot ?? null;
}

/** How many days of a series stand for themselves. */
async function daysOf({ real, calendarId }: LocalWorld, seriesId: EventId): Promise<number> {
  const rows = await real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<unknown[]>`
      select 1 from calendar_events e join calendar_events s on s.id = ${seriesId}::uuid
       where e.calendar_id = ${calendarId}::uuid and e.kind = 'exception'
         and (e.local_series_id = s.id or e.provider_series_id = s.provider_event_id)`,
  );
  return rows.length;
}

export const patchOf = ({ time, ...texts }: Said): EventPatch => ({ ...texts, ...time });

/** As the API does it. */
async function decide(world: LocalWorld, word: Word, nth: number): Promise<Decided | null> {
  const { deps, userId, accountId, calendarId } = world;
  const calendar = { id: calendarId, userId, accountId };
  const now = deps.clock.now();
  const asUser = { role: 'api' as const, userId, calendars: [calendarId] };
  const decided = await world.real.transaction(asUser, async (tx) => {
    const all = { userId, after: null, limit: 100 };
    if (word === 'retry' || word === 'discard') {
      const rows = await api.listWrites(tx, { ...all, state: null });
      const open = rows.filter((row) => row.state === 'parked' || row.state === 'pending');
      const write = open[nth % Math.max(1, open.length)];
      if (!write) return null;
      const of = { userId, id: write.id, now };
      if (word === 'retry') await api.retryWrite(tx, of);
      else if (await api.discardWrite(tx, of)) {
        const event = await readStoredEvent(tx, { userId, id: write.event_id });
        if (event) await takeBackUntold(tx, deps, calendar, event);
      }
      return null;
    }
    const rows = await api.listConflicts(tx, { ...all, status: 'open' });
    const asked = rows[nth % Math.max(1, rows.length)];
    const conflict = asked && (await lockConflict(tx, asked.id));
    if (!conflict) return null;
    const { eventId, writeId } = conflict;
    const write = (await unsettledWrites(tx, [eventId])).find(({ id }) => id === writeId);
    await resolveConflict(tx, deps, calendar, { conflict, decision: { resolution: word }, by: userId });
    if (word === 'provider' || !write) return null;
    return { eventId, patch: write.op === 'delete' ? null : write.patch };
  });
  await deps.jobs.enqueue('recheck-events', { calendarId });
  await deps.jobs.enqueue('push-calendar', { calendarId });
  return decided;
}

export function thereIn({ cloud, providerCalendarId: calendar }: World): There {
  const live = (): RemoteEvent[] =>
    cloud.truth(calendar).flatMap((item) => (item.type === 'event' ? [item.event] : []));
  const find = (id: string) => live().find((event) => event.providerEventId === id);
  let made = 0;
  return {
    events: () =>
      live().map(({ providerEventId: id, kind, exceptionOf, fields }) => ({
        id,
        seriesId: exceptionOf?.providerSeriesId ?? null,
        allDay: fields.start.kind === 'date',
        isSeries: kind === 'series',
      })),
    shown: () => live().map(wordsOf).join(' '),
    titles: () => live().flatMap(({ kind, fields }) => (kind === 'exception' ? [] : (fields.summary ?? []))),
    // What is said of a day of a series that moves away has its cases in two-way-found.integration.test.ts.
    movesSeries: false,
    create: ({ time, ...fields }) => {
      const id = `made-${(made += 1)}`;
      cloud.put(calendar, { id, fields: { ...time, ...fields } });
      return id;
    },
    change: (id, said) => {
      cloud.patch(calendar, id, patchOf(said));
      return true;
    },
    remove: (id) => cloud.remove(calendar, id),
    changeOccurrence: (seriesId, nth, said) => {
      const series = find(seriesId);
      const start = occurrenceStart(series?.fields, nth);
      if (!series || !start) return null;
      const exceptionOf = { seriesId, originalStart: start };
      const id = `${seriesId}_${slotOf(start)}`;
      const stored = find(id)?.fields;
      if (stored) cloud.patch(calendar, id, patchOf(said));
      else {
        // It says nothing of its series' words: they are to be found where they were said.
        const fields = { start, end: shift(start, hoursOf(series)), ...patchOf(said) };
        cloud.put(calendar, { exceptionOf, fields });
      }
      return id;
    },
    cancelOccurrence: (seriesId, nth) => {
      const originalStart = occurrenceStart(find(seriesId)?.fields, nth);
      if (originalStart) cloud.cancelOccurrence(calendar, { seriesId, originalStart });
    },
  };
}

const hoursOf = ({ fields }: RemoteEvent): number => (fields.start.kind === 'date' ? 24 : 1);

/** The ledger's words: what texts there are, and when it begins. */
export function wordsOf({ fields }: RemoteEvent): string {
  const start = fields.start.kind === 'zoned' ? fields.start.instant : '';
  return [...textFields.map((field) => fields[field] ?? ''), start].join(' ');
}
