/** A user's conflicts: what both sides changed, with both values, and a person's word about those that are open. */
import type { AccountId, CalendarId, ConflictStrategy, EventId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import type { Resolution } from '../conflicts.ts';
import type { Transaction } from '../transaction.ts';
import { afterAllIds, type Page } from './page.ts';

export interface ConflictRow {
  id: string;
  account_id: AccountId;
  calendar_id: CalendarId;
  event_id: EventId;
  write_id: string;
  fields: string[];
  base: Record<string, unknown>;
  local: Record<string, unknown>;
  provider: Record<string, unknown>;
  strategy: ConflictStrategy;
  status: 'open' | 'resolved';
  resolution: Resolution | null;
  resolved_by: string | null;
  created_at: Date;
}

const columns = Prisma.sql`id, account_id, calendar_id, event_id, write_id, fields, base, local, provider, strategy, status,
  resolution, resolved_by, created_at`;

/** Newest first. */
export async function listConflicts(
  tx: Transaction,
  { userId, status, after, limit }: { userId: string; status: string | null } & Page<string>,
): Promise<ConflictRow[]> {
  // Of all that ever were, few are open: they have an index of their own.
  const wanted = status === null ? Prisma.empty : Prisma.sql`and status = ${status}`;
  return tx.$queryRaw<ConflictRow[]>`
    select ${columns} from calendar_sync_conflicts
     where user_id = ${userId} and id < ${after ?? afterAllIds}::uuid ${wanted}
     order by id desc limit ${limit}`;
}

/** @param of.isToDecide locks it: two people decide one after the other, and the tick looks away */
export async function findConflict(
  tx: Transaction,
  of: { userId: string; id: string; isToDecide?: boolean },
): Promise<ConflictRow | null> {
  const [row] = await tx.$queryRaw<ConflictRow[]>`
    select ${columns} from calendar_sync_conflicts where user_id = ${of.userId} and id = ${of.id}::uuid
    ${of.isToDecide ? Prisma.sql`for update` : Prisma.empty}`;
  return row ?? null;
}
