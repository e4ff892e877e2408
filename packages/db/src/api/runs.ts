/** What past rounds did and cost. */
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';
import { afterAllIds, type Page } from './page.ts';

export interface RunRow {
  id: string;
  calendar_id: CalendarId;
  trigger: string;
  mode: string;
  outcome: string;
  created: number;
  updated: number;
  deleted: number;
  pages: number;
  provider_calls: number;
  started_at: Date;
  finished_at: Date;
  error_code: string | null;
  error: string | null;
}

/** Newest first. */
export async function listRuns(
  tx: Transaction,
  { userId, calendarId, after, limit }: { userId: string; calendarId: string | null } & Page<string>,
): Promise<RunRow[]> {
  return tx.$queryRaw<RunRow[]>`
    select id, calendar_id, trigger, mode, outcome, created, updated, deleted, pages, provider_calls, started_at,
      finished_at, error_code, error
    from calendar_sync_runs
    where user_id = ${userId} and id < ${after ?? afterAllIds}::uuid
      and (${calendarId}::uuid is null or calendar_id = ${calendarId}::uuid)
    order by id desc limit ${limit}`;
}
