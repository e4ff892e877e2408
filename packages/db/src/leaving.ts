/**
 * Accounts that leave: a state machine in the account's row. Each statement names the step that it belongs to, so that a
 * late worker changes nothing, and an account that was connected again meanwhile goes on living.
 */
import type { AccountId, CalendarId, EventId, ProviderName, WatchId } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import { endOpenConflicts } from './conflicts.ts';
import type { Transaction } from './transaction.ts';
import { hasUnsettledWrites, unsettledStates } from './writes.ts';

/** In this order. `deletions`, `channels` and `grant` need the provider; the others never fail for its sake. */
export const leavingSteps = ['fence', 'writes', 'deletions', 'channels', 'grant', 'rows'] as const;
export type LeavingStep = (typeof leavingSteps)[number];

/** How an account is to leave. */
export interface LeavingWish {
  id: AccountId;
  /** null: whosoever it is. */
  userId: string | null;
  /** Nothing is kept. */
  purge: boolean;
  /** What was made through us is deleted at the provider. */
  deletesManaged: boolean;
  at: Date;
}

/**
 * Asks an account to leave, and says so in the feed. Asked again while it leaves, it leaves the more thoroughly of both
 * ways; one that has left may still be asked to leave nothing behind.
 * @returns whether there is such an account
 */
export async function beginLeaving(tx: Transaction, wish: LeavingWish): Promise<boolean> {
  const { at } = wish;
  const rows = await tx.$queryRaw<unknown[]>`
    with found as materialized (
      select id, user_id, status from calendar_accounts
       where id = ${wish.id}::uuid and (${wish.userId}::text is null or user_id = ${wish.userId}) for update
    ),
    asked as (
      update calendar_accounts a
         set status = 'disconnecting', status_reason = null,
             leaving_step = case when a.leaving_step is null or (${wish.deletesManaged} and not a.leaving_deletes)
               or (${wish.purge} and not a.leaving_purge) then 'fence' else a.leaving_step end,
             leaving_purge = a.leaving_purge or ${wish.purge},
             leaving_deletes = a.leaving_deletes or ${wish.deletesManaged},
             leaving_asks = case f.status when 'active' then true when 'disconnecting' then a.leaving_asks else false end,
             leaving_since = coalesce(a.leaving_since, ${at}::timestamptz), leaving_after = ${at}, leaving_attempts = 0,
             updated_at = ${at}
        from found f where a.id = f.id and (f.status <> 'disconnected' or ${wish.purge})
      returning a.id, a.user_id, f.status as before
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
      select ${at}, user_id, 'account_changed', id, '{status}'::text[], 'system' from asked
       where before <> 'disconnecting'
    )
    select id from found`;
  return rows.length > 0;
}

export interface LeavingAccount {
  id: AccountId;
  userId: string;
  provider: ProviderName;
  providerAccountId: string | null;
  step: LeavingStep;
  purge: boolean;
  deletesManaged: boolean;
  /** Whether its provider can be asked for anything. */
  asks: boolean;
  since: Date;
  attempts: number;
}

/** null: it does not leave, or has left. Locked until the transaction ends. */
export async function lockLeaving(tx: Transaction, id: AccountId): Promise<LeavingAccount | null> {
  const rows = await tx.$queryRaw<LeavingAccount[]>`
    select id, user_id as "userId", provider, provider_account_id as "providerAccountId", leaving_step as step,
      leaving_purge as purge, leaving_deletes as "deletesManaged", leaving_asks as asks, leaving_since as since,
      leaving_attempts as attempts
    from calendar_accounts where id = ${id}::uuid and status = 'disconnecting' for no key update`;
  return rows[0] ?? null;
}

/** Of accounts that wait to be taken a step further, those that waited longest first. */
export async function accountsLeaving(
  tx: Transaction,
  page: { at: Date; limit: number },
): Promise<AccountId[]> {
  const rows = await tx.$queryRaw<{ id: AccountId }[]>`
    select id from calendar_accounts where status = 'disconnecting' and leaving_after <= ${page.at}
     order by leaving_after, id limit ${page.limit}`;
  return rows.map(({ id }) => id);
}

/** One step is done. */
export async function advanceLeaving(
  tx: Transaction,
  { id, step }: Pick<LeavingAccount, 'id' | 'step'>,
  next: { step: LeavingStep; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts
       set leaving_step = ${next.step}, leaving_attempts = 0, leaving_after = ${next.at}, status_reason = null,
           updated_at = ${next.at}
     where id = ${id}::uuid and status = 'disconnecting' and leaving_step = ${step}`;
}

/** Not now: it is looked at again. @param until.reason shown to its user */
export async function putLeavingOff(
  tx: Transaction,
  { id, step }: Pick<LeavingAccount, 'id' | 'step'>,
  until: { after: Date; reason: string; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts
       set leaving_after = ${until.after}, leaving_attempts = leaving_attempts + 1, status_reason = ${until.reason},
           updated_at = ${until.at}
     where id = ${id}::uuid and status = 'disconnecting' and leaving_step = ${step}`;
}

/** Somebody works at it: the drain need not ring before then. */
export async function holdLeaving(tx: Transaction, id: AccountId, until: Date): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts set leaving_after = ${until} where id = ${id}::uuid and status = 'disconnecting'`;
}

/** Its grant is dead: nothing more is asked of its provider. */
export async function leaveUnasked(tx: Transaction, id: AccountId): Promise<void> {
  await tx.$executeRaw`
    update calendar_accounts set leaving_asks = false where id = ${id}::uuid and status = 'disconnecting'`;
}

/**
 * Whoever pulls or pushes for the account has lost its lease, and its channels are not wanted any more.
 * @param of.sharesResource the resource id names the calendar: an attempt that nobody answered yet can be stopped by it
 */
export async function fenceAccount(
  tx: Transaction,
  of: { id: AccountId; sharesResource: boolean; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendars
       set lease_epoch = lease_epoch + 1, lease_until = null, push_epoch = push_epoch + 1, push_until = null,
           coverage = 'none', quiet_polls = 0, updated_at = ${of.at}
     where account_id = ${of.id}::uuid`;
  await tx.$executeRaw`
    with known as (
      select s.id, coalesce(s.resource_id, case when ${of.sharesResource} then (
        select t.resource_id from calendar_sync_channels t
         where t.calendar_id = s.calendar_id and t.resource_id is not null order by t.created_at desc limit 1) end)
        as resource_id
      from calendar_sync_channels s
      where s.account_id = ${of.id}::uuid and s.state in ('creating', 'active', 'retired', 'abandoned')
    )
    update calendar_sync_channels s
       set state = case when s.state in ('creating', 'abandoned') then 'abandoned' else 'retired' end, replaces_id = null,
           resource_id = known.resource_id, stop_attempts = 0, updated_at = ${of.at},
           stop_after = case when known.resource_id is not null then ${of.at}::timestamptz end
      from known where s.id = known.id`;
}

/** A calendar of an account that leaves. */
export interface LeavingCalendar {
  id: CalendarId;
  /** Something may be written to it: it is there, and was read. */
  isWritable: boolean;
}

export async function calendarsLeaving(tx: Transaction, id: AccountId): Promise<LeavingCalendar[]> {
  return tx.$queryRaw<LeavingCalendar[]>`
    select id, state <> 'gone' and coalesce(window_start, round_window_start) is not null as "isWritable"
    from calendars where account_id = ${id}::uuid order by id`;
}

/**
 * What was still to be written is not written any more, and nobody has to decide about it. The events are read again, should
 * the mailbox ever be connected again.
 * @param of.keepsCreations may be there already: they are needed to delete what they made
 * @returns how many writes ended
 */
export async function discardLeft(
  tx: Transaction,
  of: { calendarId: CalendarId; keepsCreations: boolean; at: Date; limit: number },
): Promise<number> {
  const closed = { resolution: 'provider', by: 'provider', at: of.at } as const;
  const rows = await tx.$queryRaw<{ ended: number }[]>`
    with left_over as materialized (
      select w.id, w.event_id from calendar_writes w
       where w.calendar_id = ${of.calendarId}::uuid and w.state in ${unsettledStates}
         and not (${of.keepsCreations} and coalesce(
           (select t.op from calendar_writes t where t.id = w.folded_into), w.op) = 'create')
       order by w.id limit ${of.limit} for update
    ),
    closed as (
      ${endOpenConflicts(Prisma.sql`write_id in (select id from left_over)`, closed)}
    ),
    read_again as (
      update calendar_events set recheck_at = ${of.at}
       where id in (select event_id from left_over) and provider_event_id is not null
    ),
    ended as (
      update calendar_writes
         set state = 'discarded', updated_at = ${of.at},
             error = coalesce(error, '{"code":"gone","message":"The account was disconnected"}'::jsonb)
       where id in (select id from left_over)
    )
    select count(*)::int as ended from left_over`;
  return rows[0]?.ended ?? 0;
}

/** Events that no provider was ever told of, or answered for, and that nothing is to be written about any more. */
export async function eventsUntold(
  tx: Transaction,
  of: { calendarId: CalendarId; limit: number },
): Promise<EventId[]> {
  return idsOf(
    await tx.$queryRaw<{ id: EventId }[]>`
      select id from calendar_events e
       where calendar_id = ${of.calendarId}::uuid and provider_event_id is null and deleted_at is null
         and not ${hasUnsettledWrites(Prisma.sql`e.id`)}
       order by id limit ${of.limit}`,
  );
}

/** Events made through us that are still to be deleted; the changed days of a series go with it. */
export async function managedEventsLeft(
  tx: Transaction,
  of: { calendarId: CalendarId; limit: number },
): Promise<EventId[]> {
  return idsOf(
    await tx.$queryRaw<{ id: EventId }[]>`
      select id from calendar_events e
       where calendar_id = ${of.calendarId}::uuid and managed and deleted_at is null and kind <> 'exception'
         and (provider_event_id is not null or exists (select from calendar_writes w
           where w.event_id = e.id and w.op = 'create' and w.state in ${unsettledStates}))
       order by id limit ${of.limit}`,
  );
}

/** Whether something is still on its way to the provider. */
export async function isWriteLeft(tx: Transaction, calendarId: CalendarId): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from calendar_writes
     where calendar_id = ${calendarId}::uuid and state in ('pending', 'pushing') and folded_into is null limit 1`;
  return rows.length > 0;
}

/**
 * Channels that are still to be stopped. Without a resource id: an attempt that was under way, whose answer will name it.
 * @param of.answeredBefore whoever asked before then has had the answer, or never will
 */
export async function channelsLeft(
  tx: Transaction,
  of: { id: AccountId; answeredBefore: Date },
): Promise<{ id: WatchId; resourceId: string | null; stopAfter: Date | null }[]> {
  return tx.$queryRaw<{ id: WatchId; resourceId: string | null; stopAfter: Date | null }[]>`
    select id, resource_id as "resourceId", stop_after as "stopAfter" from calendar_sync_channels
     where account_id = ${of.id}::uuid
       and (stop_after is not null
         or (state = 'abandoned' and resource_id is null and created_at > ${of.answeredBefore}))
     order by stop_after nulls last, id`;
}

/**
 * Who else lives on the mailbox: a revocation would end its grant as well. One that leaves later revokes by itself. An
 * account of the same user whose list was not read yet may turn out to be one.
 */
export async function mailboxShared(
  tx: Transaction,
  { id, userId, provider, providerAccountId }: LeavingAccount,
): Promise<'shared' | 'unknown' | 'alone'> {
  // Two that leave at once decide one after the other.
  await tx.$queryRaw`
    select pg_advisory_xact_lock(hashtextextended(${`${provider} ${providerAccountId ?? id}`}, 1))::text`;
  const [row] = await tx.$queryRaw<{ shared: boolean; unknown: boolean }[]>`
    select exists (select from calendar_accounts where provider = ${provider} and id <> ${id}::uuid
        and provider_account_id = ${providerAccountId}
        and (status in ('active', 'reauth_needed')
          or (status = 'disconnecting' and leaving_asks and leaving_step not in ('grant', 'rows')))) as shared,
      exists (select from calendar_accounts where user_id = ${userId} and provider = ${provider}
        and id <> ${id}::uuid and provider_account_id is null and status = 'active') as unknown`;
  return row?.shared ? 'shared' : row?.unknown ? 'unknown' : 'alone';
}

/** It has left, its rows stay; its grant is forgotten. @returns false: it does not leave, or is to leave nothing */
export async function finishLeaving(tx: Transaction, id: AccountId, at: Date): Promise<boolean> {
  const left = await tx.$executeRaw`
    with left_now as (
      update calendar_accounts
         set status = 'disconnected', status_reason = null, refresh_token = '\\x', access_token = null,
             access_token_expires_at = null, token_lease_until = null, token_failure = null, ${stays},
             updated_at = ${at}
       where id = ${id}::uuid and status = 'disconnecting' and not leaving_purge returning id, user_id
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${at}, user_id, 'account_changed', id, '{status}'::text[], 'system' from left_now`;
  return left > 0;
}

/** It does not leave, or not any more. */
export const stays = Prisma.sql`leaving_step = null, leaving_purge = false, leaving_deletes = false,
  leaving_asks = false, leaving_since = null, leaving_after = null, leaving_attempts = 0`;

const idsOf = <Id>(rows: { id: Id }[]): Id[] => rows.map(({ id }) => id);
