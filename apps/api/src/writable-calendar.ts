/** Whether a user may write to a calendar through us, and if not, why. */
import { api, type Transaction } from '@calfleet/db';
import { writeRefusal, type CalendarId } from '@calfleet/domain';
import type { WrittenCalendar } from '@calfleet/sync';
import type { Call } from './context.ts';
import { notFound, RequestProblem } from './problems.ts';

/** @throws RequestProblem `not_found`, `not_allowed`, `credentials_revoked` */
export async function writableCalendar(
  tx: Transaction,
  { userId }: Call,
  { calendarId, isManaged }: { calendarId: CalendarId; isManaged: boolean },
): Promise<WrittenCalendar> {
  const calendar = await api.findCalendar(tx, { userId, id: calendarId });
  if (!calendar) throw notFound();
  const account = await api.findAccount(tx, { userId, id: calendar.account_id });
  if (account?.status === 'reauth_needed') {
    throw new RequestProblem('credentials_revoked', 'The account must be connected again');
  }
  if (account?.status === 'disconnecting' || account?.status === 'disconnected') {
    throw new RequestProblem('not_allowed', 'The account is disconnected');
  }
  const permissions = (await api.findPreferences(tx, { userId }))?.write_permissions ?? null;
  const reason = writeRefusal(calendar, { permissions, isManaged });
  if (reason !== null) throw new RequestProblem('not_allowed', reason);
  return { id: calendarId, userId, accountId: calendar.account_id };
}
