/** An event that is gone is there again. */
import { newId, type EventPatch, type WritableFields } from '@calfleet/domain';
import {
  detachOccurrence,
  exceptionsGoneWith,
  insertWrite,
  keepRevision,
  leaveTombstone,
  nameEvent,
  readPushed,
  rebaseWrite,
  sayLocalChange,
  updateLocalEvent,
  type StoredEvent,
  type Transaction,
  type WriteRow,
} from '@calfleet/db';
import { carryDays, dayOf, type ChangedDay } from './changed-days.ts';
import { storedFields } from './event-row.ts';
import {
  changeIn,
  localRow,
  placeEvent,
  unsaid,
  type LocalWriteDeps,
  type Written,
  type WrittenCalendar,
} from './local-row.ts';

/** Of a series with more changed days than this, the others come back as they were planned. */
const daysMax = 500;

/**
 * Made anew at its provider, since what was deleted there keeps its name for ever; a series with its changed days, one
 * occurrence as an event that stands alone.
 * @param event as {@link readStoredEvent} gave it in this transaction, deleted
 */
export async function writeRevival(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, fields }: { event: StoredEvent; fields: WritableFields },
): Promise<Written> {
  const change = changeIn(calendar, deps.clock.now());
  const days = fields.recurrence.length > 0 ? await daysGoneWith(tx, event) : [];
  if (event.kind === 'exception') await standAlone(tx, event);
  else await nameEvent(tx, event.id, null);
  const unnamed = { id: event.id, provider_event_id: null };
  const row = localRow(unnamed, { ...unsaid, ...fields });
  const version = await updateLocalEvent(tx, change, row, null);
  await placeEvent(tx, deps, change, unnamed);
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
  if (days.length > 0) {
    const moved = { from: storedFields(event).start, to: fields.start };
    await carryDays(tx, deps, calendar, { series: await readPushed(tx, event.id), days, moved });
  }
  return { eventId: event.id, writeId };
}

/** The event of a change is made anew: with everything that it had, and what was wanted. */
export const makeAnew = (tx: Transaction, write: WriteRow, at: Date): Promise<void> =>
  rebaseWrite(
    tx,
    { ...write, op: 'create', patch: { ...write.base, ...write.patch }, base: null, base_version: null },
    at,
  );

/** A changed occurrence becomes an event that stands alone; its slot stays as empty as it was. */
export async function standAlone(tx: Transaction, event: StoredEvent): Promise<void> {
  if (event.provider_event_id !== null || event.slot_cancelled) await leaveTombstone(tx, event);
  await detachOccurrence(tx, event.id);
}

/** What they said of themselves went with them: whether they were called off, their rows still say. */
async function daysGoneWith(tx: Transaction, series: StoredEvent): Promise<ChangedDay[]> {
  const exceptions = await exceptionsGoneWith(tx, series, daysMax);
  return exceptions.flatMap((exception) => {
    if (exception.slot === null) return [];
    const { slot, patch } = dayOf(series, exception, exception.slot);
    const { status: _status, ...said }: EventPatch = patch ?? {};
    return [{ slot, patch: patch && said }];
  });
}
