/** What an event was, change by change. */
import type { EventId } from '@calfleet/domain';
import type { RevisionOrigin } from '../revisions.ts';
import type { Transaction } from '../transaction.ts';
import type { Page } from './page.ts';

export interface RevisionRow {
  n: bigint;
  at: Date;
  origin: RevisionOrigin;
  fields: string[];
  /** Fields as `EventFields` names them, and what collided as the merge does. */
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** Newest first. @param of.after the number before which the page begins */
export async function listRevisions(
  tx: Transaction,
  of: { userId: string; eventId: EventId } & Page<string>,
): Promise<RevisionRow[]> {
  return tx.$queryRaw<RevisionRow[]>`
    select n, at, origin, fields, before, after from calendar_event_revisions
     where event_id = ${of.eventId}::uuid and user_id = ${of.userId}
       and (${of.after}::bigint is null or n < ${of.after}::bigint)
     order by n desc limit ${of.limit}`;
}
