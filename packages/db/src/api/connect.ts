/** A mailbox that its user gave consent for: a new account, or a new grant for the one that holds it. */
import type { AccountId, CalendarId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import { stays } from '../leaving.ts';
import type { Transaction } from '../transaction.ts';

/** Whoever leaves with all its rows goes, and the mailbox gets an account of its own; one that would keep them stays. */
const renewable = Prisma.sql`(status in ('active', 'reauth_needed', 'disconnected')
  or (status = 'disconnecting' and not leaving_purge))`;

/** The user's account on a mailbox, connected or left with its rows kept. */
export async function findConnected(
  tx: Transaction,
  mailbox: { userId: string; provider: string; providerAccountId: string },
): Promise<AccountId | null> {
  const [row] = await tx.$queryRaw<{ id: AccountId }[]>`
    select id from calendar_accounts
     where user_id = ${mailbox.userId} and provider = ${mailbox.provider}
       and provider_account_id = ${mailbox.providerAccountId} and ${renewable}
     order by status, id limit 1`;
  return row?.id ?? null;
}

export interface NewGrant {
  id: AccountId;
  userId: string;
  email: string | null;
  scopes: string[];
  /** A new data key of the account, wrapped; and the refresh token sealed under it. */
  dataKey: Uint8Array;
  refreshToken: Uint8Array;
  now: Date;
}

/**
 * The rows and cursors stay as they are, so that pulls go on where they stopped. @returns false: it is leaving by now
 */
export async function renewGrant(tx: Transaction, grant: NewGrant): Promise<boolean> {
  const at = grant.now.toISOString();
  const renewed = await tx.$executeRaw`
    with renewed as (
      update calendar_accounts
         set status = 'active', status_reason = null, email = coalesce(${grant.email}, email),
             scopes = ${grant.scopes}::text[], data_key = ${grant.dataKey}, refresh_token = ${grant.refreshToken},
             access_token = null, access_token_expires_at = null, token_failure = null, calendars_listed_at = null,
             ${stays}, updated_at = ${at}::timestamptz
       where user_id = ${grant.userId} and id = ${grant.id}::uuid and ${renewable}
      returning id, user_id
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${at}::timestamptz, user_id, 'account_changed', id, '{status,status_reason,scopes}'::text[], 'system'
    from renewed`;
  return renewed > 0;
}

/** What of an account is pulled: their locks come before what is written about them. */
export async function pulledCalendars(
  tx: Transaction,
  { userId, accountId }: { userId: string; accountId: AccountId },
): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`
    select id from calendars
     where user_id = ${userId} and account_id = ${accountId}::uuid and active and state <> 'gone' order by id`;
  return rows.map((row) => row.id);
}
