/**
 * A calendar's lease: who may write for it now. Every statement that writes for a pull names the lease's epoch, so that
 * a worker that lost its lease writes nothing (I6).
 */
import {
  SyncError,
  type AccountId,
  type BeatPreferences,
  type CalendarId,
  type ProviderName,
} from '@calfleet/domain';
import { beatPreferences, type PreferencesRow } from './preferences.ts';
import type { Transaction } from './transaction.ts';

export type RoundMode = 'full' | 'incremental';
export type Reading = 'changes' | 'small_pages' | 'view';
export type CalendarState = 'new' | 'syncing' | 'active' | 'resyncing' | 'deletes_held' | 'paused' | 'gone';

/** A round as it stands in its calendar's row; it outlives the worker that opened it. */
export interface Round {
  id: string;
  mode: RoundMode;
  trigger: string;
  generation: bigint;
  /** The cursor that every page of the round repeats. */
  cursor: string | null;
  /** The next page to ask for; null is the first one. */
  pageCursor: string | null;
  /** Hints up to this number are answered by this round: read before its first request (I5). */
  dirtySeq: bigint;
  /** Rows written after this number know better than the round's pages. */
  writeSeq: bigint;
  windowStart: Date;
  windowEnd: Date;
  startedAt: Date;
  /** When the last page was applied; the start, before the first. */
  pageAt: Date;
  /** Items seen so far, and changes that they made here. */
  seen: number;
  changes: number;
}

/** What a pull holds while it works. */
export interface LeasedCalendar {
  id: CalendarId;
  userId: string;
  accountId: AccountId;
  provider: ProviderName;
  providerCalendarId: string;
  timeZone: string;
  state: CalendarState;
  coverage: 'push' | 'poll' | 'none';
  incrementalEnabled: boolean;
  fullRequested: boolean;
  cursor: string | null;
  dirtySeq: bigint;
  syncedSeq: bigint;
  windowStart: Date | null;
  windowEnd: Date | null;
  quietPolls: number;
  /** How it is read: where the list of changes goes round in circles, in small pages, then by a plain view. */
  reading: Reading;
  readingSince: Date | null;
  /** An empty answer to a notification is asked for again at this time … */
  lookAgainAt: Date | null;
  /** … after this many looks. */
  looks: number;
  failures: number;
  lastErrorCode: string | null;
  nextPullAt: Date | null;
  /** When its last finished round asked for the first time. */
  lastRoundStartedAt: Date | null;
  /** A person said to delete what was held up to this stamp … */
  heldApplyUntil: Date | null;
  /** … with this request: rounds that answer it are the promised fresh look. */
  heldApplySeq: bigint | null;
  epoch: bigint;
  round: Round | null;
}

/** 60 s: the slowest page (2,500 events on a busy server) stays far below, and a dead worker is soon replaced. */
export const leaseSeconds = 60;

/** null: somebody else holds the lease, or the calendar is not to be pulled. */
export async function acquireLease(tx: Transaction, id: CalendarId): Promise<LeasedCalendar | null> {
  const rows = await tx.$queryRaw<LeaseRow[]>`
    update calendars c
       set lease_epoch = lease_epoch + 1, lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
      from calendar_accounts a
     where c.id = ${id}::uuid and c.active and c.state <> 'gone' and a.id = c.account_id and a.status = 'active'
       and (c.lease_until is null or c.lease_until < clock_timestamp())
    returning c.*`;
  return rows[0] ? leased(rows[0]) : null;
}

/**
 * Proves the lease and the place in the round, and renews the lease; the first write of every page (I6, I8).
 * @returns whether items of this calendar are in quarantine, whether deletions are held, and what its user wants
 * @throws lease_lost somebody else took over, or this page was applied before
 */
export async function renewLease(
  tx: Transaction,
  calendar: { id: CalendarId; epoch: bigint; round: { id: string; pageCursor: string | null } },
): Promise<RenewedLease> {
  const renewed = await tx.$queryRaw<
    { quarantined: boolean; held: boolean; preferences: PreferencesRow | null; start: Date; end: Date }[]
  >`
    update calendars set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
     where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch} and lease_until is not null
       and round_id = ${calendar.round.id}::uuid
       and round_page_cursor is not distinct from ${calendar.round.pageCursor}
    returning exists (select from calendar_quarantine q where q.calendar_id = calendars.id) as quarantined,
      exists (select from calendar_events e where e.calendar_id = calendars.id and e.held_at is not null) as held,
      (select to_jsonb(p) from calendar_preferences p where p.user_id = calendars.user_id) as preferences,
      least(round_window_start, moving_start) as start, greatest(round_window_end, moving_end) as end`;
  if (!renewed[0]) throw leaseLost(calendar.id);
  const { quarantined, held, preferences, start, end } = renewed[0];
  return {
    hasQuarantine: quarantined,
    hasHeld: held,
    preferences: preferences && beatPreferences(preferences),
    window: { start, end },
  };
}

export interface RenewedLease {
  /** Items of this calendar are in quarantine. */
  hasQuarantine: boolean;
  /** Deletions are held. */
  hasHeld: boolean;
  preferences: BeatPreferences | null;
  /** Where occurrences are computed now: of a window that moves, in the old one and the new one. */
  window: { start: Date; end: Date };
}

/** Renews a lease that no page proves, as single reads do. @throws lease_lost */
export async function keepLease(tx: Transaction, calendar: { id: CalendarId; epoch: bigint }): Promise<void> {
  const kept = await tx.$executeRaw`
    update calendars set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
     where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch} and lease_until is not null`;
  if (kept === 0) throw leaseLost(calendar.id);
}

export interface PullFailure {
  code: string;
  message: string;
  at: Date;
  /** Set: the calendar is taken out of the schedules, with the code as its reason. */
  state?: 'paused' | 'gone';
  /** Whether this counts towards the back-off. A snooze does not. */
  counts: boolean;
  nextPullAt: Date;
  /** Requests that were sent in vain. */
  calls: number;
}

/** Gives the lease back and says why; the round stays, to be resumed. A new state is told to the feed. */
export async function releaseLease(
  tx: Transaction,
  calendar: { id: CalendarId; epoch: bigint },
  failure: PullFailure | null,
): Promise<void> {
  if (!failure) {
    await tx.$executeRaw`
      update calendars set lease_until = null where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch}`;
    return;
  }
  const state = failure.state ?? null;
  await tx.$executeRaw`
    with released as (
    update calendars
       set lease_until = null, failures = failures + ${failure.counts ? 1 : 0},
           last_error_code = ${failure.code}, last_error = ${failure.message},
           state = coalesce(${state}, state),
           state_reason = case when ${state}::text is null then state_reason else ${failure.code} end,
           round_calls = round_calls + ${failure.calls},
           next_pull_at = ${failure.nextPullAt}, updated_at = ${failure.at}
     where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch}
    returning id, user_id, account_id
    )
    insert into calendar_changes (at, user_id, kind, calendar_id, account_id, fields, origin)
    select ${failure.at}, user_id, 'calendar_changed', id, account_id, '{state}'::text[], 'system'
    from released where ${state}::text is not null`;
}

/** A pull that got no lease failed: the row says why and when the next try is, unless somebody is at it. */
export async function noteUnbegun(
  tx: Transaction,
  id: CalendarId,
  failure: { code: string; message: string; at: Date; retryAt: (failures: number) => Date },
): Promise<void> {
  const rows = await tx.$queryRaw<{ failures: number }[]>`
    select failures from calendars
     where id = ${id}::uuid and (lease_until is null or lease_until < clock_timestamp()) for no key update`;
  if (!rows[0]) return;
  const failures = rows[0].failures + 1;
  await tx.$executeRaw`
    update calendars
       set failures = ${failures}, last_error_code = ${failure.code}, last_error = ${failure.message},
           next_pull_at = ${failure.retryAt(failures)}, updated_at = ${failure.at}
     where id = ${id}::uuid`;
}

export const leaseLost = (id: CalendarId): SyncError =>
  new SyncError('lease_lost', 'Another worker holds this calendar.', { context: { calendarId: id } });

/** A calendar's row, as far as a pull needs it. */
export interface LeaseRow {
  id: CalendarId;
  user_id: string;
  account_id: AccountId;
  provider: ProviderName;
  provider_calendar_id: string;
  time_zone: string;
  state: CalendarState;
  coverage: 'push' | 'poll' | 'none';
  incremental_enabled: boolean;
  full_requested: boolean;
  cursor: string | null;
  dirty_seq: bigint;
  synced_seq: bigint;
  window_start: Date | null;
  window_end: Date | null;
  quiet_polls: number;
  reading: Reading;
  reading_since: Date | null;
  look_again_at: Date | null;
  looks: number;
  failures: number;
  last_error_code: string | null;
  next_pull_at: Date | null;
  last_round_started_at: Date | null;
  held_apply_until: Date | null;
  held_apply_seq: bigint | null;
  lease_epoch: bigint;
  round_id: string | null;
  round_mode: RoundMode;
  round_trigger: string;
  round_generation: bigint;
  round_cursor: string | null;
  round_page_cursor: string | null;
  round_dirty_seq: bigint;
  round_write_seq: bigint;
  round_window_start: Date;
  round_window_end: Date;
  round_started_at: Date;
  round_page_at: Date;
  round_seen: number;
  round_created: number;
  round_updated: number;
  round_deleted: number;
}

export const leased = (row: LeaseRow): LeasedCalendar => ({
  id: row.id,
  userId: row.user_id,
  accountId: row.account_id,
  provider: row.provider,
  providerCalendarId: row.provider_calendar_id,
  timeZone: row.time_zone,
  state: row.state,
  coverage: row.coverage,
  incrementalEnabled: row.incremental_enabled,
  fullRequested: row.full_requested,
  cursor: row.cursor,
  dirtySeq: row.dirty_seq,
  syncedSeq: row.synced_seq,
  windowStart: row.window_start,
  windowEnd: row.window_end,
  quietPolls: row.quiet_polls,
  reading: row.reading,
  readingSince: row.reading_since,
  lookAgainAt: row.look_again_at,
  looks: row.looks,
  failures: row.failures,
  lastErrorCode: row.last_error_code,
  nextPullAt: row.next_pull_at,
  lastRoundStartedAt: row.last_round_started_at,
  heldApplyUntil: row.held_apply_until,
  heldApplySeq: row.held_apply_seq,
  epoch: row.lease_epoch,
  round:
    row.round_id === null
      ? null
      : {
          id: row.round_id,
          mode: row.round_mode,
          trigger: row.round_trigger,
          generation: row.round_generation,
          cursor: row.round_cursor,
          pageCursor: row.round_page_cursor,
          dirtySeq: row.round_dirty_seq,
          writeSeq: row.round_write_seq,
          windowStart: row.round_window_start,
          windowEnd: row.round_window_end,
          startedAt: row.round_started_at,
          pageAt: row.round_page_at,
          seen: row.round_seen,
          changes: row.round_created + row.round_updated + row.round_deleted,
        },
});
