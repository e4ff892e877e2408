/** What the mirror audit asks and keeps. */
import type { AccountId, CalendarId, EventId, ProviderName } from '@calfleet/domain';
import type { Reading } from './lease.ts';
import type { Transaction } from './transaction.ts';

/** The calendars whose last audit was planned longest ago, those without one first. @param percent of the active ones */
export async function calendarsToAudit(
  tx: Transaction,
  sample: { percent: number; max: number },
): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`
    select c.id from calendars c
     where c.active and c.account_active and c.state not in ('paused', 'gone') and c.state in ('active', 'deletes_held')
       and c.cursor is not null
     order by c.audit_planned_at nulls first, c.id
     limit least(${sample.max}, (
       -- No further than it matters.
       select ceil(count(*) * ${sample.percent} / 100.0) from (
         select from calendars where active and account_active and state not in ('paused', 'gone')
          limit ceil(${sample.max} * 100.0 / greatest(${sample.percent}, 1))) as counted))`;
  return rows.map((row) => row.id);
}

/** Planned is planned: an audit that never ends waits its turn like the others. */
export async function noteAuditsPlanned(
  tx: Transaction,
  ids: readonly CalendarId[],
  at: Date,
): Promise<void> {
  await tx.$executeRaw`update calendars set audit_planned_at = ${at} where id = any(${[...ids]}::uuid[])`;
}

export interface AuditedCalendar {
  id: CalendarId;
  userId: string;
  accountId: AccountId;
  provider: ProviderName;
  providerCalendarId: string;
  timeZone: string;
  reading: Reading;
  cursor: string | null;
  windowStart: Date | null;
  windowEnd: Date | null;
  /** When the audit's round began that stands open: the process died, or was told to wait. */
  auditingSince: Date | null;
}

/** null: it is not to be asked about. */
export async function readForAudit(tx: Transaction, id: CalendarId): Promise<AuditedCalendar | null> {
  const rows = await tx.$queryRaw<AuditedCalendar[]>`
    select c.id, c.user_id as "userId", c.account_id as "accountId", c.provider,
      c.provider_calendar_id as "providerCalendarId", c.time_zone as "timeZone", c.reading, c.cursor,
      c.window_start as "windowStart", c.window_end as "windowEnd",
      case when c.round_trigger = 'audit' then c.round_started_at end as "auditingSince"
    from calendars c join calendar_accounts a on a.id = c.account_id
    where c.id = ${id}::uuid and c.active and c.state not in ('paused', 'gone') and a.status = 'active'`;
  return rows[0] ?? null;
}

/** Whether the audit's own round was the one that ended since. */
export async function wasAudited(tx: Transaction, id: CalendarId, since: Date): Promise<boolean> {
  const rows = await tx.$queryRaw<{ audited: boolean }[]>`
    select exists (select from calendar_sync_runs
      where calendar_id = ${id}::uuid and trigger = 'audit' and mode = 'full'
        and outcome in ('completed', 'deletes_held') and started_at >= ${since}) as audited`;
  return rows[0]?.audited ?? false;
}

/** `missing`: the mirror had it not; `stale`: it showed something else; `extra`: the provider has it not. */
export type DifferenceKind = 'missing' | 'stale' | 'extra';

export interface Difference {
  kind: DifferenceKind;
  eventId: EventId;
  providerEventId: string;
  providerSeriesId: string | null;
  /** Names of what was shown otherwise, as the feed names them. */
  fields: string[];
}

/** A place in the feed: whatever is said from now on stands behind it. */
export async function markFeed(tx: Transaction): Promise<bigint> {
  const rows = await tx.$queryRaw<{ seq: bigint }[]>`select nextval('calendar_changes_seq') as seq`;
  if (!rows[0]) throw new Error('The feed has no sequence.');
  return rows[0].seq;
}

/** What rounds changed here since, the first word on each event; and what they hold back since. */
export async function changedSince(
  tx: Transaction,
  calendar: { id: CalendarId; userId: string },
  since: { at: Date; seq: bigint },
): Promise<Difference[]> {
  return tx.$queryRaw<Difference[]>`
    select distinct on (e.id) said.kind, e.id as "eventId", e.provider_event_id as "providerEventId",
      e.provider_series_id as "providerSeriesId", said.fields
    from (
      select seq, event_id, fields, case kind when 'created' then 'missing' when 'updated' then 'stale' else 'extra' end as kind
        from calendar_changes
       where user_id = ${calendar.userId} and calendar_id = ${calendar.id}::uuid and at >= ${since.at}
         and seq > ${since.seq} and kind in ('created', 'updated', 'deleted') and origin = 'provider' and event_id is not null
      union all
      select 0, id, '{}', 'extra' from calendar_events where calendar_id = ${calendar.id}::uuid and held_at >= ${since.at}
    ) said join calendar_events e on e.id = said.event_id
    where e.provider_event_id is not null
    order by e.id, said.seq`;
}

export interface AuditResult {
  id: string;
  outcome: 'completed' | 'unclear';
  differences: readonly Difference[];
  requestedAt: Date;
  at: Date;
  /** Something was missed: the calendar is looked at again by then. */
  lookBy: Date;
}

/** Named one by one up to this many; all are counted. */
const detailsMax = 100;

/** Keeps what an audit found. A calendar on which something was missed loses its stretched beat. */
export async function storeAudit(
  tx: Transaction,
  calendar: AuditedCalendar,
  result: AuditResult,
): Promise<{ seen: number }> {
  const { differences, outcome, at } = result;
  const details = differences.slice(0, detailsMax).map(({ kind, eventId, providerEventId, fields }) => ({
    kind,
    fields,
    event_id: eventId,
    provider_event_id: providerEventId,
  }));
  const rows = await tx.$queryRaw<{ seen: number }[]>`
    with kept as (
      update calendars
         set audited_at = ${at},
             audit_differences = case when ${outcome} = 'completed' then ${differences.length} else audit_differences end,
             quiet_polls = case when ${differences.length} > 0 then 0 else quiet_polls end,
             next_pull_at = case when ${differences.length} > 0 then least(next_pull_at, ${result.lookBy})
                                 else next_pull_at end
       where id = ${calendar.id}::uuid
    )
    insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, details,
      requested_at, finished_at)
    values (${result.id}::uuid, ${calendar.userId}, ${calendar.accountId}::uuid, ${calendar.id}::uuid, ${outcome},
      (select count(*) from calendar_events where calendar_id = ${calendar.id}::uuid and deleted_at is null),
      ${differences.length}, ${JSON.stringify(details)}::jsonb, ${result.requestedAt}, ${at})
    returning seen`;
  return { seen: rows[0]?.seen ?? 0 };
}
