/** What the provider has to be told, noted as writes. */
import { newId, type EventPatch } from '@calfleet/domain';
import {
  foldWrite,
  insertWrite,
  rebaseWrite,
  reopenWrite,
  settleWrite,
  unsettledWrites,
  type LocalChange,
  type StoredEvent,
  type Transaction,
  type WriteOp,
  type WriteRow,
} from '@calfleet/db';
import { storedFields, writableOf } from './event-row.ts';
import { isHeld } from './write-brake.ts';

/**
 * Notes what the provider has to be told. A wish for an event whose last one has not left yet goes with it: the
 * provider is told once. One that is under way is never added to.
 */
export async function noteWrite(
  tx: Transaction,
  change: LocalChange,
  event: StoredEvent,
  wish: { op: Exclude<WriteOp, 'create'>; patch: EventPatch },
): Promise<string> {
  const id = newId();
  const waiting = (await unsettledWrites(tx, [event.id])).findLast(
    ({ state }) => state === 'pending' || state === 'parked',
  );
  if (waiting && isSent(waiting) && wish.op === 'update') {
    // It may be there already, as it was: what is wished now goes with it, should it be made yet, and behind it.
    await rebaseWrite(tx, { ...waiting, patch: { ...waiting.patch, ...wish.patch } }, change.at);
  }
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
  if (goesWith) {
    await foldWrite(tx, id, { ...waiting, at: change.at });
    if (goesWith === 'nothing') {
      await settleWrite(tx, waiting.id, { state: 'discarded', error: null, at: change.at });
      return id;
    }
    await rebaseWrite(tx, goesWith, change.at);
  }
  // Whoever changes what was refused mends it: it leaves again. What the brake laid down waits for a person all the same.
  if (waiting?.state === 'parked' && !isHeld(waiting)) await reopenWrite(tx, waiting.id, change.at);
  return id;
}

/** A creation that its provider does not accept as it is: it may be mended, or taken back. */
const isRefused = ({ op, state }: WriteRow): boolean => op === 'create' && state === 'parked';

/** A creation whose answer may be lost. */
const isSent = ({ op, attempts }: WriteRow): boolean => op === 'create' && attempts > 0;

/** What a waiting write becomes with another wish; `nothing`: a creation that nobody was told of is taken back. */
function folded(
  waiting: WriteRow,
  { op, patch }: { op: WriteOp; patch: EventPatch },
): WriteRow | 'nothing' | null {
  if (waiting.op === 'delete' || (isSent(waiting) && op === 'update')) return null;
  if (op === 'update') return { ...waiting, patch: { ...waiting.patch, ...patch } };
  // It may have left before, with a worker that died: only what was never sent, or refused, is forgotten.
  if (waiting.op === 'create') return isSent(waiting) && !isRefused(waiting) ? null : 'nothing';
  return { ...waiting, op: 'delete', patch: {} };
}
