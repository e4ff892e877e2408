/** An audit that an operator asked for: of which calendars, and what came of it. Worker role only. */
import type { CalendarId } from '@calfleet/domain';
import type { DifferenceKind } from './audits.ts';
import type { Transaction } from './transaction.ts';

export interface AskedCalendar {
  id: CalendarId;
  name: string;
  /** Why nobody can audit it; null: it can be. */
  refusal: 'paused' | 'gone' | 'account not connected' | 'never mirrored' | 'read in full every time' | null;
}

/** A user's active calendars, or the one of an id; oldest first. */
export async function calendarsAskedAbout(
  tx: Transaction,
  of: { userId: string | null; calendarId: CalendarId | null; limit: number },
): Promise<AskedCalendar[]> {
  return tx.$queryRaw<AskedCalendar[]>`
    select c.id, c.name, case
        when a.status <> 'active' then 'account not connected'
        when c.state in ('paused', 'gone') then c.state
        when c.last_synced_at is null then 'never mirrored'
        when c.cursor is null then 'read in full every time'
      end as refusal
    from calendars c join calendar_accounts a on a.id = c.account_id
    where c.active and (c.user_id = ${of.userId} or c.id = ${of.calendarId}::uuid)
    order by c.id limit ${of.limit}`;
}

export interface FinishedAudit {
  calendar_id: CalendarId;
  /** `unclear`: the provider could not say what changed in the meantime. */
  outcome: 'completed' | 'unclear';
  seen: number;
  /** All of them; at most 100 are named in `details`. */
  differences: number;
  details: { kind: DifferenceKind; event_id: string; provider_event_id: string; fields: string[] }[];
}

/** What came of the audits that were asked for at this very instant. */
export async function finishedAudits(
  tx: Transaction,
  asked: { calendars: readonly CalendarId[]; requestedAt: Date },
): Promise<FinishedAudit[]> {
  return tx.$queryRaw<FinishedAudit[]>`
    select calendar_id, outcome, seen, differences, details from calendar_audits
    where calendar_id = any(${asked.calendars}::uuid[]) and requested_at = ${asked.requestedAt}
    order by calendar_id, id`;
}
