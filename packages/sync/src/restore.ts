/**
 * Makes an event what it was after one of its revisions: a write like any other, so its provider is told, and what others
 * changed meanwhile is met by the merge.
 */
import { isDeepStrictEqual } from 'node:util';
import { newId, type Attendee, type EventPatch, type WritableFields } from '@calfleet/domain';
import {
  believeThere,
  giveDeletionAway,
  insertWrite,
  keepRevision,
  readPast,
  requestFullRound,
  sayLocalChange,
  settleWrite,
  unsettledWrites,
  updateLocalEvent,
  type StoredEvent,
  type Transaction,
  type WriteRow,
} from '@calfleet/db';
import { storedFields, writableOf } from './event-row.ts';
import {
  changeIn,
  localRow,
  placeEvent,
  type LocalWriteDeps,
  type Written,
  type WrittenCalendar,
} from './local-row.ts';
import { writeChange, writeDeletion, writeRevival } from './write.ts';

/**
 * Why an event cannot be made what it was. `left_window`: nobody deleted it, it only left the window of what is mirrored.
 */
export type RestoreRefusal = 'no_revision' | 'one_occurrence' | 'left_window';

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
  if (!isThere && event.kind === 'exception') return { refused: 'one_occurrence' };
  const was = { ...writableOf(storedFields(event)), ...writableIn(past.fields) };
  if (!isThere) return { written: await bringBack(tx, deps, calendar, { event, fields: standing(was) }) };
  const patch = patchBetween(writableOf(storedFields(event)), was);
  return { written: await writeChange(tx, deps, calendar, { event, patch }) };
}

const writableNames = [
  'status',
  'summary',
  'description',
  'location',
  'start',
  'end',
  'recurrence',
  'attendees',
  'visibility',
  'transparency',
] as const satisfies readonly (keyof WritableFields)[];

const writableIn = (fields: EventPatch): EventPatch =>
  Object.fromEntries(writableNames.flatMap((name) => (name in fields ? [[name, fields[name]]] : [])));

/** What is there is not cancelled: that its organiser did so cannot be said by anybody else. */
const standing = (fields: WritableFields): WritableFields =>
  fields.status === 'cancelled' ? { ...fields, status: 'confirmed' } : fields;

/** What has to change for an event to be what it was. */
function patchBetween(is: WritableFields, was: WritableFields): EventPatch {
  const wanted = { ...was, attendees: was.attendees.map((guest) => withAnswer(guest, is.attendees)) };
  const patch: EventPatch = Object.fromEntries(
    writableNames
      .filter((name) => !isDeepStrictEqual(is[name], wanted[name]))
      .map((name) => [name, wanted[name]]),
  );
  if (patch.status === 'cancelled') delete patch.status;
  return patch.start || patch.end ? { ...patch, start: wanted.start, end: wanted.end } : patch;
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
  const last = (await unsettledWrites(tx, [event.id])).at(-1);
  if (last?.op !== 'delete') return writeRevival(tx, deps, calendar, { event, fields });
  if (mayBeDone(last)) {
    await giveDeletionAway(tx, { event, deletionId: last.id });
    return writeRevival(tx, deps, calendar, { event, fields });
  }
  return takeDeletionBack(tx, deps, calendar, { event, fields, deletion: last });
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
  const after = { ...storedFields(event), ...fields };
  const version = await updateLocalEvent(tx, change, localRow(event, after), null);
  await believeThere(tx, event.id, change.at);
  await placeEvent(tx, deps, change, event);
  // Its exceptions were deleted here with it, and are still there.
  if (event.kind === 'series') await requestFullRound(tx, calendar.id);
  const said = { eventId: event.id, version, fields: ['status'], providerSeriesId: null };
  await sayLocalChange(tx, change, { ...said, kind: 'updated' });
  const { base, base_version: baseVersion } = deletion;
  const patch = base ? patchBetween(base, fields) : fields;
  const isSame = Object.keys(patch).length === 0;
  const writeId = isSame ? null : newId();
  if (writeId !== null) {
    await insertWrite(tx, change, { id: writeId, eventId: event.id, op: 'update', patch, base, baseVersion });
  }
  const kept = { eventId: event.id, origin: 'local' as const, fields: ['status'], before: null, after };
  await keepRevision(tx, change, { ...kept, writeId });
  return writeId === null ? null : { eventId: event.id, writeId };
}
