/** A calendar's hints, and what a single read needs to know of it. */
import type { AccountId, CalendarId, ProviderName } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** A hint arrived. @returns when the calendar was last asked about, or null when there is no such active calendar. */
export async function markDirty(
  tx: Transaction,
  id: CalendarId,
): Promise<{ lastAskedAt: Date | null; isFirst: boolean } | null> {
  const rows = await tx.$queryRaw<{ lastAskedAt: Date | null; isFirst: boolean }[]>`
    update calendars set dirty_seq = dirty_seq + 1 where id = ${id}::uuid and active
    returning coalesce(round_started_at, last_round_started_at) as "lastAskedAt", last_synced_at is null as "isFirst"`;
  return rows[0] ?? null;
}

/** The engine itself wants to see everything once: after this round, at once. */
export async function requestFullRound(tx: Transaction, id: CalendarId): Promise<void> {
  await tx.$executeRaw`
    update calendars set full_requested = true, dirty_seq = dirty_seq + 1 where id = ${id}::uuid`;
}

/** What a single read needs to know of its calendar. */
export interface RecheckedCalendar {
  id: CalendarId;
  user_id: string;
  account_id: AccountId;
  provider: ProviderName;
  provider_calendar_id: string;
  time_zone: string;
  write_seq: bigint;
  /** The promised window; of a running round too, if it moves on. */
  window_start: Date;
  window_end: Date;
}

/** null: not to be asked about now, or never pulled yet. */
export async function readForRecheck(tx: Transaction, id: CalendarId): Promise<RecheckedCalendar | null> {
  const rows = await tx.$queryRaw<RecheckedCalendar[]>`
    select c.id, c.user_id, c.account_id, c.provider, c.provider_calendar_id, c.time_zone, c.write_seq,
      least(c.window_start, c.round_window_start) as window_start,
      greatest(c.window_end, c.round_window_end) as window_end
    from calendars c join calendar_accounts a on a.id = c.account_id
    where c.id = ${id}::uuid and c.active and c.state not in ('paused', 'gone') and a.status = 'active'
      and c.window_start is not null`;
  return rows[0] ?? null;
}

/** Whether hints wait for a round. */
export async function isDirty(tx: Transaction, id: CalendarId): Promise<boolean> {
  const rows = await tx.$queryRaw<{ dirty: boolean }[]>`
    select dirty_seq > synced_seq as dirty from calendars where id = ${id}::uuid`;
  return rows[0]?.dirty ?? false;
}
