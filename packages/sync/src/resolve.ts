/**
 * Ends a conflict, by a person's word or by a strategy's: what stands here is written upon what is there now, like any wish,
 * and what does not stand is kept (I11).
 */
import { mergeEvent, type ConflictStrategy, type EventPatch, type WritableFields } from '@calfleet/domain';
import {
  carryWrite,
  endConflict,
  keepRevision,
  readStoredEvent,
  settleWrite,
  unsettledWrites,
  wishesSince,
  type LockedConflict,
  type Resolution,
  type StoredEvent,
  type Transaction,
  type WriteRow,
} from '@calfleet/db';
import { sideOf } from './collisions.ts';
import { storedFields, writableOf } from './event-row.ts';
import type { LocalWriteDeps, WrittenCalendar, Written } from './local-row.ts';
import { writeRevival } from './write-revival.ts';
import { takeBack, writeChange, writeDeletion } from './write.ts';

/** What is to change of an event. @param there the event as it stands, or what it was before it was deleted */
export type PatchUpon = (there: WritableFields) => EventPatch;

export type Decision =
  | { resolution: 'local' | 'provider' }
  /** Something else: a change of what is there now. */
  | { resolution: 'merge'; patchUpon: PatchUpon };

/** A person's word. The conflict is open, and its row locked. */
export async function resolveConflict(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { conflict, decision, by }: { conflict: LockedConflict; decision: Decision; by: string },
): Promise<void> {
  const { event, write } = await readSides(tx, calendar, conflict);
  const wanted = (there: WritableFields): EventPatch => wishUpon(write, there);
  return decide(tx, deps, calendar, { conflict, event, write, decision, by, wanted });
}

/**
 * A strategy's word, where it has one by now. The conflict is open, and its row locked.
 * @returns whose side was taken; null: it stays open
 */
export async function resolveByStrategy(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  {
    conflict,
    strategy,
    mayWrite,
  }: { conflict: LockedConflict; strategy: ConflictStrategy; mayWrite: boolean },
): Promise<Exclude<Resolution, 'merge'> | null> {
  const { event, write } = await readSides(tx, calendar, conflict);
  const isGoneThere = (event.deleted_at !== null && write.op !== 'delete') || isUnnamedOccurrence(event);
  const there = isGoneThere ? null : { updatedAt: event.provider_updated_at };
  const side = sideOf(strategy, { wishedAt: write.created_at, there });
  if (side === null || (side === 'local' && !mayWrite)) return null;
  // A strategy does not undo what the user said since.
  const since = await wishesSince(tx, write);
  const isTakenBack = since.some(({ op }) => op === 'delete' || write.op === 'delete');
  const said = new Set(since.flatMap(({ fields }) => fields));
  const wanted = (upon: WritableFields): EventPatch =>
    Object.fromEntries(Object.entries(wishUpon(write, upon)).filter(([field]) => !said.has(field)));
  const decision = { resolution: isTakenBack ? 'provider' : side } as const;
  const of = { conflict, event, write, decision, by: 'strategy', wanted };
  await decide(tx, deps, calendar, of);
  return decision.resolution;
}

/** @throws when the write does not wait: its end ended the conflict */
async function readSides(
  tx: Transaction,
  { userId }: WrittenCalendar,
  { eventId, writeId }: LockedConflict,
): Promise<{ event: StoredEvent; write: WriteRow }> {
  const event = await readStoredEvent(tx, { userId, id: eventId });
  const write = (await unsettledWrites(tx, [eventId])).find(({ id }) => id === writeId);
  if (!event || write?.state !== 'conflict') throw new Error('An open conflict without its write.');
  return { event, write };
}

/** What a write still wants of what is there. */
const wishUpon = ({ base, patch }: WriteRow, there: WritableFields): EventPatch =>
  base === null ? patch : mergeEvent({ base, local: patch, provider: there, prefer: 'local' }).patch;

interface Decided {
  conflict: LockedConflict;
  event: StoredEvent;
  write: WriteRow;
  decision: Decision;
  by: string;
  /** What the write wants; by a strategy, what it still may. */
  wanted: PatchUpon;
}

async function decide(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  decided: Decided,
): Promise<void> {
  const { conflict, event, write, decision, by, wanted } = decided;
  const { resolution } = decision;
  const at = deps.clock.now();
  const isDeletion = resolution === 'local' && write.op === 'delete';
  await endConflict(tx, { id: conflict.id, resolution, by, at });
  const { local, provider, fields } = conflict;
  const kept = { eventId: event.id, origin: 'resolution' as const, fields, writeId: write.id };
  const of = { ...calendar, calendarId: calendar.id, at };
  if (resolution === 'provider') {
    await settleWrite(tx, write.id, { state: 'discarded', error: null, at });
    if (isUnnamedOccurrence(event)) await takeBack(tx, deps, calendar, event);
    await keepRevision(tx, of, { ...kept, before: local, after: provider });
    return;
  }
  if (resolution === 'merge') {
    await settleWrite(tx, write.id, { state: 'discarded', error: null, at });
    const { wished } = await writeUpon(tx, deps, calendar, { event, write }, decision.patchUpon);
    await keepRevision(tx, of, { ...kept, before: local, after: wished });
    return;
  }
  const { written } = isDeletion
    ? { written: event.deleted_at ? null : await writeDeletion(tx, deps, calendar, event) }
    : await writeUpon(tx, deps, calendar, { event, write }, wanted);
  // Its wishes leave with a write of now, counted anew; where nothing is left to wish for, it is done.
  if (written) await carryWrite(tx, write.id, { id: written.writeId, at });
  else await settleWrite(tx, write.id, { state: 'applied', error: null, at });
  await keepRevision(tx, of, { ...kept, before: provider, after: local });
}

/** One that its provider never had: its slot is not there any more. */
const isUnnamedOccurrence = ({ kind, provider_event_id: name }: StoredEvent): boolean =>
  kind === 'exception' && name === null;

/** What was deleted at its provider is made anew: it comes back whole. */
async function writeUpon(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { event, write }: { event: StoredEvent; write: WriteRow },
  patchUpon: PatchUpon,
): Promise<{ written: Written | null; wished: EventPatch }> {
  if (event.deleted_at === null && !isUnnamedOccurrence(event)) {
    const wished = patchUpon(writableOf(storedFields(event)));
    return { written: await writeChange(tx, deps, calendar, { event, patch: wished }), wished };
  }
  const before = write.base ?? { ...writableOf(storedFields(event)), status: 'confirmed' as const };
  const wished = patchUpon(before);
  const fields = { ...before, ...wished };
  return { written: await writeRevival(tx, deps, calendar, { event, fields }), wished };
}
