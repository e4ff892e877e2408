/** A user's conflicts: what both sides changed, with both values, and a person's word about those that are open. */
import type { CalendarId, ConflictStrategy, EventId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import type { Transaction } from '../transaction.ts';
import { afterAllIds, type Page } from './page.ts';

export interface ConflictRow {
  id: string;
  calendar_id: CalendarId;
  event_id: EventId;
  write_id: string;
  fields: string[];
  base: unknown;
  local: unknown;
  provider: unknown;
  strategy: ConflictStrategy;
  status: 'open' | 'resolved';
  resolution: 'local' | 'provider' | 'merge' | null;
  resolved_by: string | null;
  created_at: Date;
}

const columns = Prisma.sql`id, calendar_id, event_id, write_id, fields, base, local, provider, strategy, status,
  resolution, resolved_by, created_at`;

/** Newest first. */
export async function listConflicts(
  tx: Transaction,
  { userId, status, after, limit }: { userId: string; status: string | null } & Page<string>,
): Promise<ConflictRow[]> {
  return tx.$queryRaw<ConflictRow[]>`
    select ${columns} from calendar_sync_conflicts
     where user_id = ${userId} and id < ${after ?? afterAllIds}::uuid
       and (${status}::text is null or status = ${status})
     order by id desc limit ${limit}`;
}

/** Locks it, so that two people decide one after the other. */
export async function findConflict(
  tx: Transaction,
  { userId, id }: { userId: string; id: string },
): Promise<ConflictRow | null> {
  const [row] = await tx.$queryRaw<ConflictRow[]>`
    select ${columns} from calendar_sync_conflicts where user_id = ${userId} and id = ${id}::uuid for update`;
  return row ?? null;
}

/** Ends the conflict, and the write that waited for it: what is to be written instead is a write of its own. */
export async function resolveConflict(
  tx: Transaction,
  conflict: { userId: string; id: string; resolution: 'local' | 'provider' | 'merge'; now: Date },
): Promise<void> {
  await tx.$executeRaw`
    with resolved as (
      update calendar_sync_conflicts
         set status = 'resolved', resolution = ${conflict.resolution}, resolved_by = ${conflict.userId},
             resolved_at = ${conflict.now}
       where user_id = ${conflict.userId} and id = ${conflict.id}::uuid
      returning write_id
    )
    update calendar_writes w set state = 'discarded', updated_at = ${conflict.now}
      from resolved r where (w.id = r.write_id or w.folded_into = r.write_id) and w.state = 'conflict'`;
}

/** What the write that waits for a person was to change. */
export async function patchOf(
  tx: Transaction,
  { userId, writeId }: { userId: string; writeId: string },
): Promise<{ op: string; patch: unknown; base: unknown } | null> {
  const [row] = await tx.$queryRaw<{ op: string; patch: unknown; base: unknown }[]>`
    select op, patch, base from calendar_writes where user_id = ${userId} and id = ${writeId}::uuid`;
  return row ?? null;
}
