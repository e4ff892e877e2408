/** Whether a user may write to a calendar through us, and if not, why. */
import { api, type Transaction } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
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
  const reason = refusal(calendar, (await api.findPreferences(tx, { userId }))?.write_permissions, isManaged);
  if (reason !== null) throw new RequestProblem('not_allowed', reason);
  return { id: calendarId, userId, accountId: calendar.account_id };
}

function refusal(
  calendar: api.CalendarRow,
  permissions: 'none' | 'managed' | 'all' = 'none',
  isManaged: boolean,
): string | null {
  if (permissions === 'none') return 'write_permissions of the user are none';
  if (permissions === 'managed' && !isManaged)
    return 'write_permissions of the user are managed, and the event was not created through Calfleet';
  if (!calendar.write_enabled) return 'write_enabled of the calendar is false';
  if (!['writer', 'owner'].includes(calendar.access_role))
    return `The account may not write to the calendar: its access_role is ${calendar.access_role}`;
  if (!calendar.active || ['gone', 'paused'].includes(calendar.state))
    return `The calendar is not kept in step: its state is ${calendar.state}`;
  return null;
}
