/** A user's wish for a pull: a number in the calendar's row (I5), and the look whether it was answered. */
import type { AccountId, CalendarId } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';
import type { AccountRow } from './accounts.ts';

export interface SyncTarget {
  id: CalendarId;
  account_id: AccountId;
  active: boolean;
  state: string;
  account_status: AccountRow['status'];
}

/** The named calendar, whatever its state, else all that are active and still there. */
export async function syncTargets(
  tx: Transaction,
  { userId, calendarId }: { userId: string; calendarId: string | null },
): Promise<SyncTarget[]> {
  return tx.$queryRaw<SyncTarget[]>`
    select c.id, c.account_id, c.active, c.state, a.status as account_status
    from calendars c join calendar_accounts a on a.id = c.account_id
    where c.user_id = ${userId}
      and case when ${calendarId}::uuid is null then c.active and c.state <> 'gone' else c.id = ${calendarId}::uuid end
    order by c.id`;
}

export interface SyncRequest {
  calendar_id: CalendarId;
  request_seq: bigint;
}

/** Marks the calendars dirty. The rows are locked in one order, so that two requests never wait in a circle. */
export async function requestSync(
  tx: Transaction,
  request: { userId: string; calendarIds: CalendarId[]; full: boolean; now: Date },
): Promise<SyncRequest[]> {
  return tx.$queryRaw<SyncRequest[]>`
    with asked as materialized (
      select id from calendars
      where user_id = ${request.userId} and id = any(${request.calendarIds}::uuid[])
      order by id for update
    )
    update calendars c set dirty_seq = c.dirty_seq + 1, full_requested = c.full_requested or ${request.full},
      updated_at = ${request.now.toISOString()}::timestamptz
    from asked where c.id = asked.id
    returning c.id as calendar_id, c.dirty_seq as request_seq`;
}

export interface SyncProgress {
  calendar_id: CalendarId;
  done: boolean;
  credentials_revoked: boolean;
  /** Of the first run that answered the request; null when it is not known (yet). */
  mode: string | null;
  created: number;
  updated: number;
  deleted: number;
  provider_calls: number;
}

export async function syncProgress(
  tx: Transaction,
  { userId, requests }: { userId: string; requests: readonly SyncRequest[] },
): Promise<SyncProgress[]> {
  return tx.$queryRaw<SyncProgress[]>`
    select c.id as calendar_id, c.synced_seq >= asked.request_seq as done,
      a.status = 'reauth_needed' as credentials_revoked, coalesce(run.mode, c.last_mode) as mode,
      coalesce(run.created, 0) as created, coalesce(run.updated, 0) as updated, coalesce(run.deleted, 0) as deleted,
      coalesce(run.provider_calls, 0) as provider_calls
    from unnest(${requests.map((each) => each.calendar_id)}::uuid[],
      ${requests.map((each) => each.request_seq)}::bigint[]) as asked (calendar_id, request_seq)
    join calendars c on c.id = asked.calendar_id and c.user_id = ${userId}
    join calendar_accounts a on a.id = c.account_id
    left join lateral (
      select mode, created, updated, deleted, provider_calls from calendar_sync_runs r
      where r.calendar_id = c.id and r.synced_seq >= asked.request_seq
        and r.outcome in ('completed', 'deletes_held')
      order by r.id limit 1
    ) run on true
    order by c.id`;
}
