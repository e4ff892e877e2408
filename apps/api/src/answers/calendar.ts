/** Accounts and calendars as the outside surface shows them. */
import { z } from 'zod';
import type { api } from '@calfleet/db';
import { conflictStrategies, type Clock } from '@calfleet/domain';
import { instant } from './times.ts';

export const providers = z.enum(['google', 'microsoft']);

export const account = z
  .object({
    id: z.uuid(),
    provider: providers,
    email: z.string().nullable().describe('Null until the provider was asked.'),
    status: z
      .enum(['active', 'reauth_needed', 'disconnecting', 'disconnected'])
      .describe('`reauth_needed`: its user must connect it again; its data stays as it is.'),
    status_reason: z.string().nullable(),
    scopes: z.array(z.string()).describe('What its user consented to, in the words of the provider.'),
    created_at: instant,
  })
  .meta({ id: 'Account' });

export const accountAnswer = (row: api.AccountRow) => ({
  id: row.id,
  provider: row.provider,
  email: row.email,
  status: row.status,
  status_reason: row.status_reason,
  scopes: row.scopes,
  created_at: row.created_at,
});

export const coverage = z
  .enum(['push', 'poll', 'none'])
  .describe('How changes are heard of: notified, by asking in turn, or not at all.');

export const calendarState = z
  .enum(['new', 'syncing', 'active', 'resyncing', 'deletes_held', 'paused', 'gone'])
  .describe(
    '`deletes_held`: so many deletions at once wait for a word (held-deletes). `paused`: the provider does not allow it. `gone`: it is no longer there.',
  );

export const freshness = z
  .int()
  .min(0)
  .nullable()
  .describe('How old the mirror may be, in whole seconds; null before the first round.');

export const calendar = z
  .object({
    id: z.uuid(),
    account_id: z.uuid(),
    provider: providers,
    provider_calendar_id: z.string(),
    name: z.string(),
    time_zone: z.string().describe("IANA; at Microsoft the mailbox's, else UTC."),
    access_role: z.enum(['free_busy_reader', 'reader', 'writer', 'owner']),
    primary: z.boolean(),
    active: z.boolean().describe('Whether it is mirrored.'),
    write_enabled: z.boolean().describe('Whether users may write to it; preferences must allow it, too.'),
    incremental_enabled: z.boolean().describe('False: every pull is a full round.'),
    conflict_strategy: z
      .enum(conflictStrategies)
      .nullable()
      .describe('Who wins where both sides changed a field; null: as the user prefers.'),
    state: calendarState,
    coverage,
    last_synced_at: instant.nullable(),
    freshness_seconds: freshness,
    last_error: z.string().nullable(),
    window: z
      .object({ start: instant.nullable(), end: instant.nullable() })
      .describe('Where occurrences are kept ready; null before the first round.'),
  })
  .meta({ id: 'Calendar' });

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

export const trust = {
  synced_at: instant.nullable().describe('Of the calendars asked the oldest; null: one was never pulled.'),
  coverage: coverage.describe('Of the calendars asked the weakest.'),
};

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
