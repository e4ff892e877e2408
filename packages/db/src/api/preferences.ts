/** A user's preferences, and what they mean for the user's calendars. */
import type { CalendarId } from '@calfleet/domain';
import type { PreferencesRow } from '../preferences.ts';
import type { Transaction } from '../transaction.ts';
import type { Coverage } from './calendars.ts';

/** null: the user never said any. */
export async function findPreferences(
  tx: Transaction,
  { userId }: { userId: string },
): Promise<PreferencesRow | null> {
  const [row] = await tx.$queryRaw<PreferencesRow[]>`
    select auto_sync_enabled, sync_frequency_minutes, conflict_strategy, write_permissions, working_time_zone,
      working_days, working_start, working_end
    from calendar_preferences where user_id = ${userId}`;
  return row ?? null;
}

/** Replaces the whole row. */
export async function storePreferences(
  tx: Transaction,
  { userId, preferences, now }: { userId: string; preferences: PreferencesRow; now: Date },
): Promise<void> {
  const at = now.toISOString();
  await tx.$executeRaw`
    insert into calendar_preferences (user_id, auto_sync_enabled, sync_frequency_minutes, conflict_strategy,
      write_permissions, working_time_zone, working_days, working_start, working_end, created_at, updated_at)
    values (${userId}, ${preferences.auto_sync_enabled}, ${preferences.sync_frequency_minutes}::int,
      ${preferences.conflict_strategy}, ${preferences.write_permissions}, ${preferences.working_time_zone},
      ${preferences.working_days}::text[], ${preferences.working_start}, ${preferences.working_end},
      ${at}::timestamptz, ${at}::timestamptz)
    on conflict (user_id) do update
      set auto_sync_enabled = excluded.auto_sync_enabled, sync_frequency_minutes = excluded.sync_frequency_minutes,
          conflict_strategy = excluded.conflict_strategy, write_permissions = excluded.write_permissions,
          working_time_zone = excluded.working_time_zone, working_days = excluded.working_days,
          working_start = excluded.working_start, working_end = excluded.working_end,
          updated_at = excluded.updated_at`;
}

/** All of a user's calendars, whatever their state: whose beat depends on the preferences. */
export async function calendarIdsOf(tx: Transaction, { userId }: { userId: string }): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`select id from calendars where user_id = ${userId}`;
  return rows.map(({ id }) => id);
}

/** What the beat of a calendar is computed from. */
export interface BeatRow {
  id: CalendarId;
  coverage: Coverage;
  quiet_polls: number;
  last_synced_at: Date;
}

/**
 * Turns `auto_sync` of all of a user's calendars.
 * @returns those whose beat is theirs to move, oldest first: not what was never pulled, nor what waits for a back-off
 * or for the time that a provider asked for
 */
export async function turnAutoSync(
  tx: Transaction,
  { userId, enabled, now }: { userId: string; enabled: boolean; now: Date },
): Promise<BeatRow[]> {
  const at = now.toISOString();
  // Locked in one order, so that two requests never wait in a circle.
  return tx.$queryRaw<BeatRow[]>`
    with owned as materialized (
      select id from calendars where user_id = ${userId} order by id for update
    ),
    turned as (
      update calendars c set auto_sync = ${enabled}, updated_at = ${at}::timestamptz
      from owned where c.id = owned.id
      returning c.id, c.coverage, c.quiet_polls, c.last_synced_at, c.next_pull_at, c.last_error_code, c.state
    )
    select id, coverage, quiet_polls, last_synced_at from turned
    where last_synced_at is not null and next_pull_at is not null and last_error_code is null
      and state not in ('paused', 'gone')
    order by id`;
}

export async function storeNextPulls(
  tx: Transaction,
  { userId, due }: { userId: string; due: readonly { id: CalendarId; at: Date }[] },
): Promise<void> {
  await tx.$executeRaw`
    update calendars c set next_pull_at = d.at
    from unnest(${due.map(({ id }) => id)}::uuid[], ${due.map(({ at }) => at.toISOString())}::timestamptz[]) as d (id, at)
    where c.id = d.id and c.user_id = ${userId}`;
}
