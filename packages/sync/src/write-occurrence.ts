/**
 * Local writes of one occurrence of a series. It becomes an event of its own, an exception, which is named by its slot
 * until its provider has a name for it.
 */
import { newId, type EventFields, type EventId, type EventPatch, type Slot } from '@calfleet/domain';
import {
  insertLocalEvent,
  insertWrite,
  keepRevision,
  sayLocalChange,
  updateLocalEvent,
  type FoundSlot,
  type LocalChange,
  type Transaction,
} from '@calfleet/db';
import { writableOf } from './event-row.ts';
import {
  changedFields,
  changeIn,
  localRow,
  placeInSlot,
  valuesOf,
  type Known,
  type LocalWriteDeps,
  type Written,
  type WrittenCalendar,
} from './local-row.ts';
import { plainOccurrence, slotOfSeries } from './occurrence-fields.ts';
import { writeChange, writeDeletion } from './write.ts';

/** As `findSlot` of the database gave it in this transaction, its series alive. */
export interface Occurrence extends FoundSlot {
  slot: Slot;
}

/** Whether the occurrence is called off, or there is none. */
export const isVacant = ({ exception, placed }: FoundSlot): boolean =>
  exception === null || exception.deleted_at !== null
    ? placed === null || exception?.slot_cancelled === true
    : false;

/**
 * @param wish.occurrence not vacant, or `revives`: it was called off, and is to take place again
 * @returns null: nothing changes
 */
export async function writeOccurrence(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { occurrence, patch, revives = false }: { occurrence: Occurrence; patch: EventPatch; revives?: boolean },
): Promise<Written | null> {
  const { series, exception, slot, placed } = occurrence;
  if (exception?.deleted_at === null) return writeChange(tx, deps, calendar, { event: exception, patch });
  const change = changeIn(calendar, deps.clock.now());
  const before = plainOccurrence(series, slot, placed);
  const after = { ...before, ...patch };
  const fields = changedFields(before, after);
  if (fields.length === 0 && !revives) return null;
  const eventId = await storeException(tx, change, occurrence, after);
  await placeInSlot(tx, change, { id: eventId }, { seriesId: series.id, slot, fields: after });
  const writeId = newId();
  await insertWrite(tx, change, {
    id: writeId,
    eventId,
    op: 'update',
    patch,
    base: writableOf(before),
    baseVersion: null,
    revives,
  });
  await keepRevision(tx, change, {
    eventId,
    origin: 'local',
    // A row that was deleted comes back.
    ...(exception
      ? { fields: ['status'], before: null, after }
      : { fields, before: valuesOf(before, fields), after: valuesOf(after, fields) }),
    writeId,
  });
  return { eventId, writeId };
}

/** @param occurrence not vacant */
export async function writeOccurrenceDeletion(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  occurrence: Occurrence,
): Promise<Written> {
  const { series, exception, slot, placed } = occurrence;
  if (exception?.deleted_at === null) return writeDeletion(tx, deps, calendar, exception);
  const change = changeIn(calendar, deps.clock.now());
  const before = plainOccurrence(series, slot, placed);
  const cancelled = { ...before, status: 'cancelled' as const };
  const eventId = await storeException(tx, change, occurrence, cancelled);
  await placeInSlot(tx, change, { id: eventId }, { seriesId: series.id, slot, fields: null });
  const writeId = newId();
  await insertWrite(tx, change, {
    id: writeId,
    eventId,
    op: 'delete',
    patch: {},
    base: writableOf(before),
    baseVersion: null,
  });
  await keepRevision(tx, change, {
    eventId,
    origin: 'local',
    fields: ['status'],
    before,
    after: null,
    writeId,
  });
  return { eventId, writeId };
}

/** A row of its own for the occurrence; one that stood there before and went back to its series is taken again. */
async function storeException(
  tx: Transaction,
  change: LocalChange,
  { series, exception, slot }: Occurrence,
  fields: EventFields,
): Promise<EventId> {
  const { providerSeriesId, originalStart } = slotOfSeries(series, slot);
  const event: Known = {
    id: exception?.id ?? newId<EventId>(),
    provider_event_id: exception?.provider_event_id ?? null,
    provider_series_id: providerSeriesId,
    local_series_id: series.provider_event_id === null ? series.id : null,
    slot,
    original_start: originalStart,
  };
  const row = localRow(event, fields);
  const isGone = fields.status === 'cancelled';
  if (!exception) await insertLocalEvent(tx, change, row, { isManaged: series.managed });
  const version =
    exception || isGone ? await updateLocalEvent(tx, change, row, isGone ? change.at : null) : 1n;
  const kind = isGone ? 'deleted' : exception ? 'updated' : 'created';
  await sayLocalChange(tx, change, {
    eventId: event.id,
    kind,
    version,
    fields: kind === 'created' ? [] : ['status'],
    providerSeriesId,
  });
  return event.id;
}
