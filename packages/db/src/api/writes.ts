/** A user's writes: what became of each, and a person's word about those that wait for one. */
import type { CalendarId, EventId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import { closeConflict } from '../conflicts.ts';
import { recheckEvent } from '../rechecks.ts';
import type { Transaction } from '../transaction.ts';
import type { WriteError, WriteOp, WriteState } from '../writes.ts';
import { afterAllIds, type Page } from './page.ts';

export interface ShownWrite {
  id: string;
  calendar_id: CalendarId;
  event_id: EventId;
  op: WriteOp;
  state: WriteState;
  folded_into: string | null;
  attempts: number;
  error: WriteError | null;
  created_at: Date;
  applied_at: Date | null;
}

const columns = Prisma.sql`id, calendar_id, event_id, op, state, folded_into, attempts, error, created_at, applied_at`;

/** Newest first. */
export async function listWrites(
  tx: Transaction,
  { userId, state, after, limit }: { userId: string; state: WriteState | null } & Page<string>,
): Promise<ShownWrite[]> {
  return tx.$queryRaw<ShownWrite[]>`
    select ${columns} from calendar_writes
     where user_id = ${userId} and id < ${after ?? afterAllIds}::uuid
       and (${state}::text is null or state = ${state})
     order by id desc limit ${limit}`;
}

export async function findWrite(
  tx: Transaction,
  { userId, id }: { userId: string; id: string },
): Promise<ShownWrite | null> {
  const [row] = await tx.$queryRaw<ShownWrite[]>`
    select ${columns} from calendar_writes where user_id = ${userId} and id = ${id}::uuid`;
  return row ?? null;
}

/**
 * Lets a write leave that was parked or waits for later, at once, with all that goes with it; the writes about its event
 * are counted anew. @returns whether there was one to let go
 */
export async function retryWrite(
  tx: Transaction,
  { userId, id, now }: { userId: string; id: string; now: Date },
): Promise<boolean> {
  const changed = await tx.$executeRaw`
    with asked as (
      select coalesce(folded_into, id) as root from calendar_writes where user_id = ${userId} and id = ${id}::uuid
    )
    update calendar_writes
       set state = 'pending', not_before = null, error = null, released_at = ${now}, updated_at = ${now}
      from asked
     where user_id = ${userId} and (id = root or folded_into = root) and state in ('parked', 'pending')`;
  return changed > 0;
}

/**
 * Takes a write back that is not on its way, with all that goes with it. Its event is read from the provider again; one
 * that the provider never heard of is gone.
 * @returns null: it is on its way, or done
 */
export async function discardWrite(
  tx: Transaction,
  { userId, id, now }: { userId: string; id: string; now: Date },
): Promise<Pick<ShownWrite, 'calendar_id' | 'event_id' | 'op'> | null> {
  const rows = await tx.$queryRaw<
    (Pick<ShownWrite, 'id' | 'calendar_id' | 'event_id' | 'op'> & { root: string })[]
  >`
    with asked as (
      select coalesce(folded_into, id) as root from calendar_writes where user_id = ${userId} and id = ${id}::uuid
    ),
    -- What was wished of an event that will not be made goes with its creation.
    made as (
      select w.event_id from calendar_writes w join calendar_events e on e.id = w.event_id, asked
       where w.id = root and w.op = 'create' and e.provider_event_id is null
    )
    update calendar_writes w set state = 'discarded', updated_at = ${now}
      from asked
     where user_id = ${userId} and (w.id = root or folded_into = root or event_id in (select event_id from made))
       and state in ('pending', 'parked', 'conflict')
    returning w.id, root, calendar_id, event_id, op`;
  const own = rows.find((row) => row.id === row.root);
  if (!own) return null;
  await closeConflict(tx, { writeId: own.id, by: userId, at: now });
  await recheckEvent(tx, own.event_id, now);
  return own;
}
