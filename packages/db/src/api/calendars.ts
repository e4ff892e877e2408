/** Calendars as their user sees them, and the switches a user may turn. */
import type { AccountId, CalendarId, ConflictStrategy } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import type { Transaction } from '../transaction.ts';
import { beforeAllIds, type Page } from './page.ts';

export interface CalendarRow {
  id: CalendarId;
  account_id: AccountId;
  provider: string;
  provider_calendar_id: string;
  name: string;
  time_zone: string;
  access_role: string;
  is_primary: boolean;
  active: boolean;
  write_enabled: boolean;
  incremental_enabled: boolean;
  conflict_strategy: string | null;
  state: string;
  coverage: Coverage;
  last_synced_at: Date | null;
  last_error: string | null;
  window_start: Date | null;
  window_end: Date | null;
}

export type Coverage = 'push' | 'poll' | 'none';

const columns = Prisma.sql`id, account_id, provider, provider_calendar_id, name, time_zone, access_role, is_primary,
  active, write_enabled, incremental_enabled, conflict_strategy, state, coverage, last_synced_at, last_error,
  window_start, window_end`;

/** Oldest first. */
export async function listCalendars(
  tx: Transaction,
  { userId, accountId, after, limit }: { userId: string; accountId: string | null } & Page<string>,
): Promise<CalendarRow[]> {
  return tx.$queryRaw<CalendarRow[]>`
    select ${columns} from calendars
    where user_id = ${userId} and id > ${after ?? beforeAllIds}::uuid
      and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
    order by id limit ${limit}`;
}

export async function findCalendar(
  tx: Transaction,
  { userId, id }: { userId: string; id: string },
): Promise<CalendarRow | null> {
  const [row] = await tx.$queryRaw<CalendarRow[]>`
    select ${columns} from calendars where user_id = ${userId} and id = ${id}::uuid`;
  return row ?? null;
}

/**
 * The calendars that a question is about: the named one, whatever its state, else all that are active and still
 * there. Inactive calendars are not kept up, so that one of them would make every answer look stale.
 */
export async function calendarsAsked(
  tx: Transaction,
  { userId, calendarId }: { userId: string; calendarId: string | null },
): Promise<CalendarRow[]> {
  return tx.$queryRaw<CalendarRow[]>`
    select ${columns} from calendars
    where user_id = ${userId}
      and case when ${calendarId}::uuid is null then active and state <> 'gone' else id = ${calendarId}::uuid end
    order by id`;
}

export interface CalendarSwitches {
  active?: boolean | undefined;
  incrementalEnabled?: boolean | undefined;
  writeEnabled?: boolean | undefined;
  /** null: as the user's preferences say. */
  conflictStrategy?: ConflictStrategy | null | undefined;
}

const switchNames = ['active', 'incremental_enabled', 'write_enabled', 'conflict_strategy'] as const;
type BeforeSwitch = Pick<CalendarRow, (typeof switchNames)[number] | 'account_id'>;

/**
 * Turns switches of a calendar and writes the feed row. A calendar that becomes active is marked dirty.
 * @returns the names of the API fields that changed, or null when the user has no such calendar
 */
export async function turnCalendarSwitches(
  tx: Transaction,
  { userId, id, now, switches }: { userId: string; id: string; now: Date; switches: CalendarSwitches },
): Promise<string[] | null> {
  const [before] = await tx.$queryRaw<BeforeSwitch[]>`
    select active, incremental_enabled, write_enabled, conflict_strategy, account_id from calendars
    where user_id = ${userId} and id = ${id}::uuid for update`;
  if (!before) return null;
  const after = {
    active: switches.active ?? before.active,
    incremental_enabled: switches.incrementalEnabled ?? before.incremental_enabled,
    write_enabled: switches.writeEnabled ?? before.write_enabled,
    conflict_strategy:
      switches.conflictStrategy === undefined ? before.conflict_strategy : switches.conflictStrategy,
  };
  const fields = switchNames.filter((name) => after[name] !== before[name]);
  if (fields.length === 0) return fields;
  const at = now.toISOString();
  const activated = after.active && !before.active;
  await tx.$executeRaw`
    update calendars set active = ${after.active}, incremental_enabled = ${after.incremental_enabled},
      write_enabled = ${after.write_enabled}, conflict_strategy = ${after.conflict_strategy},
      updated_at = ${at}::timestamptz, dirty_seq = dirty_seq + ${activated ? 1 : 0}::int,
      next_pull_at = case when ${activated} then ${at}::timestamptz else next_pull_at end
    where user_id = ${userId} and id = ${id}::uuid`;
  await tx.$executeRaw`
    insert into calendar_changes (at, user_id, kind, calendar_id, account_id, fields, origin)
    values (${at}::timestamptz, ${userId}, 'calendar_changed', ${id}::uuid, ${before.account_id}::uuid,
      ${fields}::text[], 'local')`;
  return fields;
}
