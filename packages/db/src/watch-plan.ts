/** What watch-renewal asks once an hour: indexed selections in keyset pages, never a scan of the fleet. */
import type { AccountId, CalendarId, WatchId } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';

const nil = '00000000-0000-0000-0000-000000000000';

/** Who may be watched, and is not put off. Of `c`. */
const watchable = (
  at: Date,
): Prisma.Sql => Prisma.sql`c.active and c.account_active and c.state not in ('paused', 'gone')
  and (c.watch_after is null or c.watch_after <= ${at})`;

/** Active calendars without a channel; not while an attempt is younger than `triedBefore`. */
export async function unwatchedCalendars(
  tx: Transaction,
  page: { after: { id: CalendarId } | null; limit: number; triedBefore: Date; at: Date },
): Promise<{ id: CalendarId }[]> {
  return tx.$queryRaw<{ id: CalendarId }[]>`
    select c.id from calendars c
     where c.coverage = 'none' and ${watchable(page.at)} and c.id > coalesce(${page.after?.id ?? null}::uuid, ${nil}::uuid)
       and not exists (select from calendar_sync_channels s
         where s.calendar_id = c.id and s.state = 'creating' and s.created_at > ${page.triedBefore})
     order by c.id limit ${page.limit}`;
}

export interface ExpiringChannel {
  id: CalendarId;
  watchId: WatchId;
  at: Date;
}

/** Calendars whose channel runs out before `until`, soonest first. */
export async function expiringChannels(
  tx: Transaction,
  page: { after: ExpiringChannel | null; limit: number; until: Date; at: Date },
): Promise<ExpiringChannel[]> {
  return tx.$queryRaw<ExpiringChannel[]>`
    select c.id, s.id as "watchId", s.expires_at as at
      from calendar_sync_channels s join calendars c on c.id = s.calendar_id
     where s.state = 'active' and s.expires_at <= ${page.until} and ${watchable(page.at)}
       and (s.expires_at, s.id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.watchId ?? null}::uuid, ${nil}::uuid))
     order by s.expires_at, s.id limit ${page.limit}`;
}

/** What ticks said of the key that signs. */
export interface FirstKeys {
  /** The one that channels belong on, and since when; null: no tick yet. */
  first: string | null;
  since: Date | null;
  /** Another one that the last ticks named, and since when all of them have. */
  next: string | null;
  nextSince: Date | null;
  /** Those that were first before, the latest in front. */
  past: string[];
}

export async function lockFirstKeys(tx: Transaction): Promise<FirstKeys> {
  const rows = await tx.$queryRaw<FirstKeys[]>`
    select signing_key_id as first, signing_key_since as since, signing_key_next as next,
      signing_key_next_since as "nextSince", signing_keys_past as past
    from calendar_fleet for update`;
  if (!rows[0]) throw new Error('calendar_fleet has lost its row.');
  return rows[0];
}

export async function storeFirstKeys(tx: Transaction, keys: FirstKeys): Promise<void> {
  await tx.$executeRaw`
    update calendar_fleet
       set signing_key_id = ${keys.first}, signing_key_since = ${keys.since}, signing_key_next = ${keys.next},
           signing_key_next_since = ${keys.nextSince}, signing_keys_past = ${keys.past}::text[]`;
}

/** Keys of active channels but the one that signs: as many steps through the index as there are keys. */
export async function oldSigningKeys(tx: Transaction, keyId: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ key: string }[]>`
    with recursive keys as (
      (select signing_key_id as key from calendar_sync_channels where state = 'active' order by 1 limit 1)
      union all
      select (select s.signing_key_id from calendar_sync_channels s
               where s.state = 'active' and s.signing_key_id > k.key order by 1 limit 1)
        from keys k where k.key is not null
    )
    select key from keys where key is not null and key <> ${keyId}`;
  return rows.map((row) => row.key);
}

export interface KeyedChannel {
  id: CalendarId;
  watchId: WatchId;
  /** The last byte of the calendar's id: which 256th of the day is its own. */
  slot: number;
}

/** Calendars whose channel is on a key, of the first `slots` 256ths of the day. */
export async function channelsOnKey(
  tx: Transaction,
  page: { keyId: string; slots: number; after: KeyedChannel | null; limit: number; at: Date },
): Promise<KeyedChannel[]> {
  return tx.$queryRaw<KeyedChannel[]>`
    select c.id, s.id as "watchId", s.day_slot as slot
      from calendar_sync_channels s join calendars c on c.id = s.calendar_id
     where s.state = 'active' and s.signing_key_id = ${page.keyId} and s.day_slot < ${page.slots}::int
       and ${watchable(page.at)}
       and (s.day_slot, s.id) > (${page.after?.slot ?? -1}::int, coalesce(${page.after?.watchId ?? null}::uuid, ${nil}::uuid))
     order by s.day_slot, s.id limit ${page.limit}`;
}

/** Calendars that refused push longest ago, to be asked once more. */
export async function refusedCalendars(
  tx: Transaction,
  page: { refusedBefore: Date; after: { id: CalendarId; at: Date } | null; limit: number; at: Date },
): Promise<{ id: CalendarId; at: Date }[]> {
  return tx.$queryRaw<{ id: CalendarId; at: Date }[]>`
    select c.id, c.push_refused_at as at from calendars c
     where c.push_refused_at <= ${page.refusedBefore} and ${watchable(page.at)}
       and (c.push_refused_at, c.id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.id ?? null}::uuid, ${nil}::uuid))
     order by c.push_refused_at, c.id limit ${page.limit}`;
}

/** Accounts in whose hour of the day it is, and that were not listed just now. */
export async function accountsOfHour(
  tx: Transaction,
  page: {
    hour: number;
    listedBefore: Date;
    after: { id: AccountId; at: Date } | null;
    limit: number;
  },
): Promise<{ id: AccountId; at: Date }[]> {
  return tx.$queryRaw<{ id: AccountId; at: Date }[]>`
    select id, calendars_listed_at as at from calendar_accounts
     where status = 'active' and list_hour = ${page.hour}::int
       and calendars_listed_at <= ${page.listedBefore}
       and (calendars_listed_at, id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.id ?? null}::uuid, ${nil}::uuid))
     order by calendars_listed_at, id limit ${page.limit}`;
}

/** Accounts whose hour was missed: listed too long ago. */
export async function accountsListedBefore(
  tx: Transaction,
  page: { listedBefore: Date; after: { id: AccountId; at: Date } | null; limit: number },
): Promise<{ id: AccountId; at: Date }[]> {
  return tx.$queryRaw<{ id: AccountId; at: Date }[]>`
    select id, calendars_listed_at as at from calendar_accounts
     where status = 'active' and calendars_listed_at <= ${page.listedBefore}
       and (calendars_listed_at, id) > (coalesce(${page.after?.at ?? null}::timestamptz, '-infinity'),
         coalesce(${page.after?.id ?? null}::uuid, ${nil}::uuid))
     order by calendars_listed_at, id limit ${page.limit}`;
}
