/** What an export takes beyond what the lists give: the history of many events at once. */
import type { EventId } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';
import type { RevisionRow } from './history.ts';
import { beforeAllIds, type Page } from './page.ts';

export type ExportedRevision = RevisionRow & { event_id: EventId };

/** By event, oldest first. @param of.after the event and number of the last one before */
export async function listRevisionsOf(
  tx: Transaction,
  of: { userId: string; eventIds: readonly string[] } & Page<{ eventId: string; n: bigint }>,
): Promise<ExportedRevision[]> {
  return tx.$queryRaw<ExportedRevision[]>`
    select event_id, n, at, origin, fields, before, after from calendar_event_revisions
     where event_id = any(${[...of.eventIds]}::uuid[]) and user_id = ${of.userId}
       and (event_id, n) > (${of.after?.eventId ?? beforeAllIds}::uuid, ${of.after?.n ?? -1n}::bigint)
     order by event_id, n limit ${of.limit}`;
}
