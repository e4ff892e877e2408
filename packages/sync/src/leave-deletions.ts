/** What was made through us is deleted at its provider before its account leaves, by the road of all writes. */
import { asSyncError, SyncError } from '@calfleet/domain';
import {
  calendarsLeaving,
  isWriteLeft,
  lockLeaving,
  managedEventsLeft,
  readPushed,
  type LeavingAccount,
  type LeavingCalendar,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { pushCalendar } from './push.ts';
import { writeDeletion } from './write.ts';

/** Events of one transaction, and of one push. */
const batchSize = 100;

/** @returns `more`: there is more to delete; why it has to be waited for; null: all is done */
export async function deleteManaged(
  deps: SyncDeps,
  account: LeavingAccount,
  signal: AbortSignal,
): Promise<'more' | SyncError | null> {
  const calendars = await deps.db.transaction({ role: 'worker' }, (tx) => calendarsLeaving(tx, account.id));
  let waiting: SyncError | null = null;
  for (const calendar of calendars) {
    if (!calendar.isWritable) continue;
    if ((await wishDeletions(deps, account, calendar)) > 0) return 'more';
    const isLeft = () => deps.db.transaction({ role: 'worker' }, (tx) => isWriteLeft(tx, calendar.id));
    if (!(await isLeft())) continue;
    // One calendar that cannot be written to now holds up no other.
    const failure = await pushCalendar(deps, calendar.id, signal).then(() => null, asSyncError);
    if (failure?.code === 'credentials_revoked' || failure?.code === 'bug') throw failure;
    if (await isLeft()) {
      waiting ??= failure ?? new SyncError('provider_unavailable', 'Not everything is deleted yet');
    }
  }
  return waiting;
}

/** @returns how many deletions were noted */
const wishDeletions = (
  deps: SyncDeps,
  { id: accountId, userId }: LeavingAccount,
  { id: calendarId }: LeavingCalendar,
): Promise<number> =>
  deps.db.transaction({ role: 'worker', calendars: [calendarId] }, async (tx) => {
    const account = await lockLeaving(tx, accountId);
    if (account?.step !== 'deletions') return 0;
    const events = await managedEventsLeft(tx, { calendarId, limit: batchSize });
    for (const id of events) {
      await writeDeletion(tx, deps, { id: calendarId, userId, accountId }, await readPushed(tx, id));
    }
    return events.length;
  });
