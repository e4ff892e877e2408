/** Rows that wait for a single read. */
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** Rows whose single read is due, oldest first. */
export async function dueRechecks(
  tx: Transaction,
  calendarId: CalendarId,
  before: Date,
  limit: number,
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ provider_event_id: string }[]>`
    select provider_event_id from calendar_events
     where calendar_id = ${calendarId}::uuid and recheck_at <= ${before} and provider_event_id is not null
     order by recheck_at limit ${limit}`;
  return rows.map((row) => row.provider_event_id);
}

/** A single read told all it can: nobody comes back for it by itself. */
export async function settleRecheck(
  tx: Transaction,
  calendarId: CalendarId,
  providerEventId: string,
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set recheck_at = null
     where calendar_id = ${calendarId}::uuid and provider_event_id = ${providerEventId}`;
  await tx.$executeRaw`
    update calendar_quarantine set retry_requested_at = null
     where calendar_id = ${calendarId}::uuid and provider_event_id = ${providerEventId}`;
}
