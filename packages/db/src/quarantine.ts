/** Items that could not be read or stored: kept as bytes, with the reason, until they make sense. */
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface QuarantinedItem {
  id: string;
  providerEventId: string | null;
  code: 'unreadable' | 'unstorable' | 'recurrence_unreadable' | 'recurrence_truncated';
  reason: string;
  raw: string;
}

export async function putInQuarantine(
  tx: Transaction,
  calendar: { id: CalendarId; userId: string },
  items: readonly QuarantinedItem[],
  at: Date,
): Promise<void> {
  if (items.length === 0) return;
  // An item is known by its id, else by its bytes; the last word about it counts.
  const known = new Map(items.map((item) => [item.providerEventId ?? `raw ${item.raw}`, item]));
  await tx.$executeRaw`
    insert into calendar_quarantine as q (id, user_id, calendar_id, provider_event_id, code, reason, raw,
      first_seen_at, last_seen_at)
    select id, ${calendar.userId}, ${calendar.id}::uuid, provider_event_id, code, reason, decode(raw, 'base64'),
      ${at}, ${at}
    from json_to_recordset(${JSON.stringify([...known.values()].map(quarantineRow))}::json)
      as x(id uuid, provider_event_id text, code text, reason text, raw text)
    on conflict (calendar_id, coalesce(provider_event_id, 'sha256:' || encode(sha256(raw), 'hex'))) do update
      set code = excluded.code, reason = excluded.reason, raw = excluded.raw, times_seen = q.times_seen + 1,
          last_seen_at = excluded.last_seen_at, retry_requested_at = null`;
}

const quarantineRow = (item: QuarantinedItem) => ({
  id: item.id,
  provider_event_id: item.providerEventId,
  code: item.code,
  reason: item.reason,
  raw: Buffer.from(item.raw, 'utf8').toString('base64'),
});

/** These make sense again: items that were stored, and series that were expanded to their end. */
export async function releaseFromQuarantine(
  tx: Transaction,
  calendarId: CalendarId,
  { stored, expanded }: { stored: readonly string[]; expanded: readonly string[] },
): Promise<void> {
  await tx.$executeRaw`
    delete from calendar_quarantine
     where calendar_id = ${calendarId}::uuid
       and (code in ('unreadable', 'unstorable') and provider_event_id = any(${[...stored]}::text[])
         or code in ('recurrence_unreadable', 'recurrence_truncated')
           and provider_event_id = any(${[...expanded]}::text[]))`;
}

/** What a person asked to try again; items without an id come with the next full round only. */
export async function requestedRetries(
  tx: Transaction,
  calendarId: CalendarId,
  limit: number,
): Promise<string[]> {
  if (limit <= 0) return [];
  const rows = await tx.$queryRaw<{ provider_event_id: string }[]>`
    select provider_event_id from calendar_quarantine
     where calendar_id = ${calendarId}::uuid and retry_requested_at is not null and provider_event_id is not null
     order by retry_requested_at limit ${limit}`;
  return rows.map((row) => row.provider_event_id);
}
