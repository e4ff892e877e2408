/** A calendar's round, from its opening to its last page. It is the calendar's row, and outlives its worker. */
import {
  leaseLost,
  leased,
  type LeaseRow,
  type LeasedCalendar,
  type Reading,
  type RoundMode,
} from './lease.ts';
import type { Transaction } from './transaction.ts';

/** Opens a round; hints and evidence are read in the same statement, before the round's first request. */
export async function openRound(
  tx: Transaction,
  calendar: LeasedCalendar,
  round: {
    id: string;
    mode: RoundMode;
    trigger: string;
    at: Date;
    windowStart: Date;
    windowEnd: Date;
    reading: Reading;
  },
): Promise<LeasedCalendar> {
  const full = round.mode === 'full';
  const rows = await tx.$queryRaw<LeaseRow[]>`
    update calendars
       set round_id = ${round.id}::uuid, round_mode = ${round.mode}, round_trigger = ${round.trigger},
           generation = generation + ${full ? 1 : 0}, round_generation = generation + ${full ? 1 : 0},
           round_cursor = ${full ? null : calendar.cursor}, round_page_cursor = null,
           round_dirty_seq = dirty_seq, round_write_seq = write_seq,
           round_window_start = ${round.windowStart}, round_window_end = ${round.windowEnd},
           round_started_at = ${round.at}, round_page_at = ${round.at},
           round_pages = 0, round_seen = 0, round_created = 0, round_updated = 0, round_deleted = 0,
           round_calls = 0, full_requested = full_requested and not ${full},
           reading = ${round.reading},
           reading_since = case when reading = ${round.reading} then reading_since else ${round.at} end,
           state = case when not ${full} then state when cursor is null and last_synced_at is null then 'syncing'
                        else 'resyncing' end,
           updated_at = ${round.at}
     where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch}
       and lease_until is not null
    returning *`;
  if (!rows[0]) throw leaseLost(calendar.id);
  return leased(rows[0]);
}

export interface RoundProgress {
  seen: number;
  created: number;
  updated: number;
  deleted: number;
  calls: number;
}

/** The page is applied: the round stands before the next one. */
export async function advanceRound(
  tx: Transaction,
  calendar: LeasedCalendar,
  page: RoundProgress & { nextPageCursor: string; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendars
       set round_page_cursor = ${page.nextPageCursor}, round_page_at = ${page.at},
           round_pages = round_pages + 1, round_seen = round_seen + ${page.seen},
           round_created = round_created + ${page.created}, round_updated = round_updated + ${page.updated},
           round_deleted = round_deleted + ${page.deleted}, round_calls = round_calls + ${page.calls}
     where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch}`;
}

export interface RoundEnd extends RoundProgress {
  runId: string;
  /** null: what was read has no cursor, and the next round is full again. */
  nextCursor: string | null;
  state: 'active' | 'deletes_held';
  heldApplied: boolean;
  quietPolls: number;
  nextPullAt: Date;
  lookAgainAt: Date | null;
  looks: number;
  at: Date;
}

/**
 * The last page is applied: cursor, answered hints and the run's record, in the transaction of that page (I1).
 * @returns whether a hint came in since the round began (I5)
 */
export async function finishRound(
  tx: Transaction,
  calendar: LeasedCalendar,
  end: RoundEnd,
): Promise<{ stillDirty: boolean }> {
  const rows = await tx.$queryRaw<{ still_dirty: boolean }[]>`
    with before as (select * from calendars where id = ${calendar.id}::uuid),
    run as (
      insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, created, updated,
        deleted, pages, provider_calls, synced_seq, started_at, finished_at)
      select ${end.runId}::uuid, user_id, account_id, id, round_trigger, round_mode,
        ${end.state === 'active' ? 'completed' : 'deletes_held'},
        round_created + ${end.created}, round_updated + ${end.updated}, round_deleted + ${end.deleted},
        round_pages + 1, round_calls + ${end.calls}, round_dirty_seq, round_started_at, ${end.at}
      from before
    )
    update calendars c
       set cursor = ${end.nextCursor}, synced_seq = greatest(c.synced_seq, c.round_dirty_seq),
           state = ${end.state}, state_reason = null, lease_until = null,
           window_start = c.round_window_start, window_end = c.round_window_end,
           held_apply_until = case when ${end.heldApplied} then null else c.held_apply_until end,
           held_apply_seq = case when ${end.heldApplied} then null else c.held_apply_seq end,
           failures = 0, last_error_code = null, last_error = null, last_mode = c.round_mode,
           last_synced_at = ${end.at}, last_round_started_at = c.round_started_at,
           last_full_at = case when c.round_mode = 'full' then c.round_started_at else c.last_full_at end,
           quiet_polls = ${end.quietPolls}, next_pull_at = ${end.nextPullAt}, updated_at = ${end.at},
           look_again_at = ${end.lookAgainAt}, looks = ${end.looks},
           round_id = null, round_mode = null, round_trigger = null, round_generation = null, round_cursor = null,
           round_page_cursor = null, round_dirty_seq = null, round_write_seq = null, round_window_start = null,
           round_window_end = null, round_started_at = null, round_page_at = null
      from before
     where c.id = before.id and c.lease_epoch = ${calendar.epoch}
    returning c.dirty_seq > greatest(before.synced_seq, before.round_dirty_seq) as still_dirty`;
  if (!rows[0]) throw leaseLost(calendar.id);
  return { stillDirty: rows[0].still_dirty };
}

/** Gives the round up: its cursor or page cursor is dead, or it is too old. The next one begins anew. */
export async function abandonRound(
  tx: Transaction,
  calendar: LeasedCalendar,
  why: { runId: string; code: string; at: Date; forgetCursor: boolean },
): Promise<LeasedCalendar> {
  const rows = await tx.$queryRaw<LeaseRow[]>`
    with before as (select * from calendars where id = ${calendar.id}::uuid and lease_epoch = ${calendar.epoch}),
    run as (
      insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, created, updated,
        deleted, pages, provider_calls, synced_seq, started_at, finished_at, error_code)
      select ${why.runId}::uuid, user_id, account_id, id, round_trigger, round_mode, 'restarted', round_created,
        round_updated, round_deleted, round_pages, round_calls, synced_seq, round_started_at, ${why.at}, ${why.code}
      from before where round_id is not null
    )
    update calendars c
       set cursor = case when ${why.forgetCursor} then null else c.cursor end,
           -- A full round that was wished for and given up is still wished for.
           full_requested = c.full_requested or coalesce(c.round_mode = 'full', false),
           state = case when ${why.forgetCursor} and c.last_synced_at is not null then 'resyncing' else c.state end,
           round_id = null, round_mode = null, round_trigger = null, round_generation = null, round_cursor = null,
           round_page_cursor = null, round_dirty_seq = null, round_write_seq = null, round_window_start = null,
           round_window_end = null, round_started_at = null, round_page_at = null, updated_at = ${why.at}
      from before
     where c.id = before.id
    returning c.*`;
  if (!rows[0]) throw leaseLost(calendar.id);
  return leased(rows[0]);
}
