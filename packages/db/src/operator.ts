/** What an operator asks of the whole fleet, over all users. Worker role only. */
import type { AccountId, CalendarId, ProviderName } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';
import { readStops, statusReason } from './write-brake.ts';
import { unsettledStates } from './writes.ts';

export interface FleetStatus {
  accounts: { provider: string; status: string; accounts: number }[];
  /** Active ones. */
  calendars: { state: string; coverage: string; calendars: number; dirty: number }[];
  /** Of the calendars that are to be pulled, how long ago they were last verified, seconds. */
  freshness: Freshness[];
  /** Channels that may still speak, by the key that signed them. */
  channels: { provider: string; signing_key_id: string; channels: number }[];
  quarantined: number;
  writes: {
    /** Everywhere, and accounts on their own. */
    stopped: { fleet: boolean; accounts: number };
    /** By state, with the age of the oldest, seconds; those that were folded into others count with them. */
    unsettled: { state: string; writes: number; oldest: number }[];
    open_conflicts: number;
  };
}

export interface Freshness {
  /** null: over all. */
  coverage: string | null;
  calendars: number;
  never: number;
  p50: number | null;
  p99: number | null;
  oldest: number | null;
}

/** Reads whole tables: a person's question, not a probe's. @param at ages are told from here */
export async function readFleetStatus(tx: Transaction, at: Date): Promise<FleetStatus> {
  const accounts = await tx.$queryRaw<FleetStatus['accounts']>`
    select provider, status, count(*)::int as accounts from calendar_accounts group by 1, 2 order by 1, 2`;
  const calendars = await tx.$queryRaw<FleetStatus['calendars']>`
    select state, coverage, count(*)::int as calendars,
      (count(*) filter (where dirty_seq > synced_seq))::int as dirty
    from calendars where active group by 1, 2 order by 1, 2`;
  const freshness = await tx.$queryRaw<Freshness[]>`
    select coverage, count(*)::int as calendars, (count(*) filter (where age is null))::int as never,
      percentile_disc(0.5) within group (order by age) as p50,
      percentile_disc(0.99) within group (order by age) as p99, max(age) as oldest
    from (
      select coverage, extract(epoch from ${at}::timestamptz - last_synced_at)::float8 as age
      from calendars where active and account_active and state not in ('paused', 'gone')
    ) ages
    group by rollup (coverage) order by coverage nulls last`;
  const channels = await tx.$queryRaw<FleetStatus['channels']>`
    select provider, signing_key_id, count(*)::int as channels from calendar_sync_channels
    where state in ('creating', 'active', 'retired') and coalesce(expires_at > ${at}, true)
    group by 1, 2 order by 1, 2`;
  const [quarantine] = await tx.$queryRaw<{ items: number }[]>`
    select count(*)::int as items from calendar_quarantine`;
  return {
    accounts,
    calendars,
    freshness,
    channels,
    quarantined: quarantine?.items ?? 0,
    writes: await readWriting(tx, at),
  };
}

async function readWriting(tx: Transaction, at: Date): Promise<FleetStatus['writes']> {
  const unsettled = await tx.$queryRaw<FleetStatus['writes']['unsettled']>`
    select state, count(*)::int as writes,
      extract(epoch from ${at}::timestamptz - min(created_at))::float8 as oldest
    from calendar_writes
    where state in ${unsettledStates} and folded_into is null group by 1 order by 1`;
  const [conflicts] = await tx.$queryRaw<{ open: number }[]>`
    select count(*)::int as open from calendar_sync_conflicts where status = 'open'`;
  return { stopped: await readStops(tx), unsettled, open_conflicts: conflicts?.open ?? 0 };
}

export interface FleetCalendar {
  id: CalendarId;
  user_id: string;
  name: string;
  state: string;
  coverage: string;
  dirty: boolean;
  last_synced_at: Date | null;
  failures: number;
  last_error_code: string | null;
}

/** Oldest first. @param page.staleBefore only active calendars that were last synced before this instant, or never */
export async function listFleetCalendars(
  tx: Transaction,
  page: { after: CalendarId | null; limit: number; staleBefore: Date | null },
): Promise<FleetCalendar[]> {
  return tx.$queryRaw<FleetCalendar[]>`
    select id, user_id, name, state, coverage, dirty_seq > synced_seq as dirty, last_synced_at, failures,
      last_error_code
    from calendars
    where id > coalesce(${page.after}::uuid, '00000000-0000-0000-0000-000000000000')
      and (${page.staleBefore}::timestamptz is null
        or (active and state <> 'gone' and coalesce(last_synced_at, '-infinity') < ${page.staleBefore}))
    order by id limit ${page.limit}`;
}

export interface FleetAccount {
  id: AccountId;
  user_id: string;
  provider: ProviderName;
  email: string | null;
  status: string;
  status_reason: string | null;
  calendars: number;
}

/** Oldest first. @param page.status only accounts in this one */
export async function listFleetAccounts(
  tx: Transaction,
  page: { after: AccountId | null; limit: number; status?: string },
): Promise<FleetAccount[]> {
  return tx.$queryRaw<FleetAccount[]>`
    select a.id, a.user_id, a.provider, a.email, a.status, ${statusReason} as status_reason,
      (select count(*)::int from calendars c where c.account_id = a.id) as calendars
    from calendar_accounts a
    where a.id > coalesce(${page.after}::uuid, '00000000-0000-0000-0000-000000000000')
      and (${page.status ?? null}::text is null or a.status = ${page.status ?? null})
    order by a.id limit ${page.limit}`;
}

/** A person's wish for a pull. @returns the number that answers it; null when there is no such active calendar */
export async function requestPull(
  tx: Transaction,
  wish: { id: CalendarId; full: boolean; at: Date },
): Promise<bigint | null> {
  const rows = await tx.$queryRaw<{ dirty_seq: bigint }[]>`
    update calendars
       set dirty_seq = dirty_seq + 1, full_requested = full_requested or ${wish.full}, updated_at = ${wish.at}
     where id = ${wish.id}::uuid and active returning dirty_seq`;
  return rows[0]?.dirty_seq ?? null;
}

export interface MirrorCounts {
  provider: ProviderName;
  calendars: number;
  events: number;
  occurrences: number;
}

/** By provider. Reads every row: for a demo and for tests, not for a fleet. */
export async function countMirror(tx: Transaction): Promise<MirrorCounts[]> {
  return tx.$queryRaw<MirrorCounts[]>`
    select c.provider, count(*)::int as calendars,
      coalesce(sum((select count(*) from calendar_events e where e.calendar_id = c.id and e.deleted_at is null)), 0)::int
        as events,
      coalesce(sum((select count(*) from calendar_occurrences o where o.calendar_id = c.id)), 0)::int as occurrences
    from calendars c group by c.provider order by c.provider`;
}
