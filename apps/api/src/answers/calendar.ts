/** Accounts and calendars as the outside surface shows them. */
import type { api } from '@calfleet/db';
import type { Clock } from '@calfleet/domain';

export const accountAnswer = (row: api.AccountRow) => ({
  id: row.id,
  provider: row.provider,
  email: row.email,
  status: row.status,
  status_reason: row.status_reason,
  scopes: row.scopes,
  created_at: row.created_at,
});

export const calendarAnswer = (row: api.CalendarRow, clock: Clock) => ({
  id: row.id,
  account_id: row.account_id,
  provider: row.provider,
  provider_calendar_id: row.provider_calendar_id,
  name: row.name,
  time_zone: row.time_zone,
  access_role: row.access_role,
  primary: row.is_primary,
  active: row.active,
  write_enabled: row.write_enabled,
  incremental_enabled: row.incremental_enabled,
  conflict_strategy: row.conflict_strategy,
  state: row.state,
  coverage: row.coverage,
  last_synced_at: row.last_synced_at,
  freshness_seconds: freshnessSeconds(row.last_synced_at, clock),
  last_error: row.last_error,
  window: { start: row.window_start, end: row.window_end },
});

/** How old the mirror may be, whole seconds; null before the first round. */
export function freshnessSeconds(lastSyncedAt: Date | null, clock: Clock): number | null {
  if (!lastSyncedAt) return null;
  return Math.max(0, Math.floor((clock.now().getTime() - lastSyncedAt.getTime()) / 1000));
}

/** How far an answer over several calendars can be trusted: as far as its weakest one. */
export function trustOf(rows: readonly api.CalendarRow[]): {
  synced_at: Date | null;
  coverage: api.Coverage;
} {
  const synced = rows.map((row) => row.last_synced_at);
  const known = synced.filter((at) => at !== null);
  const oldest = known.length < rows.length || known.length === 0 ? null : Math.min(...known.map(Number));
  const order: api.Coverage[] = ['none', 'poll', 'push'];
  const weakest = order.find((coverage) => rows.some((row) => row.coverage === coverage)) ?? 'none';
  return { synced_at: oldest === null ? null : new Date(oldest), coverage: weakest };
}
