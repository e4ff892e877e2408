/** Accounts: the grant of one mailbox, its sealed tokens, and the calendars its list names. */
import type { AccountId, CalendarId, ProviderName, RemoteCalendar, SyncErrorCode } from '@calfleet/domain';
import { stays } from './leaving.ts';
import type { Transaction } from './transaction.ts';

export interface AccountRow {
  id: AccountId;
  user_id: string;
  provider: ProviderName;
  provider_account_id: string | null;
  email: string | null;
  status: 'active' | 'reauth_needed' | 'disconnecting' | 'disconnected';
  data_key: Uint8Array;
  refresh_token: Uint8Array;
  access_token: Uint8Array | null;
  access_token_expires_at: Date | null;
  /** Somebody asks the token endpoint just now. */
  refreshing: boolean;
  token_failure: TokenFailure | null;
  /** Its calendar list was read since it was connected. */
  listed: boolean;
}

/** How a refresh may fail for everybody who waits for it. */
export const tokenFailures = [
  'provider_unavailable',
  'rate_limited',
  'credentials_revoked',
  'misconfigured',
] as const satisfies readonly SyncErrorCode[];
export type TokenFailure = (typeof tokenFailures)[number];

export async function readAccount(tx: Transaction, id: AccountId): Promise<AccountRow | null> {
  const rows = await tx.$queryRaw<AccountRow[]>`
    select id, user_id, provider, provider_account_id, email, status, data_key, refresh_token, access_token,
      access_token_expires_at, token_failure, calendars_listed_at is not null as listed, coalesce(token_lease_until > clock_timestamp(), false) as refreshing
    from calendar_accounts where id = ${id}::uuid`;
  return rows[0] ?? null;
}

/** The right to refresh an account's tokens; names the lease, so that nobody gives back another's. */
export interface TokenLease {
  accountId: AccountId;
  /** The grant that the refresh uses, sealed. */
  refreshToken: Uint8Array;
  /** The database's own text: a JavaScript Date would cut the microseconds. */
  until: string;
}

/** 45 s: a token endpoint is given up after 30 s, and its answer is stored within the rest. */
const tokenLeaseSeconds = 45;

/** null: somebody else refreshes, or the row's tokens are not any more those that were `judged`. */
export async function leaseTokens(
  tx: Transaction,
  judged: Pick<AccountRow, 'id' | 'refresh_token' | 'access_token'>,
): Promise<TokenLease | null> {
  const rows = await tx.$queryRaw<{ until: string }[]>`
    update calendar_accounts
       set token_lease_until = clock_timestamp() + make_interval(secs => ${tokenLeaseSeconds}), token_failure = null
     where id = ${judged.id}::uuid and status in ('active', 'disconnecting')
       and (token_lease_until is null or token_lease_until <= clock_timestamp())
       and refresh_token = ${judged.refresh_token} and access_token is not distinct from ${judged.access_token}
    returning token_lease_until::text as until`;
  return rows[0] ? { accountId: judged.id, refreshToken: judged.refresh_token, until: rows[0].until } : null;
}

/**
 * Keeps what a token endpoint answered and ends the lease; a rotated refresh token replaces the old one in the same
 * statement. Nothing is kept when the grant that was used is not the account's any more.
 * @returns whether it was kept
 */
export async function storeTokens(
  tx: Transaction,
  lease: TokenLease,
  tokens: { accessToken: Uint8Array; expiresAt: Date; refreshToken: Uint8Array | null; at: Date },
): Promise<boolean> {
  const kept = await tx.$executeRaw`
    update calendar_accounts
       set access_token = ${tokens.accessToken}, access_token_expires_at = ${tokens.expiresAt},
           refresh_token = coalesce(${tokens.refreshToken}, refresh_token), token_lease_until = null,
           token_failure = null, updated_at = ${tokens.at}
     where id = ${lease.accountId}::uuid and refresh_token = ${lease.refreshToken}`;
  return kept > 0;
}

/** Gives the lease back without tokens. A failure is said only of the grant that failed. */
export async function releaseTokens(
  tx: Transaction,
  lease: TokenLease,
  failure: TokenFailure | null,
): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts
       set token_lease_until = null,
           token_failure = case when refresh_token = ${lease.refreshToken} then ${failure} end
     where id = ${lease.accountId}::uuid and token_lease_until = ${lease.until}::timestamptz`;
}

/** Said once: later failures of the same grant find it said. @returns whether this call said it */
export async function markReauthNeeded(
  tx: Transaction,
  id: AccountId,
  reason: string,
  at: Date,
): Promise<boolean> {
  const said = await tx.$executeRaw`
    with marked as (
      update calendar_accounts
         set status = 'reauth_needed', status_reason = ${reason}, access_token = null,
             access_token_expires_at = null, updated_at = ${at}
       where id = ${id}::uuid and status = 'active' returning id, user_id
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${at}, user_id, 'account_changed', id, '{status,status_reason}'::text[], 'system' from marked`;
  return said > 0;
}

/** The list could not be read: its user finds why (null: nothing worth telling), and whoever looks for work left undone waits a while. */
export async function noteUnlisted(
  tx: Transaction,
  id: AccountId,
  failure: { reason: string | null; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    with noted as (
      update calendar_accounts set updated_at = ${failure.at}, status_reason = ${failure.reason}
       where id = ${id}::uuid and status = 'active'
         and status_reason is distinct from coalesce(${failure.reason}, status_reason)
      returning id, user_id
    ),
    touched as (
      update calendar_accounts set updated_at = ${failure.at}
       where id = ${id}::uuid and not exists (select from noted)
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${failure.at}, user_id, 'account_changed', id, '{status_reason}'::text[], 'system' from noted`;
}

export async function readCalendarIds(tx: Transaction, accountId: AccountId): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`
    select id from calendars where account_id = ${accountId}::uuid`;
  return rows.map((row) => row.id);
}

/** A calendar that the list made, or changed. */
export interface ListedCalendar {
  id: CalendarId;
  isNew: boolean;
  /** It is to be pulled: new, back, or seen with other eyes. */
  isDirty: boolean;
  /** It may have a channel and has none. */
  isUnwatched: boolean;
}

/**
 * Stores an account's calendar list; each calendar is named once. A new calendar is born dirty, so that the drain finds it even when
 * nobody rings, and follows its account, which may have been given up while it was listed.
 */
export async function storeCalendars(
  tx: Transaction,
  account: { id: AccountId; userId: string; provider: ProviderName },
  calendars: readonly (RemoteCalendar & { id: CalendarId })[],
  at: Date,
): Promise<ListedCalendar[]> {
  const input = calendars.map((calendar) => ({
    id: calendar.id,
    provider_calendar_id: calendar.providerCalendarId,
    name: calendar.name,
    time_zone: calendar.timeZone ?? 'UTC',
    access_role: calendar.accessRole,
    is_primary: calendar.primary,
    removed: calendar.removed,
  }));
  // Whoever changes the status waits for us and then finds our rows, or was before us and is seen.
  const [owner] = await tx.$queryRaw<{ active: boolean }[]>`
    select status = 'active' as active from calendar_accounts where id = ${account.id}::uuid for no key update`;
  return tx.$queryRaw<ListedCalendar[]>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x(id uuid, provider_calendar_id text,
        name text, time_zone text, access_role text, is_primary boolean, removed boolean)
    ),
    gone as (
      update calendars c
         set state = 'gone', state_reason = 'not in the calendar list', updated_at = ${at},
             -- A round that runs must not say that all is well.
             lease_epoch = lease_epoch + 1, lease_until = null
       where c.account_id = ${account.id}::uuid and c.state <> 'gone'
         and case when exists (select from input where not removed)
           then not exists (select from input i where not i.removed and i.provider_calendar_id = c.provider_calendar_id)
           -- Every mailbox has a calendar: a list without any proves nothing but what it names.
           else exists (select from input i where i.provider_calendar_id = c.provider_calendar_id) end
      returning c.id
    ),
    stored as (
      insert into calendars as c (id, user_id, account_id, provider, provider_calendar_id, name, time_zone,
        access_role, is_primary, account_active, auto_sync, dirty_seq, next_pull_at, created_at, updated_at)
      select id, ${account.userId}, ${account.id}::uuid, ${account.provider}, provider_calendar_id, name, time_zone,
        access_role, is_primary, ${owner?.active ?? false},
        coalesce((select auto_sync_enabled from calendar_preferences where user_id = ${account.userId}), false),
        1, ${at}, ${at}, ${at}
      from input where not removed
      on conflict (account_id, provider_calendar_id) do update
        set name = excluded.name, time_zone = excluded.time_zone, access_role = excluded.access_role,
            is_primary = excluded.is_primary, auto_sync = excluded.auto_sync, updated_at = excluded.updated_at,
            state = case when c.state = 'gone' then 'resyncing' else c.state end,
            state_reason = case when c.state = 'gone' then null else c.state_reason end,
            next_pull_at = case when c.state = 'gone' then ${at} else c.next_pull_at end,
            -- What may be seen of old events has changed, too; a provider need not say so event by event.
            dirty_seq = c.dirty_seq + case when c.state = 'gone' or (c.access_role = 'free_busy_reader')
              <> (excluded.access_role = 'free_busy_reader') then 1 else 0 end,
            full_requested = c.full_requested or c.state = 'gone'
              or (c.access_role = 'free_busy_reader') <> (excluded.access_role = 'free_busy_reader')
        where (c.name, c.time_zone, c.access_role, c.is_primary, c.auto_sync, c.state = 'gone')
          is distinct from (excluded.name, excluded.time_zone, excluded.access_role, excluded.is_primary,
            excluded.auto_sync, false)
      returning c.id, (xmax = 0) as is_new, dirty_seq > synced_seq as is_dirty,
        active and coverage = 'none' as is_unwatched
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, calendar_id, account_id, origin)
      select ${at}, ${account.userId}, 'calendar_changed', id, ${account.id}::uuid, 'provider'
      from (select id from stored union all select id from gone) as changed
    )
    select id, is_new as "isNew", is_dirty as "isDirty", is_unwatched as "isUnwatched" from stored`;
}

/**
 * Calendars that could not be read, and that the list shows: each list is one more try. They stay paused until it
 * succeeds.
 */
export async function retryPaused(
  tx: Transaction,
  accountId: AccountId,
  providerCalendarIds: readonly string[],
): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`
    update calendars set dirty_seq = dirty_seq + 1
     where account_id = ${accountId}::uuid and active and state = 'paused'
       and provider_calendar_id = any(${[...providerCalendarIds]}::text[])
    returning id`;
  return rows.map((row) => row.id);
}

/** The list was read to its end; the primary calendar names the mailbox. */
export async function finishListing(
  tx: Transaction,
  id: AccountId,
  mailbox: { providerAccountId: string | null; email: string | null; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts
       set provider_account_id = coalesce(provider_account_id, ${mailbox.providerAccountId}),
           email = coalesce(${mailbox.email}, email), status_reason = null, calendars_listed_at = ${mailbox.at}, updated_at = ${mailbox.at}
     where id = ${id}::uuid`;
}

/**
 * Another account of the same user on the same mailbox, if any: a live one, or, where the mailbox is connected anew, one
 * that left and kept its rows, or is just about to.
 */
export async function findTwinAccount(
  tx: Transaction,
  account: { id: AccountId; userId: string; provider: ProviderName; providerAccountId: string },
): Promise<AccountId | null> {
  const rows = await tx.$queryRaw<{ id: AccountId }[]>`
    select id from calendar_accounts
     where user_id = ${account.userId} and provider = ${account.provider} and id <> ${account.id}::uuid
       and provider_account_id = ${account.providerAccountId}
       and (status in ('active', 'reauth_needed')
         or ((status = 'disconnected' or (status = 'disconnecting' and not leaving_purge))
           and exists (select from calendar_accounts n where n.id = ${account.id}::uuid and n.provider_account_id is null)))
     order by status, id limit 1`;
  return rows[0]?.id ?? null;
}

/** The second connection of a mailbox steps back: the first keeps the rows and works again with the newer grant. */
export async function retireTwin(
  tx: Transaction,
  twin: { id: AccountId; firstId: AccountId; refreshToken: Uint8Array; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    with retired as (
      update calendar_accounts
         set status = 'disconnected', status_reason = ${`the mailbox is connected as account ${twin.firstId}`},
             calendars_listed_at = ${twin.at}, access_token = null, access_token_expires_at = null,
             updated_at = ${twin.at}
       where id = ${twin.id}::uuid returning id, user_id
    ),
    renewed as (
      update calendar_accounts
         set status = 'active', status_reason = null, refresh_token = ${twin.refreshToken}, access_token = null,
             access_token_expires_at = null, calendars_listed_at = null, ${stays}, updated_at = ${twin.at}
       where id = ${twin.firstId}::uuid returning id, user_id
    ),
    -- Nobody looked at the calendars of one that had left.
    looked_at as (
      update calendars set dirty_seq = dirty_seq + 1
       where account_id = ${twin.firstId}::uuid and active
         and not account_active
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${twin.at}, user_id, 'account_changed', id, '{status,status_reason}'::text[], 'system'
    from (select * from retired union all select * from renewed) as changed`;
}
