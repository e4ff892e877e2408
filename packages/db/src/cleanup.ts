/**
 * What is past its time, table by table: picked through an index, locked without waiting, deleted in the same
 * transaction. A row that somebody else holds is left for the next night.
 */
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';
import { hasUnsettledWrites } from './writes.ts';

export interface Past {
  /** Rows that ended before this instant are past. */
  before: Date;
  at: Date;
  limit: number;
  /** Keys that could not be deleted: gone round. */
  skip: readonly string[];
  /** Only these keys; null: all that are past. */
  only: readonly string[] | null;
}

/** A batch of rows, by their primary keys as text. */
export interface Picked {
  keys: string[];
  /** There is nothing behind it. */
  isLast: boolean;
}

export interface PastRows {
  pick(tx: Transaction, past: Past): Promise<Picked>;
  /** Deletes what was picked in this transaction. @returns how many rows went */
  remove(tx: Transaction, keys: readonly string[], past: Past): Promise<number>;
}

export const pastRuns = byId('calendar_sync_runs', 'finished_at');

export const pastAudits = byId('calendar_audits', 'finished_at');

/** Over, whether somebody came back with it or not. */
export const pastOauthStates = byId('calendar_oauth_states', 'expires_at');

/** Done or taken back; its settled conflicts and what was folded into it go with it. */
export const pastWrites = byId(
  'calendar_writes',
  'updated_at',
  () => Prisma.sql`and state in ('applied', 'discarded') and folded_into is null`,
);

/** Ended, and silent by now: one that was abandoned may speak until it runs out. */
export const pastChannels = byId(
  'calendar_sync_channels',
  'updated_at',
  ({ at }) =>
    Prisma.sql`and state in ('stopped', 'expired', 'abandoned', 'failed') and (expires_at is null or expires_at < ${at})`,
);

/**
 * Not seen again by a full reading of its calendar. A rule that cannot be expanded is not seen again before its series
 * changes: it stays as long as that lives.
 */
export const pastQuarantine = byId(
  'calendar_quarantine',
  'last_seen_at',
  () => Prisma.sql`
    and exists (select from calendars c
      where c.id = past.calendar_id and c.last_full_at > past.last_seen_at)
    and (code in ('unreadable', 'unstorable') or not exists (select from calendar_events e
      where e.calendar_id = past.calendar_id and e.provider_event_id = past.provider_event_id and e.deleted_at is null))`,
);

/** A table whose rows go by one column of time. */
function byId(table: string, column: string, and: (past: Past) => Prisma.Sql = () => Prisma.empty): PastRows {
  const [from, ended] = [Prisma.raw(table), Prisma.raw(column)];
  return {
    pick: async (tx, past) => {
      const rows = await tx.$queryRaw<{ key: string }[]>`
        select id::text as key from ${from} past
         where ${ended} < ${past.before} ${and(past)} ${chosen(past)}
         order by ${ended}, id limit ${past.limit} for update of past skip locked`;
      return pickedOf(rows, past);
    },
    remove: (tx, keys) => tx.$executeRaw`delete from ${from} where id = any(${[...keys]}::uuid[])`,
  };
}

const chosen = ({ skip, only }: Past): Prisma.Sql => Prisma.sql`
  ${skip.length > 0 ? Prisma.sql`and past.id <> all(${[...skip]}::uuid[])` : Prisma.empty}
  ${only ? Prisma.sql`and past.id = any(${[...only]}::uuid[])` : Prisma.empty}`;

const pickedOf = (rows: readonly { key: string }[], { limit }: Past): Picked => ({
  keys: rows.map((row) => row.key),
  isLast: rows.length < limit,
});

/**
 * Deleted and expired events. A cancelled slot of a living series is no tombstone: without it the occurrence would come
 * back. Nor is one past while a round that began before it still lists pages, which may show the event alive.
 * A page may bring one back to life just now, so their calendars' locks are taken, where nobody holds them.
 */
export const pastEvents: PastRows = {
  pick: async (tx, past) => {
    const rows = await tx.$queryRaw<{ key: string; mine: boolean }[]>`
      with candidates as materialized (
        select past.id, past.calendar_id from calendar_events past join calendars c on c.id = past.calendar_id
         where past.deleted_at < ${past.before} and not past.slot_cancelled and past.recheck_at is null
           and not ${hasUnsettledWrites(Prisma.sql`past.id`)}
           and (c.round_id is null or c.round_started_at > past.deleted_at or c.round_page_at < ${past.before})
           ${chosen(past)}
         order by past.deleted_at, past.id limit ${past.limit}
      ),
      locked as materialized (
        select calendar_id, pg_try_advisory_xact_lock(hashtextextended(calendar_id::text, 0)) as mine
        from (select distinct calendar_id from candidates order by calendar_id) as calendars
      )
      select c.id::text as key, l.mine from candidates c join locked l using (calendar_id)`;
    const { isLast } = pickedOf(rows, past);
    return { keys: rows.flatMap(({ key, mine }) => (mine ? [key] : [])), isLast };
  },
  remove: async (tx, keys, past) => {
    // With a series that is gone for good go its cancelled slots: no more than a batch of them at a time.
    const slots = await tx.$executeRaw`
      delete from calendar_events where id in (
        select slot.id from calendar_events series join calendar_events slot
          on slot.calendar_id = series.calendar_id and slot.provider_series_id = series.provider_event_id
         where series.id = any(${[...keys]}::uuid[]) and series.kind = 'series' and series.deleted_at < ${past.before}
           and slot.slot_cancelled and slot.deleted_at < ${past.before}
         limit ${past.limit})`;
    const events = await tx.$executeRaw`
      delete from calendar_events e
       where id = any(${[...keys]}::uuid[]) and deleted_at < ${past.before} and not slot_cancelled
         and not (kind = 'series' and exists (select from calendar_events slot
           where slot.calendar_id = e.calendar_id and slot.provider_series_id = e.provider_event_id
             and slot.slot_cancelled))`;
    return slots + events;
  },
};

/** What events were before: `[event, n]`. */
export const pastRevisions: PastRows = {
  pick: async (tx, past) => {
    const rows = await tx.$queryRaw<{ key: string }[]>`
      select json_build_array(event_id, n)::text as key from calendar_event_revisions
       where at < ${past.before}
         and (event_id, n) not in (select (k->>0)::uuid, (k->>1)::bigint from unnest(${[...past.skip]}::jsonb[]) k)
         and (${past.only === null} or (event_id, n) in
           (select (k->>0)::uuid, (k->>1)::bigint from unnest(${[...(past.only ?? [])]}::jsonb[]) k))
       order by at limit ${past.limit} for update skip locked`;
    return pickedOf(rows, past);
  },
  remove: (tx, keys) => tx.$executeRaw`
    delete from calendar_event_revisions
     where (event_id, n) in (select (k->>0)::uuid, (k->>1)::bigint from unnest(${[...keys]}::jsonb[]) k)`,
};

/** Answers to writes, a day old: `[user, key]`. */
export const pastIdempotencyKeys: PastRows = {
  pick: async (tx, past) => {
    const rows = await tx.$queryRaw<{ key: string }[]>`
      select json_build_array(user_id, key)::text as key from calendar_idempotency_keys
       where created_at < ${past.before}
         and (user_id, key) not in (select k->>0, k->>1 from unnest(${[...past.skip]}::jsonb[]) k)
         and (${past.only === null} or (user_id, key) in
           (select k->>0, k->>1 from unnest(${[...(past.only ?? [])]}::jsonb[]) k))
       order by created_at limit ${past.limit} for update skip locked`;
    return pickedOf(rows, past);
  },
  remove: (tx, keys) => tx.$executeRaw`
    delete from calendar_idempotency_keys
     where (user_id, key) in (select k->>0, k->>1 from unnest(${[...keys]}::jsonb[]) k)`,
};

/** Drops whole weeks of the feed that ended before. Waits for readers and writers, who wait for it: not for long. */
export async function dropChangePartitions(tx: Transaction, before: Date): Promise<number> {
  const rows = await tx.$queryRaw<
    { dropped: number }[]
  >`select calfleet_drop_change_partitions(${before}) as dropped`;
  return rows[0]?.dropped ?? 0;
}

/**
 * Rows of the feed that found no week of their own: `[at, seq]`. Once the weeks before are dropped, only the default
 * partition holds any. @param past.before the beginning of a week
 */
export const pastChanges: PastRows = {
  pick: async (tx, past) => {
    const rows = await tx.$queryRaw<{ key: string }[]>`
      select json_build_array(at, seq)::text as key from calendar_changes
       where at < ${past.before}
         and (at, seq) not in (select (k->>0)::timestamptz, (k->>1)::bigint from unnest(${[...past.skip]}::jsonb[]) k)
         and (${past.only === null} or (at, seq) in
           (select (k->>0)::timestamptz, (k->>1)::bigint from unnest(${[...(past.only ?? [])]}::jsonb[]) k))
       order by at, seq limit ${past.limit} for update skip locked`;
    return pickedOf(rows, past);
  },
  remove: (tx, keys, past) => tx.$executeRaw`
    delete from calendar_changes
     where at < ${past.before} and (at, seq) in
       (select (k->>0)::timestamptz, (k->>1)::bigint from unnest(${[...keys]}::jsonb[]) k)`,
};
