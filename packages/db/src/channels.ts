/** Watches: our row first, then the provider's channel, since its first message may come before the answer. */
import type { AccountId, CalendarId, ProviderName, WatchId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export type ChannelState = 'creating' | 'active' | 'retired' | 'stopped' | 'expired' | 'abandoned' | 'failed';

export interface WatchableCalendar {
  id: CalendarId;
  user_id: string;
  account_id: AccountId;
  provider: ProviderName;
  provider_calendar_id: string;
  account_status: string;
  state: string;
  active: boolean;
  push_refused_at: Date | null;
  /** Attempts that failed in a row, and until when there is no further one. */
  watch_failures: number;
  watch_after: Date | null;
  /** The live channel, if there is one. */
  live_id: WatchId | null;
  live_resource_id: string | null;
  live_until: Date | null;
  live_key_id: string | null;
  creating_since: Date | null;
}

/** The calendar with the expiry of its live channel, locked so that two workers never open two channels. */
export async function lockForWatch(tx: Transaction, id: CalendarId): Promise<WatchableCalendar | null> {
  const rows = await tx.$queryRaw<WatchableCalendar[]>`
    select c.id, c.user_id, c.account_id, c.provider, c.provider_calendar_id, a.status as account_status, c.state,
      c.active, c.push_refused_at, c.watch_failures, c.watch_after, live.id as live_id,
      live.resource_id as live_resource_id, live.expires_at as live_until, live.signing_key_id as live_key_id,
      (select max(s.created_at) from calendar_sync_channels s where s.calendar_id = c.id and s.state = 'creating')
        as creating_since
    from calendars c join calendar_accounts a on a.id = c.account_id
    left join lateral (
      select id, resource_id, expires_at, signing_key_id from calendar_sync_channels s
       where s.calendar_id = c.id and s.state = 'active' order by s.expires_at desc limit 1
    ) live on true
    where c.id = ${id}::uuid for no key update of c`;
  return rows[0] ?? null;
}

/** The provider prolonged the channel. */
export async function prolongWatch(
  tx: Transaction,
  watch: { id: WatchId; expiresAt: Date; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    with prolonged as (
      update calendar_sync_channels set expires_at = ${watch.expiresAt}, updated_at = ${watch.at}
       where id = ${watch.id}::uuid and state = 'active' returning calendar_id
    )
    update calendars c set watch_failures = 0, watch_after = null
      from prolonged p where c.id = p.calendar_id and c.watch_after is not null`;
}

/** The provider has dropped the channel: nobody is told of changes until there is a new one. */
export async function loseWatch(tx: Transaction, id: WatchId, at: Date): Promise<void> {
  await tx.$executeRaw`
    with lost as (
      update calendar_sync_channels set state = 'expired', updated_at = ${at}
       where id = ${id}::uuid and state in ('creating', 'active', 'retired') returning calendar_id
    )
    update calendars c set coverage = 'none', quiet_polls = 0, updated_at = ${at}
      from lost where c.id = lost.calendar_id and c.coverage = 'push'
       and not exists (select from calendar_sync_channels s
         where s.calendar_id = c.id and s.state = 'active' and s.id <> ${id}::uuid)`;
}

/**
 * A new watch; an earlier one that never came to life is abandoned.
 * @param watch.replacesId the channel that this one follows; unique, so that none is ever replaced twice at a time
 */
export async function insertWatch(
  tx: Transaction,
  calendar: WatchableCalendar,
  watch: { id: WatchId; replacesId: WatchId | null; signingKeyId: string; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_sync_channels set state = 'abandoned', replaces_id = null, updated_at = ${watch.at}
     where calendar_id = ${calendar.id}::uuid and state = 'creating'`;
  await tx.$executeRaw`
    insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, signing_key_id,
      replaces_id, created_at, updated_at)
    values (${watch.id}::uuid, ${calendar.user_id}, ${calendar.account_id}::uuid, ${calendar.id}::uuid,
      ${calendar.provider}, 'creating', ${watch.signingKeyId}, ${watch.replacesId}::uuid, ${watch.at}, ${watch.at})`;
}

/**
 * Came to life: by the provider's answer or its first message, whichever is first; the other one changes nothing.
 * Whoever was heard before is to be stopped. A watch that was given up meanwhile is not wanted any more: its channel is
 * known now, and is to be stopped as well.
 * @param watch.sharesResource the resource id names the calendar, so that attempts whose answer was lost can be
 * stopped, too
 */
export async function activateWatch(
  tx: Transaction,
  watch: { id: WatchId; resourceId: string; expiresAt: Date; sharesResource: boolean; at: Date },
): Promise<void> {
  const activated = await tx.$executeRaw`
    with activated as (
      update calendar_sync_channels
         set state = 'active', resource_id = ${watch.resourceId}, expires_at = ${watch.expiresAt},
             updated_at = ${watch.at}
       where id = ${watch.id}::uuid and state = 'creating' returning calendar_id
    ),
    -- What its predecessor says until it is stopped is as true.
    retired as (
      update calendar_sync_channels s
         set state = 'retired', stop_after = ${watch.at}, stop_attempts = 0, updated_at = ${watch.at}
        from activated a where s.calendar_id = a.calendar_id and s.state = 'active' and s.id <> ${watch.id}::uuid
    ),
    known as (
      update calendar_sync_channels s set resource_id = ${watch.resourceId}, stop_after = ${watch.at}
        from activated a where ${watch.sharesResource} and s.calendar_id = a.calendar_id and s.state = 'abandoned'
         and s.resource_id is null
    )
    update calendars c
       set coverage = 'push', push_refused_at = null, watch_failures = 0, watch_after = null, updated_at = ${watch.at}
      from activated a where c.id = a.calendar_id`;
  if (activated > 0) return;
  await tx.$executeRaw`
    update calendar_sync_channels
       set resource_id = ${watch.resourceId}, expires_at = ${watch.expiresAt}, stop_after = ${watch.at},
           state = 'abandoned', updated_at = ${watch.at}
     where id = ${watch.id}::uuid and state in ('abandoned', 'failed')`;
}

/**
 * Nobody was told of what changed before the channel lived. A first round that runs just now is left alone: its own
 * channel is opened beside it, and what falls between their first seconds waits for the next beat.
 */
export async function markUnheard(tx: Transaction, id: CalendarId): Promise<boolean> {
  const marked = await tx.$executeRaw`
    update calendars set dirty_seq = dirty_seq + 1
     where id = ${id}::uuid and active and (last_synced_at is not null or round_id is null)`;
  return marked > 0;
}

/** The channel ends by our own will before there is another one: nobody is told of changes until then. */
export async function retireWatch(tx: Transaction, id: WatchId, at: Date): Promise<void> {
  await tx.$executeRaw`
    with retired as (
      update calendar_sync_channels set state = 'retired', stop_after = ${at}, stop_attempts = 0, updated_at = ${at}
       where id = ${id}::uuid and state = 'active' returning calendar_id
    )
    update calendars c set coverage = 'none', updated_at = ${at} from retired r where c.id = r.calendar_id`;
}

/** Nothing was opened, and nobody said anything of the calendar: there was no attempt. A watch that came to life stays. */
export async function forgetWatch(tx: Transaction, id: WatchId): Promise<{ isAlive: boolean }> {
  await tx.$executeRaw`delete from calendar_sync_channels where id = ${id}::uuid and state = 'creating'`;
  const row = await readWatch(tx, id);
  return { isAlive: row?.state === 'active' };
}

/** The provider said no, or nothing. A watch that came to life meanwhile stays. */
export async function failWatch(
  tx: Transaction,
  watch: { id: WatchId; state: 'failed' | 'abandoned'; reason: string; at: Date },
): Promise<{ isAlive: boolean }> {
  const failed = await tx.$executeRaw`
    update calendar_sync_channels
       set state = ${watch.state}, replaces_id = null, last_error = ${watch.reason}, updated_at = ${watch.at}
     where id = ${watch.id}::uuid and state = 'creating'`;
  if (failed > 0) return { isAlive: false };
  const row = await readWatch(tx, watch.id);
  return { isAlive: row?.state === 'active' };
}

/** This calendar cannot be watched: it is polled, and healthy. */
export async function refusePush(tx: Transaction, calendarId: CalendarId, at: Date): Promise<void> {
  await tx.$executeRaw`
    update calendars
       set coverage = 'poll', push_refused_at = ${at}, watch_failures = 0, watch_after = null, updated_at = ${at}
     where id = ${calendarId}::uuid`;
}

/** An attempt failed. @param failure.counts a provider that asks for patience says nothing against the calendar */
export async function putWatchOff(
  tx: Transaction,
  calendarId: CalendarId,
  failure: { until: Date; counts: boolean },
): Promise<void> {
  await tx.$executeRaw`
    update calendars
       set watch_failures = watch_failures + ${failure.counts ? 1 : 0}, watch_after = ${failure.until}
     where id = ${calendarId}::uuid`;
}

export interface NotifiedWatch {
  id: WatchId;
  calendar_id: CalendarId | null;
  account_id: AccountId;
  provider: ProviderName;
  state: ChannelState;
  resource_id: string | null;
}

/** A message came in. @returns the watch it belongs to, as it was; null when we never had it. */
export async function noteNotification(
  tx: Transaction,
  id: WatchId,
  at: Date,
): Promise<NotifiedWatch | null> {
  const rows = await tx.$queryRaw<NotifiedWatch[]>`
    update calendar_sync_channels set last_notification_at = ${at} where id = ${id}::uuid
    returning id, calendar_id, account_id, provider, state, resource_id`;
  return rows[0] ?? null;
}

export async function readWatch(tx: Transaction, id: WatchId): Promise<NotifiedWatch | null> {
  const rows = await tx.$queryRaw<NotifiedWatch[]>`
    select id, calendar_id, account_id, provider, state, resource_id from calendar_sync_channels
     where id = ${id}::uuid`;
  return rows[0] ?? null;
}

/**
 * Channels whose time is over; a calendar that is left without one is not covered by push any more, and is looked at:
 * since that time nobody was told. @returns how many channels there were in this batch
 */
export async function expireWatches(tx: Transaction, page: { limit: number; at: Date }): Promise<number> {
  const rows = await tx.$queryRaw<{ expired: number }[]>`
    with over as materialized (
      select id, calendar_id from calendar_sync_channels
       where state in ('active', 'retired', 'abandoned') and expires_at <= ${page.at}
       order by expires_at limit ${page.limit} for update skip locked
    ),
    expired as (
      update calendar_sync_channels s set state = 'expired', stop_after = null, updated_at = ${page.at}
       where s.id = any(array(select id from over))
    ),
    uncovered as (
      update calendars c
         set coverage = 'none', quiet_polls = 0, dirty_seq = dirty_seq + 1, updated_at = ${page.at}
       where c.coverage = 'push' and c.id = any(array(select calendar_id from over))
         and not exists (select from calendar_sync_channels s where s.calendar_id = c.id and s.state = 'active'
           and s.id <> all(array(select id from over)))
    )
    select count(*)::int as expired from over`;
  return rows[0]?.expired ?? 0;
}
