/**
 * After a database was lost: the events of an account that bear our mark at their provider are managed again. Only a person
 * can say so, since another installation's mark looks the same. Worker role only.
 */
import type { AccountId, CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface Adoption {
  userId: string;
  /** Its calendar list was read. */
  isListed: boolean;
  /** Those that are kept in step. `isRead`: to the end, at least once. */
  calendars: { id: CalendarId; isRead: boolean }[];
}

/** null: there is no such account. */
export async function readAdoption(tx: Transaction, id: AccountId): Promise<Adoption | null> {
  const [account] = await tx.$queryRaw<Omit<Adoption, 'calendars'>[]>`
    select user_id as "userId", calendars_listed_at is not null as "isListed"
    from calendar_accounts where id = ${id}::uuid`;
  if (!account) return null;
  const calendars = await tx.$queryRaw<Adoption['calendars']>`
    select id, last_full_at is not null as "isRead" from calendars
     where account_id = ${id}::uuid and active and state not in ('gone', 'paused') order by id`;
  return { ...account, calendars };
}

/** One batch of a calendar, said in the feed; the calendar is locked by its transaction. @returns how many became managed */
export async function adoptMarked(
  tx: Transaction,
  of: { accountId: AccountId; userId: string; calendarId: CalendarId; limit: number; at: Date },
): Promise<number> {
  const [row] = await tx.$queryRaw<{ adopted: number }[]>`
    with marked as (
      select id from calendar_events
       where calendar_id = ${of.calendarId}::uuid and write_id is not null and not managed and deleted_at is null
       order by id limit ${of.limit} for update
    ),
    adopted as (
      update calendar_events e set managed = true, version = e.version + 1, updated_at = ${of.at}
        from marked where e.id = marked.id returning e.id, e.version
    ),
    said as (
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, version, fields, origin)
      select ${of.at}, ${of.userId}, 'updated', id, ${of.calendarId}::uuid, ${of.accountId}::uuid, version,
        '{managed}'::text[], 'system'
      from adopted
    )
    select count(*)::int as adopted from adopted`;
  return row?.adopted ?? 0;
}
