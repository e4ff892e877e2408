/** Rows that wait for a single read. */
import type { CalendarId, EventId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface DueRecheck {
  providerEventId: string;
  isSeries: boolean;
}

/** Rows whose single read is due, oldest first. */
export async function dueRechecks(
  tx: Transaction,
  calendarId: CalendarId,
  before: Date,
  limit: number,
): Promise<DueRecheck[]> {
  return tx.$queryRaw<DueRecheck[]>`
    select provider_event_id as "providerEventId", kind = 'series' as "isSeries" from calendar_events
     where calendar_id = ${calendarId}::uuid and recheck_at <= ${before} and provider_event_id is not null
     order by recheck_at limit ${limit}`;
}

export async function isRecheckDue(tx: Transaction, calendarId: CalendarId, before: Date): Promise<boolean> {
  const rows = await tx.$queryRaw<{ due: boolean }[]>`
    select exists (select from calendar_events
      where calendar_id = ${calendarId}::uuid and recheck_at <= ${before} and provider_event_id is not null) as due`;
  return rows[0]?.due ?? false;
}

/** An event that is to show again what its provider has, also a deleted one. */
export async function recheckEvent(tx: Transaction, id: EventId, at: Date): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set recheck_at = ${at} where id = ${id}::uuid and provider_event_id is not null`;
}

/** Single reads were answered: nobody comes back for them by itself. */
export async function settleRechecks(
  tx: Transaction,
  calendarId: CalendarId,
  providerEventIds: readonly string[],
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set recheck_at = null
     where calendar_id = ${calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
       and recheck_at is not null`;
  await tx.$executeRaw`
    update calendar_quarantine set retry_requested_at = null
     where calendar_id = ${calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])
       and retry_requested_at is not null`;
}
