/**
 * Local writes. One transaction makes the event what its user wants, says so in the feed, keeps what it was, and notes what
 * the provider has to be told; the push tells it. What is wanted is shown at once, and narrowed when the provider
 * turns out to hold something else.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  newId,
  type AccountId,
  type CalendarId,
  type Clock,
  type EventFields,
  type EventId,
  type EventPatch,
  type WritableFields,
  type ZoneTable,
} from '@calfleet/domain';
import {
  deleteEvents,
  foldWrite,
  insertLocalEvent,
  insertWrite,
  keepRevision,
  nameEvent,
  readPlace,
  rebaseWrite,
  sayLocalChange,
  settleWrite,
  unsettledWrites,
  updateLocalEvent,
  type LocalChange,
  type LocalRow,
  type StoredEvent,
  type Transaction,
  type WriteOp,
  type WriteRow,
} from '@calfleet/db';
import { columnsOf, storedFields, writableOf } from './event-row.ts';
import { recomputeSeries } from './series.ts';

export interface LocalWriteDeps {
  clock: Clock;
  zones: ZoneTable;
}

export interface WrittenCalendar {
  id: CalendarId;
  userId: string;
  accountId: AccountId;
}

export interface Written {
  eventId: EventId;
  writeId: string;
}

/** A new event. The provider's id comes with its answer. */
export async function writeNewEvent(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  fields: WritableFields,
): Promise<Written> {
  const change = changeIn(calendar, deps.clock.now());
  const eventId = newId<EventId>();
  const row = localRow({ id: eventId, provider_event_id: null }, { ...unsaid, ...fields });
  await insertLocalEvent(tx, change, row);
  await placeOccurrences(tx, deps, change, row);
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

/** @param event as {@link readStoredEvent} gave it in this transaction, alive. @returns null: nothing changes */
export async function writeChange(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, patch }: { event: StoredEvent; patch: EventPatch },
): Promise<Written | null> {
  const change = changeIn(calendar, deps.clock.now());
  const before = storedFields(event);
  const after: EventFields = { ...before, ...patch };
  const fields = changedFields(before, after);
  if (fields.length === 0) return null;
  const row = localRow(event, after);
  const version = await updateLocalEvent(tx, change, row, null);
  await placeOccurrences(tx, deps, change, row);
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
  await keepRevision(tx, change, {
    eventId: event.id,
    origin: 'local',
    fields: ['status'],
    before: { ...storedFields(event) },
    after: null,
    writeId,
  });
  return { eventId: event.id, writeId };
}

/**
 * An event that is gone is there again: made anew at its provider, since what was deleted there keeps its name for ever.
 * @param event as {@link readStoredEvent} gave it in this transaction, deleted
 */
export async function writeRevival(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, fields }: { event: StoredEvent; fields: WritableFields },
): Promise<Written> {
  const change = changeIn(calendar, deps.clock.now());
  await nameEvent(tx, event.id, null);
  const unnamed = { id: event.id, provider_event_id: null };
  const row = localRow(unnamed, { ...unsaid, ...fields });
  const version = await updateLocalEvent(tx, change, row, null);
  await placeOccurrences(tx, deps, change, row);
  const said = { eventId: event.id, version, fields: ['status'], providerSeriesId: null };
  await sayLocalChange(tx, change, { ...said, kind: 'updated' });
  const writeId = newId();
  const write = { id: writeId, eventId: event.id, patch: fields, base: null, baseVersion: null };
  await insertWrite(tx, change, { ...write, op: 'create' });
  await keepRevision(tx, change, {
    eventId: event.id,
    origin: 'local',
    fields: ['status'],
    before: null,
    after: { ...fields },
    writeId,
  });
  return { eventId: event.id, writeId };
}

/** The provider was never told of this event, and will not be: it is gone. */
export const takeBack = (
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  event: StoredEvent,
): Promise<void> => removeLocally(tx, deps, changeIn(calendar, deps.clock.now()), event);

const changeIn = ({ id, userId, accountId }: WrittenCalendar, at: Date): LocalChange => ({
  userId,
  accountId,
  calendarId: id,
  at,
});

/** What a new event has of the fields that only the provider sets. */
const unsaid: Omit<EventFields, keyof WritableFields> = {
  icalUid: null,
  organizer: null,
  meetingUrl: null,
  eventType: 'default',
  htmlLink: null,
};

/**
 * Notes what the provider has to be told. A wish for an event whose last one has not left yet goes with it: the
 * provider is told once. One that is under way is never added to.
 */
async function noteWrite(
  tx: Transaction,
  change: LocalChange,
  event: StoredEvent,
  wish: { op: Exclude<WriteOp, 'create'>; patch: EventPatch },
): Promise<string> {
  const id = newId();
  const waiting = (await unsettledWrites(tx, [event.id])).findLast(({ state }) => state === 'pending');
  const goesWith = waiting && folded(waiting, wish);
  const base = goesWith ? waiting.base : writableOf(storedFields(event));
  const baseVersion = goesWith ? waiting.base_version : event.provider_version;
  await insertWrite(tx, change, {
    id,
    eventId: event.id,
    op: wish.op,
    patch: wish.patch,
    // A fold into a creation keeps what it was made upon, for the record alone.
    base: base ?? writableOf(storedFields(event)),
    baseVersion,
  });
  if (!goesWith) return id;
  await foldWrite(tx, id, { id: waiting.id, at: change.at });
  if (goesWith === 'nothing') {
    await settleWrite(tx, waiting.id, { state: 'discarded', error: null, at: change.at });
  } else {
    await rebaseWrite(tx, goesWith, change.at);
  }
  return id;
}

/** What a waiting write becomes with another wish; `nothing`: a creation that nobody was told of is taken back. */
function folded(
  waiting: WriteRow,
  { op, patch }: { op: WriteOp; patch: EventPatch },
): WriteRow | 'nothing' | null {
  if (waiting.op === 'delete') return null;
  if (op === 'update') return { ...waiting, patch: { ...waiting.patch, ...patch } };
  // It may have left before, with a worker that died: only what was never sent is forgotten.
  if (waiting.op === 'create') return waiting.attempts === 0 ? 'nothing' : null;
  return { ...waiting, op: 'delete', patch: {} };
}

/** Above any number of a calendar's evidence. */
const newest = 2n ** 62n;

async function removeLocally(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  event: StoredEvent,
): Promise<void> {
  if (event.provider_event_id === null) {
    const row = localRow(event, { ...storedFields(event), status: 'cancelled' });
    const version = await updateLocalEvent(tx, change, row, change.at);
    await placeOccurrences(tx, deps, change, row);
    const said = {
      eventId: event.id,
      version,
      fields: ['status'],
      providerSeriesId: event.provider_series_id,
    };
    return sayLocalChange(tx, change, { ...said, kind: 'deleted' });
  }
  const place = await readPlace(tx, change.calendarId);
  if (!place) throw new Error(`Calendar ${change.calendarId} has events and no window.`);
  // No page is newer than a wish of today: what the provider says next meets the write, not this row.
  const evidence = { ...change, ...place, origin: 'local' as const, writeSeq: newest, writtenSeq: 0n };
  const slot = event.provider_series_id === null ? null : event.slot;
  const gone = await deleteEvents(tx, evidence, [
    {
      id: newId(),
      provider_event_id: event.provider_event_id,
      provider_version: event.provider_version,
      provider_series_id: event.provider_series_id,
      slot,
      original_start: event.original_start,
      all_day: event.all_day,
      start_date: event.start_date,
      starts_at: event.starts_at?.toISOString() ?? null,
      start_local: event.start_local,
      start_time_zone: event.start_time_zone,
      raw: '',
    },
  ]);
  await recomputeSeries(tx, evidence, deps.zones, gone.series);
}

async function placeOccurrences(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  row: LocalRow,
): Promise<void> {
  const place = await readPlace(tx, change.calendarId);
  // A calendar that was never read shows nothing yet; its first round places what it stores.
  if (!place) return;
  const family = row.provider_series_id ?? row.provider_event_id ?? row.id;
  await recomputeSeries(tx, { ...change, ...place }, deps.zones, [family]);
}

/** The row of an event that shows these fields. */
function localRow(
  event: Pick<StoredEvent, 'id' | 'provider_event_id'> & Partial<StoredEvent>,
  fields: EventFields,
): LocalRow {
  const { provider_series_id: providerSeriesId, slot, original_start: originalStart } = event;
  const exceptionOf =
    providerSeriesId != null && slot != null
      ? { providerSeriesId, slot, originalStart: originalStart as EventFields['start'] }
      : null;
  const kind = exceptionOf ? 'exception' : fields.recurrence.length > 0 ? 'series' : 'single';
  return {
    ...columnsOf(kind, exceptionOf, fields),
    id: event.id,
    provider_event_id: event.provider_event_id ?? undefined,
    provider_updated_at: undefined,
  };
}

const changedFields = (before: EventFields, after: EventFields): (keyof EventFields)[] =>
  (Object.keys(after) as (keyof EventFields)[]).filter(
    (name) => !isDeepStrictEqual(before[name], after[name]),
  );

const valuesOf = (fields: EventFields, names: readonly (keyof EventFields)[]): Partial<EventFields> =>
  Object.fromEntries(names.map((name) => [name, fields[name]]));
