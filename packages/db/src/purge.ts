/** All that is known of an account, taken away a batch at a time, the account itself at last. */
import type { AccountId, CalendarId, WatchId } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';

/** Whose rows go. */
export interface Purged {
  id: AccountId;
  userId: string;
}

/**
 * Answers that were kept for their idempotency keys: those that name the account, a calendar or an event of it. While its
 * rows are still there to be known by.
 */
export async function purgeAnswers(tx: Transaction, { id, userId }: Purged): Promise<number> {
  return tx.$executeRaw`
    delete from calendar_idempotency_keys k
     where k.user_id = ${userId} and (position(${id}::text in k.response::text) > 0
       or exists (select from calendars c where c.account_id = ${id}::uuid and position(c.id::text in k.response::text) > 0)
       or exists (select from calendar_events e join calendars c on c.id = e.calendar_id
         where c.account_id = ${id}::uuid and e.user_id = ${userId}
           and e.id::text in (k.response ->> 'event_id', k.response ->> 'id')))`;
}

/** @returns how many rows went; 0: nothing of the calendar is left but itself */
export async function purgeCalendar(tx: Transaction, id: CalendarId, limit: number): Promise<number> {
  // What hangs on a few events before they go themselves: a series may have thousands of occurrences.
  const some = Prisma.sql`select e.id from calendar_events e where e.calendar_id = ${id}::uuid
    order by e.provider_event_id limit ${limit}`;
  const parts = [
    Prisma.sql`delete from calendar_occurrences where (owner_id, slot) in (
      select o.owner_id, o.slot from (${some}) e join calendar_occurrences o on o.event_id = e.id limit ${limit})`,
    Prisma.sql`delete from calendar_event_revisions where (event_id, n) in (
      select r.event_id, r.n from (${some}) e join calendar_event_revisions r on r.event_id = e.id limit ${limit})`,
    Prisma.sql`delete from calendar_writes where id in (
      select w.id from (${some}) e join calendar_writes w on w.event_id = e.id limit ${limit})`,
    Prisma.sql`delete from calendar_events where id in (${some})`,
    ...['calendar_quarantine', 'calendar_sync_runs', 'calendar_audits'].map((table) => {
      const of = Prisma.raw(table);
      return Prisma.sql`delete from ${of} where id in (
        select id from ${of} where calendar_id = ${id}::uuid limit ${limit})`;
    }),
  ];
  for (const part of parts) {
    const went = await tx.$executeRaw(part);
    if (went > 0) return went;
  }
  return 0;
}

/** What the feed said of it. @returns how many rows went */
export async function purgeFeed(tx: Transaction, { id, userId }: Purged, limit: number): Promise<number> {
  return tx.$executeRaw`
    delete from calendar_changes where (at, seq) in (
      select at, seq from calendar_changes where user_id = ${userId} and account_id = ${id}::uuid limit ${limit})`;
}

/** Channels of the account, whatever became of them. */
export async function watchesOf(tx: Transaction, id: AccountId): Promise<WatchId[]> {
  const rows = await tx.$queryRaw<{ id: WatchId }[]>`
    select id from calendar_sync_channels where account_id = ${id}::uuid`;
  return rows.map((row) => row.id);
}

/** The account, and whatever came while the rest went: its caller holds the locks of its calendars. */
export async function purgeAccount(tx: Transaction, purged: Purged): Promise<void> {
  const { id, userId } = purged;
  await tx.$executeRaw`delete from calendar_sync_channels where account_id = ${id}::uuid`;
  await tx.$executeRaw`
    delete from calendar_changes where user_id = ${userId} and account_id = ${id}::uuid`;
  await purgeAnswers(tx, purged);
  await tx.$executeRaw`
    delete from calendar_accounts where id = ${id}::uuid and status = 'disconnecting' and leaving_purge`;
}
