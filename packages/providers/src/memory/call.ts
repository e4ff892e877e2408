/** What surrounds every call: the token, the request count and planned faults. */
import { SyncError, type ProviderSession } from '@calfleet/domain';
import { answerOf } from '../answer.ts';
import type { MemoryCalendar, MemoryCloud } from './cloud.ts';
import { errorOf, type MemoryOperation } from './faults.ts';

export async function call<T>(
  cloud: MemoryCloud,
  session: ProviderSession,
  target: { operation: MemoryOperation; providerCalendarId: string | null },
  answer: () => T,
): Promise<T> {
  await authenticate(cloud, session);
  const fault = cloud.faults.strike(target.operation, target.providerCalendarId);
  const fail = (error: SyncError): never => {
    session.onAnswer?.(answerOf(error));
    throw error;
  };
  if (fault && fault.when !== 'after') return fail(errorOf(fault));
  const answered = answer();
  if (fault) return fail(errorOf(fault));
  session.onAnswer?.({ status: 200, code: null, cause: null });
  return answered;
}

/** The calendar as this account sees it. @throws remote_missing */
export function calendarFor(cloud: MemoryCloud, session: ProviderSession, id: string): MemoryCalendar {
  const calendar = cloud.calendars.get(id);
  if (calendar && (calendar.accountId ?? session.accountId) === session.accountId) return calendar;
  throw new SyncError('remote_missing', 'no such calendar');
}

async function authenticate(cloud: MemoryCloud, session: ProviderSession): Promise<void> {
  for (const fresh of [false, true]) {
    const token = await session.accessToken(fresh ? { fresh } : undefined);
    session.onRequest?.();
    if (!cloud.refusedTokens.has(token)) return;
  }
  throw new SyncError('credentials_revoked', 'a fresh access token was refused');
}
