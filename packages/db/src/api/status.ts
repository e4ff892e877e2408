/** How far each calendar of a user is behind its provider. */
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';
import type { Coverage } from './calendars.ts';
import { beforeAllIds, type Page } from './page.ts';

export interface StatusRow {
  calendar_id: CalendarId;
  state: string;
  coverage: Coverage;
  dirty_seq: bigint;
  synced_seq: bigint;
  last_synced_at: Date | null;
  last_mode: string | null;
  next_pull_at: Date | null;
  failures: number;
  last_error: string | null;
  round_running: boolean;
  round_pages: number;
  round_seen: number;
  audited_at: Date | null;
  audit_differences: number | null;
  channel_state: string | null;
  channel_expires_at: Date | null;
  channel_last_notification_at: Date | null;
}

/** Oldest calendar first; the channel is the newest one that is creating or active. */
export async function listStatus(
  tx: Transaction,
  { userId, after, limit }: { userId: string } & Page<string>,
): Promise<StatusRow[]> {
  return tx.$queryRaw<StatusRow[]>`
    select c.id as calendar_id, c.state, c.coverage, c.dirty_seq, c.synced_seq, c.last_synced_at, c.last_mode,
      c.next_pull_at, c.failures, c.last_error, c.round_id is not null as round_running, c.round_pages, c.round_seen,
      c.audited_at, c.audit_differences,
      channel.state as channel_state, channel.expires_at as channel_expires_at,
      channel.last_notification_at as channel_last_notification_at
    from calendars c
    left join lateral (
      select state, expires_at, last_notification_at from calendar_sync_channels w
      where w.calendar_id = c.id and w.state in ('creating', 'active') order by w.created_at desc limit 1
    ) channel on true
    where c.user_id = ${userId} and c.id > ${after ?? beforeAllIds}::uuid
    order by c.id limit ${limit}`;
}
