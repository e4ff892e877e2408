/** Channels that nobody wants: found, stopped while their account can be asked, counted until they are over. */
import type { AccountId, ProviderName, WatchId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** Calendars that should have no channel any more: inactive or gone. @returns how many lost theirs */
export async function retireOverwatched(tx: Transaction, page: { limit: number; at: Date }): Promise<number> {
  return tx.$executeRaw`
    with over as (
      select id from calendars where coverage = 'push' and (not active or state = 'gone')
       order by id limit ${page.limit} for no key update skip locked
    ),
    retired as (
      update calendar_sync_channels s
         set state = 'retired', stop_after = ${page.at}, stop_attempts = 0, updated_at = ${page.at}
        from over where s.calendar_id = over.id and s.state = 'active'
    )
    update calendars c set coverage = 'none', quiet_polls = 0, updated_at = ${page.at}
      from over where c.id = over.id`;
}

/** Live channels whose calendar was deleted. @returns how many there were */
export async function retireHomeless(tx: Transaction, page: { limit: number; at: Date }): Promise<number> {
  return tx.$executeRaw`
    update calendar_sync_channels s
       set state = case when resource_id is null then 'abandoned' else 'retired' end,
           stop_after = case when resource_id is null then null else ${page.at}::timestamptz end,
           stop_attempts = 0, updated_at = ${page.at}
      from (
        select id from calendar_sync_channels where calendar_id is null and state in ('creating', 'active')
         order by id limit ${page.limit} for update skip locked
      ) as homeless
     where s.id = homeless.id`;
}

/**
 * Attempts that neither an answer nor a message ended. Such a channel may live.
 * @param page.sharing providers whose resource id names the calendar: it is known from any other channel of it
 */
export async function abandonUnanswered(
  tx: Transaction,
  page: { createdBefore: Date; limit: number; sharing: readonly ProviderName[]; at: Date },
): Promise<number> {
  return tx.$executeRaw`
    with unanswered as (
      select id, calendar_id, provider from calendar_sync_channels
       where state = 'creating' and created_at <= ${page.createdBefore}
       order by created_at, id limit ${page.limit} for update skip locked
    ),
    known as (
      select u.id, case when u.provider = any(${[...page.sharing]}::text[]) then (
        select resource_id from calendar_sync_channels t
         where t.calendar_id = u.calendar_id and t.resource_id is not null order by t.created_at desc limit 1)
      end as resource_id from unanswered u
    )
    update calendar_sync_channels s
       set state = 'abandoned', replaces_id = null, resource_id = known.resource_id, updated_at = ${page.at},
           stop_after = case when known.resource_id is null then null else ${page.at}::timestamptz end
      from known where s.id = known.id`;
}

/** After so many attempts a channel is left to run out. */
export const stopAttemptsMax = 10;

/**
 * An unwanted channel speaks. Until an hour after its stop that is nothing unusual.
 * @returns whether it is to be stopped now
 */
export async function noteUnwanted(
  tx: Transaction,
  message: { id: WatchId; resourceId: string; expiresAt: Date | null; at: Date },
): Promise<boolean> {
  const rows = await tx.$queryRaw<{ due: boolean }[]>`
    update calendar_sync_channels
       set resource_id = coalesce(resource_id, ${message.resourceId}),
           expires_at = coalesce(expires_at, ${message.expiresAt}::timestamptz),
           stop_after = coalesce(stop_after, ${message.at}::timestamptz)
     where id = ${message.id}::uuid and stop_attempts < ${stopAttemptsMax}
       and (state in ('abandoned', 'failed')
         or (state = 'stopped' and updated_at <= ${message.at}::timestamptz - interval '1 hour'))
    returning stop_after <= ${message.at} as due`;
  return rows[0]?.due ?? false;
}

/** What is to be stopped now, longest first. */
export async function watchesToStop(
  tx: Transaction,
  page: { after: { at: Date; id: WatchId } | null; limit: number; at: Date },
): Promise<{ id: WatchId; at: Date; resourceId: string }[]> {
  return tx.$queryRaw<{ id: WatchId; at: Date; resourceId: string }[]>`
    select id, stop_after as at, resource_id as "resourceId" from calendar_sync_channels
     where stop_after <= ${page.at} and resource_id is not null
       and (stop_after, id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.id ?? null}::uuid, '00000000-0000-0000-0000-000000000000'))
     order by stop_after, id limit ${page.limit}`;
}

export interface WatchToStop {
  account_id: AccountId;
  provider: ProviderName;
  /** null: the account was deleted. */
  account_status: string | null;
  stop_attempts: number;
}

/** Takes the channel to be stopped. @returns null when it is wanted, over, or stopped already */
export async function lockForStop(tx: Transaction, id: WatchId): Promise<WatchToStop | null> {
  const rows = await tx.$queryRaw<WatchToStop[]>`
    select s.account_id, s.provider, s.stop_attempts,
      (select a.status from calendar_accounts a where a.id = s.account_id) as account_status
    from calendar_sync_channels s
    where s.id = ${id}::uuid
      and (s.state in ('retired', 'abandoned', 'failed') or (s.state = 'stopped' and s.stop_after is not null))
    for update of s`;
  return rows[0] ?? null;
}

/** @param next.stopAfter null: it is given up, and runs out */
export async function planStop(
  tx: Transaction,
  id: WatchId,
  next: { attempts: number; stopAfter: Date | null },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_sync_channels set stop_attempts = ${next.attempts}, stop_after = ${next.stopAfter}
     where id = ${id}::uuid and state in ('retired', 'abandoned', 'failed', 'stopped')`;
}

/** The provider has stopped it. */
export async function endWatch(tx: Transaction, id: WatchId, at: Date): Promise<void> {
  await tx.$executeRaw`
    update calendar_sync_channels set state = 'stopped', stop_after = null, updated_at = ${at}
     where id = ${id}::uuid and state in ('retired', 'abandoned', 'failed', 'stopped')`;
}

/**
 * Channels that nobody wants and that may still speak, by provider. One whose expiry is not known is over after eight
 * days: none lives longer than seven.
 */
export async function countOrphans(
  tx: Transaction,
  at: Date,
): Promise<{ provider: ProviderName; orphans: number }[]> {
  return tx.$queryRaw<{ provider: ProviderName; orphans: number }[]>`
    select provider, count(*)::int as orphans from calendar_sync_channels
     where state in ('retired', 'abandoned')
       and coalesce(expires_at, created_at + interval '8 days') > ${at}
     group by provider order by provider`;
}

/** Channels that may still speak, by the key that proves them: one without any may be taken out of the list. */
export async function countChannelsByKey(
  tx: Transaction,
  at: Date,
): Promise<{ keyId: string; channels: number }[]> {
  return tx.$queryRaw<{ keyId: string; channels: number }[]>`
    select signing_key_id as "keyId", count(*)::int as channels from calendar_sync_channels
     where state in ('creating', 'active', 'retired', 'abandoned')
       and coalesce(expires_at, created_at + interval '8 days') > ${at}
     group by signing_key_id order by signing_key_id`;
}
