/**
 * Local writes. One transaction makes the event what its user wants, says so in the feed, keeps what it was, and notes what
 * the provider has to be told; the push tells it. What is wanted is shown at once, and narrowed when the provider
 * turns out to hold something else.
 */
import {
  newId,
  type EventFields,
  type EventId,
  type EventPatch,
  type Slot,
  type WritableFields,
} from '@calfleet/domain';
import {
  cutOccurrences,
  deleteEvents,
  exceptionsFrom,
  freeSlot,
  insertLocalEvent,
  insertWrite,
  keepRevision,
  ownerOf,
  readPlace,
  readPushed,
  sayLocalChange,
  settleWrite,
  unsettledWrites,
  updateLocalEvent,
  type LocalChange,
  type StoredEvent,
  type Transaction,
} from '@calfleet/db';
import { storedFields } from './event-row.ts';
import {
  changedFields,
  changeIn,
  localRow,
  placeChange,
  placeEvent,
  placeInSlot,
  slotOwned,
  unsaid,
  valuesOf,
  type LocalWriteDeps,
  type Written,
  type WrittenCalendar,
} from './local-row.ts';
import { noteWrite } from './note-write.ts';
import { hasSlot, plainOccurrence } from './occurrence-fields.ts';

/** A new event. The provider's id comes with its answer. `cameOf`: the series that has to be told of before it. */
export async function writeNewEvent(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  fields: WritableFields,
  { eventId = newId<EventId>(), cameOf }: { eventId?: EventId; cameOf?: EventId } = {},
): Promise<Written> {
  const change = changeIn(calendar, deps.clock.now());
  const unnamed = { id: eventId, provider_event_id: null };
  const row = localRow(unnamed, { ...unsaid, ...fields });
  await insertLocalEvent(tx, change, row, { isManaged: true });
  await placeEvent(tx, deps, change, unnamed);
  await sayLocalChange(tx, change, {
    eventId,
    kind: 'created',
    version: 1n,
    fields: [],
    providerSeriesId: null,
  });
  const writeId = newId();
  await insertWrite(tx, change, {
    id: writeId,
    eventId,
    op: 'create',
    patch: fields,
    base: null,
    baseVersion: null,
    ...(cameOf && { cameOf }),
  });
  await keepRevision(tx, change, {
    eventId,
    origin: 'local',
    fields: ['status'],
    before: null,
    after: fields,
    writeId,
  });
  return { eventId, writeId };
}

/** "This and following": where a series ends, and what goes on in its place, if anything does. */
export interface SeriesEnd {
  before: Slot;
  continuedBy: EventId;
}

/** @param event as {@link readStoredEvent} gave it in this transaction, alive. @returns null: nothing changes */
export async function writeChange(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, patch, ends }: { event: StoredEvent; patch: EventPatch; ends?: SeriesEnd },
): Promise<Written | null> {
  const change = changeIn(calendar, deps.clock.now());
  const before = storedFields(event);
  const after: EventFields = { ...before, ...patch };
  const fields = changedFields(before, after);
  if (fields.length === 0) return null;
  const row = localRow(event, after);
  const version = await updateLocalEvent(tx, change, row, null);
  if (ends) await cutOccurrences(tx, event.id, ends.before);
  else await placeChange(tx, deps, change, { event, after, fields });
  const said = { eventId: event.id, version, fields, providerSeriesId: event.provider_series_id };
  await sayLocalChange(tx, change, { ...said, kind: 'updated' });
  const writeId = await noteWrite(tx, change, event, { op: 'update', patch });
  await keepRevision(tx, change, {
    eventId: event.id,
    origin: 'local',
    fields,
    before: valuesOf(before, fields),
    after: valuesOf(after, fields),
    writeId,
    continuedBy: ends?.continuedBy ?? null,
  });
  return { eventId: event.id, writeId };
}

/** @param event as {@link readStoredEvent} gave it in this transaction, alive */
export async function writeDeletion(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  event: StoredEvent,
): Promise<Written> {
  const change = changeIn(calendar, deps.clock.now());
  const writeId = await noteWrite(tx, change, event, { op: 'delete', patch: {} });
  await removeLocally(tx, deps, change, event);
  await keepDeletion(tx, change, event, writeId);
  return { eventId: event.id, writeId };
}

const keepDeletion = (
  tx: Transaction,
  change: LocalChange,
  event: StoredEvent,
  writeId: string | null,
): Promise<void> => {
  const [eventId, before] = [event.id, storedFields(event)];
  return keepRevision(tx, change, {
    eventId,
    origin: 'local',
    fields: ['status'],
    before,
    after: null,
    writeId,
  });
};

/**
 * The provider was never told of this event, and will not be: it is gone, and an occurrence is as its series again.
 * @param isGone the provider has no such occurrence any more
 */
export async function takeBack(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  event: StoredEvent,
  { isGone = false }: { isGone?: boolean } = {},
): Promise<void> {
  const change = changeIn(calendar, deps.clock.now());
  if (event.deleted_at === null) {
    await removeLocally(tx, deps, change, event);
    await keepDeletion(tx, change, event, null);
  }
  if (event.kind !== 'exception' || event.slot === null) return;
  await freeSlot(tx, event.id);
  if (isGone) return;
  const seriesId = await ownerOf(tx, event);
  if (seriesId === event.id) return;
  const { slot } = event;
  const series = await readPushed(tx, seriesId);
  // A series that was moved since has other days.
  if (series.deleted_at !== null || !hasSlot(series, slot, deps.zones)) return;
  const fields = plainOccurrence(series, slot, null);
  await placeInSlot(tx, change, { id: seriesId }, { seriesId, slot, fields });
}

/** A write was discarded: of an event, or of a day called off, that its provider never heard of, nothing is left. */
export async function takeBackUntold(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  event: StoredEvent,
): Promise<void> {
  const isUntold = event.provider_event_id === null && (event.deleted_at === null || event.slot_cancelled);
  if (isUntold) await takeBack(tx, deps, calendar, event);
}

/** Above any number of a calendar's evidence. */
const newest = 2n ** 62n;

/** The event is gone here; what its provider has to be told of it is its caller's. */
async function removeLocally(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  event: StoredEvent,
): Promise<void> {
  if (event.provider_event_id === null) return removeUnnamed(tx, deps, change, event);
  const place = await readPlace(tx, change.calendarId);
  if (!place) throw new Error(`Calendar ${change.calendarId} has events and no window.`);
  // No page is newer than a wish of today: what the provider says next meets the write, not this row.
  const evidence = { ...change, ...place, origin: 'local' as const, writeSeq: newest, writtenSeq: 0n };
  await deleteEvents(tx, evidence, [
    {
      id: newId(),
      provider_event_id: event.provider_event_id,
      provider_version: event.provider_version,
      provider_series_id: event.provider_series_id,
      slot: event.provider_series_id === null ? null : event.slot,
      original_start: event.original_start,
      all_day: event.all_day,
      start_date: event.start_date,
      starts_at: event.starts_at?.toISOString() ?? null,
      start_local: event.start_local,
      start_time_zone: event.start_time_zone,
      raw: '',
    },
  ]);
}

/** A changed day goes with its series: nobody is told of it by itself any more. */
export async function removeWithSeries(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  exception: StoredEvent,
): Promise<void> {
  for (const { id } of await unsettledWrites(tx, [exception.id])) {
    await settleWrite(tx, id, { state: 'discarded', error: null, at: change.at });
  }
  if (exception.deleted_at === null) await removeLocally(tx, deps, change, exception);
}

/** A bound for one transaction: nobody changes so many days of a series before its provider was even told of it. */
const exceptionsMax = 1_000;

/** An event that its provider has no name for, with the changed days of a series. */
async function removeUnnamed(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  event: StoredEvent,
): Promise<void> {
  if (event.kind === 'series') {
    for (const exception of await exceptionsFrom(tx, event, { slot: '', limit: exceptionsMax })) {
      await removeWithSeries(tx, deps, change, exception);
    }
  }
  const fields = { ...storedFields(event), status: 'cancelled' as const };
  const version = await updateLocalEvent(tx, change, localRow(event, fields), change.at);
  if (event.kind === 'exception') {
    const seriesId = await ownerOf(tx, event);
    await placeInSlot(tx, change, event, { ...slotOwned(event, seriesId), fields: null });
  } else {
    await placeEvent(tx, deps, change, event);
  }
  const said = { eventId: event.id, version, fields: ['status'], kind: 'deleted' as const };
  return sayLocalChange(tx, change, { ...said, providerSeriesId: event.provider_series_id });
}
