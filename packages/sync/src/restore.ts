/**
 * Makes an event what it was after one of its revisions: a write like any other, so its provider is told, and what others
 * changed meanwhile is met by the merge.
 */
import { newId, type Attendee, type EventPatch, type WritableFields } from '@calfleet/domain';
import {
  believeThere,
  daysCutOff,
  exceptionsFrom,
  giveDeletionAway,
  insertWrite,
  keepRevision,
  ownerOf,
  readPast,
  readPushed,
  readStoredEvent,
  requestFullRound,
  sayLocalChange,
  settleWrite,
  unsettledWrites,
  updateLocalEvent,
  type PastEvent,
  type StoredEvent,
  type Transaction,
  type WriteRow,
} from '@calfleet/db';
import { storedFields, writableOf } from './event-row.ts';
import {
  changeIn,
  localRow,
  patchBetween,
  placeChange,
  type LocalWriteDeps,
  type Written,
  type WrittenCalendar,
} from './local-row.ts';
import { hasSlot, plainOccurrence } from './occurrence-fields.ts';
import { writeRevival } from './write-revival.ts';
import { takeBack, writeChange, writeDeletion } from './write.ts';
import { writeOccurrence } from './write-occurrence.ts';

/**
 * Why an event cannot be made what it was. `left_window`: nobody deleted it, it only left the window of what is mirrored.
 */
export type RestoreRefusal = 'no_revision' | 'left_window';

/** `written` null: the provider has nothing to be told of. */
export type Restored = { written: Written | null } | { refused: RestoreRefusal };

/** @param event as {@link readStoredEvent} gave it in this transaction, alive or deleted */
export async function writeRestore(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, revision }: { event: StoredEvent; revision: number },
): Promise<Restored> {
  const past = await readPast(tx, { userId: calendar.userId, eventId: event.id, revision });
  if (!past) return { refused: 'no_revision' };
  const isThere = event.deleted_at === null;
  if (!isThere && !past.endsDeleted) return { refused: 'left_window' };
  const wasThere = past.existed ?? isThere;
  if (!wasThere) return { written: isThere ? await writeDeletion(tx, deps, calendar, event) : null };
  const was = writableOf({ ...storedFields(event), ...past.fields });
  if (!isThere) return { written: await bringBack(tx, deps, calendar, { event, fields: standing(was) }) };
  const patch = patchBack(writableOf(storedFields(event)), was);
  const written = await writeChange(tx, deps, calendar, { event, patch });
  const cuts = event.kind === 'series' ? past.cuts : [];
  for (const cut of cuts) await mend(tx, deps, calendar, { series: event, cut });
  return { written };
}

/** What goes on in a series' place may have been cut as well. */
const cutsMax = 20;
const daysMax = 500;

/** "This and following" is undone: what went on in the series' place goes, and changed days that went with the rest come back. */
async function mend(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { series, cut }: { series: StoredEvent; cut: PastEvent['cuts'][number] },
): Promise<void> {
  const { userId } = calendar;
  const queue = [cut.continuedBy];
  for (let done = 0; queue.length > 0 && done < cutsMax; done += 1) {
    const [id] = queue.splice(0, 1);
    const next = id && (await readStoredEvent(tx, { userId, id }));
    if (!next) continue;
    const past = await readPast(tx, { userId, eventId: next.id, revision: 0 });
    queue.push(...(past?.cuts.map(({ continuedBy }) => continuedBy) ?? []));
    if (next.deleted_at === null) await writeDeletion(tx, deps, calendar, next);
  }
  for (const { id, revision } of await daysCutOff(tx, series, { at: cut.at, limit: daysMax })) {
    const day = await readStoredEvent(tx, { userId, id });
    if (day) await writeRestore(tx, deps, calendar, { event: day, revision });
  }
  // A provider may have forgotten with the days which of them were called off.
  for (const day of await exceptionsFrom(tx, series, { slot: '', limit: daysMax })) {
    if (day.slot === null || !day.slot_cancelled || hasSlot(series, day.slot, deps.zones)) continue;
    await insertWrite(tx, changeIn(calendar, deps.clock.now()), {
      id: newId(),
      eventId: day.id,
      op: 'delete',
      patch: {},
      base: writableOf(plainOccurrence(series, day.slot, null)),
      baseVersion: null,
    });
  }
}

/** What is there is not cancelled: that its organiser did so cannot be said by anybody else. */
const standing = (fields: WritableFields): WritableFields =>
  fields.status === 'cancelled' ? { ...fields, status: 'confirmed' } : fields;

/** What has to change for an event to be what it was. */
function patchBack(is: WritableFields, was: WritableFields): EventPatch {
  const attendees = was.attendees.map((guest) => withAnswer(guest, is.attendees));
  const patch = patchBetween(is, { ...was, attendees });
  if (patch.status === 'cancelled') delete patch.status;
  return patch;
}

/** What a guest answered since is the guest's own word. */
function withAnswer(guest: Attendee, now: readonly Attendee[]): Attendee {
  const known = now.find(({ email }) => email !== null && email.toLowerCase() === guest.email?.toLowerCase());
  return known ? { ...guest, response: known.response } : guest;
}

async function bringBack(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, fields }: { event: StoredEvent; fields: WritableFields },
): Promise<Written | null> {
  // Its exceptions were deleted with it, and may still be there. Asked before its writes are locked: a push locks its
  // calendar first, too.
  if (event.kind === 'series') await requestFullRound(tx, calendar.id);
  const last = (await unsettledWrites(tx, [event.id])).at(-1);
  const isOne = event.kind === 'exception';
  if (last?.op !== 'delete') {
    const revive = isOne ? reviveOccurrence : writeRevival;
    return revive(tx, deps, calendar, { event, fields });
  }
  if (mayBeDone(last)) {
    await giveDeletionAway(tx, { event, deletionId: last.id });
    return writeRevival(tx, deps, calendar, { event, fields });
  }
  return takeDeletionBack(tx, deps, calendar, { event, fields, deletion: last });
}

/** Into its slot, if its provider lets it be filled; the push finds out. */
async function reviveOccurrence(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, fields }: { event: StoredEvent; fields: WritableFields },
): Promise<Written | null> {
  const seriesId = await ownerOf(tx, event);
  if (seriesId === event.id) return writeRevival(tx, deps, calendar, { event, fields });
  const series = await readPushed(tx, seriesId);
  const occurrence = { series, exception: event, slot: event.slot ?? '', placed: null };
  const plain = writableOf(plainOccurrence(series, occurrence.slot, null));
  const patch = patchBack(plain, { ...fields, recurrence: [] });
  return writeOccurrence(tx, deps, calendar, { occurrence, patch, revives: event.slot_cancelled });
}

const mayBeDone = ({ state, attempts }: WriteRow): boolean =>
  state === 'pushing' || (state === 'pending' && attempts > 0);

/** The provider was not told of the deletion, or refused it: it still has the event, under its name. */
async function takeDeletionBack(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, fields, deletion }: { event: StoredEvent; fields: WritableFields; deletion: WriteRow },
): Promise<Written | null> {
  const change = changeIn(calendar, deps.clock.now());
  await settleWrite(tx, deletion.id, { state: 'discarded', error: null, at: change.at });
  const { base, base_version: baseVersion } = deletion;
  const patch = base ? patchBack(base, fields) : fields;
  const isSame = Object.keys(patch).length === 0;
  if (event.provider_event_id === null && event.kind === 'exception' && isSame) {
    await takeBack(tx, deps, calendar, event);
    return null;
  }
  const after = { ...storedFields(event), ...fields };
  const version = await updateLocalEvent(tx, change, localRow(event, after), null);
  await believeThere(tx, event.id, change.at);
  await placeChange(tx, deps, change, { event, after, fields: ['status'] });
  const said = { eventId: event.id, version, fields: ['status'], providerSeriesId: event.provider_series_id };
  await sayLocalChange(tx, change, { ...said, kind: 'updated' });
  const writeId = isSame ? null : newId();
  if (writeId !== null) {
    await insertWrite(tx, change, { id: writeId, eventId: event.id, op: 'update', patch, base, baseVersion });
  }
  const kept = { eventId: event.id, origin: 'local' as const, fields: ['status'], before: null, after };
  await keepRevision(tx, change, { ...kept, writeId });
  return writeId === null ? null : { eventId: event.id, writeId };
}
