/**
 * For a provider that began a new life and forgot what it had given us: tokens, cursors and channels of the old life
 * mean nothing to it, or worse, something else. The mirror stays; full rounds bring it up to date.
 */
import type { AccountId, CalendarId, ProviderName } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** Pulls that are running lose their lease, so that no page of the old life is applied. @returns who to ring for */
export async function forgetProvider(
  tx: Transaction,
  { provider, at }: { provider: ProviderName; at: Date },
): Promise<{ accounts: AccountId[]; calendars: CalendarId[] }> {
  const accounts = await tx.$queryRaw<{ id: AccountId }[]>`
    update calendar_accounts
       set access_token = null, access_token_expires_at = null, calendars_listed_at = null, updated_at = ${at}
     where provider = ${provider} and status = 'active' returning id`;
  await tx.$executeRaw`
    update calendar_sync_channels set state = 'expired', updated_at = ${at}
     where provider = ${provider} and state in ('creating', 'active', 'retired')`;
  const calendars = await tx.$queryRaw<{ id: CalendarId }[]>`
    update calendars
       set cursor = null, dirty_seq = dirty_seq + 1, lease_epoch = lease_epoch + 1, lease_until = null,
           state = case when last_synced_at is null then 'new' else 'resyncing' end, state_reason = null,
           coverage = case when push_refused_at is null then 'none' else 'poll' end,
           failures = 0, last_error_code = null, last_error = null, next_pull_at = ${at},
           round_id = null, round_mode = null, round_trigger = null, round_generation = null, round_cursor = null,
           round_page_cursor = null, round_dirty_seq = null, round_write_seq = null, round_window_start = null,
           round_window_end = null, round_started_at = null, round_page_at = null, updated_at = ${at}
     where provider = ${provider} returning id`;
  return { accounts: accounts.map(({ id }) => id), calendars: calendars.map(({ id }) => id) };
}

/** Whether the mirror holds mailboxes of the provider whose address does not end in `suffix`. */
export async function holdsOtherMailboxes(
  tx: Transaction,
  { provider, suffix }: { provider: ProviderName; suffix: string },
): Promise<boolean> {
  const rows = await tx.$queryRaw<{ others: boolean }[]>`
    select exists (
      select from calendar_accounts where provider = ${provider} and right(email, length(${suffix})) <> ${suffix}
    ) as others`;
  return rows[0]?.others ?? false;
}

/** Living accounts of a user at a provider: those of one mailbox, and those whose mailbox is not known yet. */
export async function findMailboxAccounts(
  tx: Transaction,
  mailbox: { userId: string; provider: ProviderName; email: string },
): Promise<{ id: AccountId; dataKey: Uint8Array }[]> {
  return tx.$queryRaw<{ id: AccountId; dataKey: Uint8Array }[]>`
    select id, data_key as "dataKey" from calendar_accounts
     where user_id = ${mailbox.userId} and provider = ${mailbox.provider} and status in ('active', 'reauth_needed')
       and (email is null or email = ${mailbox.email})`;
}

/** Another grant, sealed, in the place of the one that the provider has forgotten. */
export async function replaceGrant(
  tx: Transaction,
  account: { id: AccountId; refreshToken: Uint8Array; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts
       set refresh_token = ${account.refreshToken}, access_token = null, access_token_expires_at = null,
           token_lease_until = null, token_failure = null, status = 'active', status_reason = null,
           updated_at = ${account.at}
     where id = ${account.id}::uuid`;
}
