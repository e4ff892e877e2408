/**
 * What the ticks ask: indexed selections in keyset pages, never a scan of the fleet. `account_active` keeps calendars
 * that nobody can ask out of the indexes: they stay due and dirty for months (docs/decisions/0025-calendars-follow-their-account.md).
 */
import type { AccountId, CalendarId, ProviderName } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';

/** Hinted and not pulled, or a round that nobody carries on; not while its back-off lasts. */
export async function unsettledCalendars(
  tx: Transaction,
  page: { after: CalendarId | null; limit: number; at: Date },
): Promise<{ id: CalendarId; isFirst: boolean; isDirty: boolean }[]> {
  return tx.$queryRaw`
      select c.id, c.last_synced_at is null as "isFirst", c.dirty_seq > c.synced_seq as "isDirty"
        from calendars c
       where (c.dirty_seq > c.synced_seq or c.round_id is not null) and c.active and c.account_active
         and c.id > coalesce(${page.after}::uuid, '00000000-0000-0000-0000-000000000000')
         and c.state not in ('paused', 'gone')
         and (c.lease_until is null or c.lease_until < clock_timestamp())
         and (c.last_error_code is null or c.next_pull_at is null or c.next_pull_at <= ${page.at})
       order by c.id limit ${page.limit}`;
}

/** An empty answer to a notification, to be asked for again now. */
export async function calendarsToLookAtAgain(
  tx: Transaction,
  page: { limit: number; at: Date },
): Promise<CalendarId[]> {
  return ids(
    await tx.$queryRaw<{ id: CalendarId }[]>`
      select c.id from calendars c
       where c.active and c.account_active and c.look_again_at <= ${page.at} and c.state not in ('paused', 'gone')
         and (c.last_error_code is null or c.next_pull_at is null or c.next_pull_at <= ${page.at})
       order by c.look_again_at limit ${page.limit}`,
  );
}

/**
 * Whose next pull is due. Keyset by (next_pull_at, id): the pulls themselves move the rows on.
 * @param page.whose `auto`: only of users who asked for a beat of their own
 */
export async function dueCalendars(
  tx: Transaction,
  page: { whose: 'auto' | 'all'; after: { at: Date; id: CalendarId } | null; limit: number; at: Date },
): Promise<{ id: CalendarId; at: Date; provider: ProviderName }[]> {
  // Written out, so that the planner knows the partial index.
  const auto = page.whose === 'auto' ? Prisma.sql`and c.auto_sync` : Prisma.empty;
  return tx.$queryRaw<{ id: CalendarId; at: Date; provider: ProviderName }[]>`
    select c.id, c.next_pull_at as at, c.provider from calendars c
     where c.active and c.account_active ${auto} and c.next_pull_at <= ${page.at}
       and (c.next_pull_at, c.id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.id ?? null}::uuid, '00000000-0000-0000-0000-000000000000'))
       and c.state not in ('paused', 'gone')
     order by c.next_pull_at, c.id limit ${page.limit}`;
}

/** Calendars with single reads or retries that wait without a job; those that cannot be asked now wait unseen. */
export async function calendarsToRecheck(
  tx: Transaction,
  page: { limit: number; at: Date },
): Promise<CalendarId[]> {
  return ids(
    await tx.$queryRaw<{ id: CalendarId }[]>`
      select c.id from calendars c
       where c.active and c.account_active and c.state not in ('paused', 'gone')
         and c.window_start is not null
         and c.id in (
           select calendar_id from calendar_events where recheck_at <= ${page.at} and provider_event_id is not null
           union all
           select calendar_id from calendar_quarantine
            where retry_requested_at is not null and provider_event_id is not null)
       order by c.id limit ${page.limit}`,
  );
}

/**
 * Accounts whose calendars were never listed, also when the job that should do it is lost. Each failure stamps the row, and
 * the next try is as long after it as it was after the account's birth, half an hour at most.
 */
export async function unlistedAccounts(
  tx: Transaction,
  page: { limit: number; touchedBefore: Date },
): Promise<AccountId[]> {
  return ids(
    await tx.$queryRaw<{ id: AccountId }[]>`
      select id from calendar_accounts
       where calendars_listed_at is null and status = 'active'
         and updated_at <= ${page.touchedBefore}::timestamptz - least(updated_at - created_at, interval '30 minutes')
       order by id limit ${page.limit}`,
  );
}

const ids = <Id>(rows: { id: Id }[]): Id[] => rows.map((row) => row.id);
