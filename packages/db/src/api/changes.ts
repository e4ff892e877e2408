/**
 * The change feed, read gap-free under concurrent commits: rows carry their transaction, and readers stop below the
 * oldest one still running. xid8 and the feed's bounds travel as text, since no JavaScript number holds them.
 */
import type { Transaction } from '../transaction.ts';

/** A place between two rows of the feed: everything up to and including it is known. */
export interface FeedPosition {
  xid: bigint;
  seq: bigint;
}

/** Where the feed stands in a statement's snapshot. */
export interface FeedState {
  epoch: string;
  /** Rows of transactions below this one are all visible; none at or above it may be read yet. */
  horizon: bigint;
}

export interface ChangeRow {
  at: Date;
  xid: bigint;
  seq: bigint;
  kind: string;
  event_id: string | null;
  calendar_id: string | null;
  account_id: string | null;
  series_id: string | null;
  version: bigint | null;
  fields: string[];
  origin: string;
}

type Unread = { [Column in keyof ChangeRow]: ChangeRow[Column] | null };
type Row = Omit<Unread, 'xid'> & { xid: string | null; feed_epoch: string; feed_horizon: string };

/** The state and the rows are of one statement, hence of one snapshot. */
export async function readChanges(
  tx: Transaction,
  query: { userId: string; after: FeedPosition; calendarId: string | null; limit: number },
): Promise<{ feed: FeedState; changes: ChangeRow[] }> {
  const rows = await tx.$queryRaw<Row[]>`
    select feed.*, change.at, change.xid_text as xid, change.seq, change.kind, change.event_id, change.calendar_id,
      change.account_id, change.series_id, change.version, change.fields, change.origin
    from (
      select feed_epoch, pg_snapshot_xmin(pg_current_snapshot())::text as feed_horizon from calendar_fleet
    ) feed
    left join (
      select at, xid::text as xid_text, xid, seq, kind, event_id, calendar_id, account_id, series_id, version,
        fields, origin
      from calendar_changes
      where user_id = ${query.userId}
        and (xid, seq) > (${String(query.after.xid)}::text::xid8, ${query.after.seq}::bigint)
        and xid < pg_snapshot_xmin(pg_current_snapshot())
        and (${query.calendarId}::uuid is null or calendar_id = ${query.calendarId}::uuid)
      order by xid, seq limit ${query.limit}
    ) change on true
    order by change.xid, change.seq`;
  const [first] = rows;
  if (!first) throw new Error('calendar_fleet has no row');
  return {
    feed: { epoch: first.feed_epoch, horizon: BigInt(first.feed_horizon) },
    changes: rows.filter(isChange).map((row) => ({ ...row, xid: BigInt(row.xid) })),
  };
}

const isChange = (row: Row): row is Row & Omit<ChangeRow, 'xid'> & { xid: string } => row.xid !== null;

export async function feedState(tx: Transaction): Promise<FeedState> {
  const [row] = await tx.$queryRaw<{ feed_epoch: string; feed_horizon: string }[]>`
    select feed_epoch, pg_snapshot_xmin(pg_current_snapshot())::text as feed_horizon from calendar_fleet`;
  if (!row) throw new Error('calendar_fleet has no row');
  return { epoch: row.feed_epoch, horizon: BigInt(row.feed_horizon) };
}

/** Start of the oldest week that is still kept in a partition of its own; null before the first one is made. */
export async function oldestKeptWeek(tx: Transaction): Promise<Date | null> {
  const [row] = await tx.$queryRaw<{ oldest: Date | null }[]>`
    select min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC') as oldest
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'calendar_changes'::regclass and c.relname ~ '^calendar_changes_[0-9]{8}$'`;
  return row?.oldest ?? null;
}
