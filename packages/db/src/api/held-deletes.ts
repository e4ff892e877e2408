/** A person's word about deletions that the brake held (I10). */
import type { Transaction } from '../transaction.ts';

interface Held {
  userId: string;
  calendarId: string;
  now: Date;
}

/** How many events of the calendar wait, or null when the user has no such calendar. Locks the calendar's row. */
export async function countHeld(
  tx: Transaction,
  { userId, calendarId }: Omit<Held, 'now'>,
): Promise<number | null> {
  const calendars = await tx.$queryRaw<unknown[]>`
    select id from calendars where user_id = ${userId} and id = ${calendarId}::uuid for update`;
  if (calendars.length === 0) return null;
  const [row] = await tx.$queryRaw<{ held: number }[]>`
    select count(*)::int as held from calendar_events
    where user_id = ${userId} and calendar_id = ${calendarId}::uuid and held_at is not null`;
  return row?.held ?? 0;
}

/** Asks for a fresh full round that verifies and then deletes. @returns the number of the request. */
export async function requestHeldDeletes(
  tx: Transaction,
  { userId, calendarId, now }: Held,
): Promise<bigint> {
  const at = now.toISOString();
  const [row] = await tx.$queryRaw<{ dirty_seq: bigint }[]>`
    update calendars c set full_requested = true, dirty_seq = dirty_seq + 1, held_apply_seq = dirty_seq + 1,
      -- Up to the newest stamp of what is held now: what is held later is not meant.
      held_apply_until = (select max(held_at) from calendar_events e where e.calendar_id = c.id), updated_at = ${at}::timestamptz
    where user_id = ${userId} and id = ${calendarId}::uuid returning dirty_seq`;
  if (!row) throw new Error('the calendar vanished although its row is locked');
  return row.dirty_seq;
}

/** Keeps the held events for good: marked local, never proposed again, and told to the feed. */
export async function keepHeldEvents(tx: Transaction, { userId, calendarId, now }: Held): Promise<void> {
  const at = now.toISOString();
  await tx.$executeRaw`
    with kept as (
      update calendar_events set local_only = true, held_at = null, version = version + 1,
        updated_at = ${at}::timestamptz
      where user_id = ${userId} and calendar_id = ${calendarId}::uuid and held_at is not null
      returning id, version, provider_series_id
    )
    insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, series_id, version, fields,
      origin)
    select ${at}::timestamptz, ${userId}, 'updated', kept.id, c.id, c.account_id, series.id, kept.version,
      array['held'], 'local'
    from kept
    join calendars c on c.id = ${calendarId}::uuid
    left join calendar_events series
      on series.calendar_id = c.id and series.provider_event_id = kept.provider_series_id`;
  await tx.$executeRaw`
    update calendars set state = case when state = 'deletes_held' then 'active' else state end,
      state_reason = case when state = 'deletes_held' then null else state_reason end,
      held_apply_until = null, held_apply_seq = null, updated_at = ${at}::timestamptz
    where user_id = ${userId} and id = ${calendarId}::uuid`;
}
