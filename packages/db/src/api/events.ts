/** Stored events, and the columns and filters that every answer about events shares. */
import type { AccountId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import { shownColumns, type ShownEvent } from '../local-events.ts';
import type { Transaction } from '../transaction.ts';
import type { FeedState } from './changes.ts';
import { overlapping, type PlacedCalendar, type Range } from './overlap.ts';
import { beforeAllIds, type Page } from './page.ts';

export interface EventRow extends ShownEvent {
  account_id: AccountId;
  provider: string;
  /** Our id of the series that an exception belongs to, when it is stored. */
  series_id: string | null;
  held: boolean;
  last_confirmed_at: Date;
}

export const eventColumns = Prisma.sql`${shownColumns}, c.account_id, c.provider, coalesce(series.id, e.local_series_id) as series_id,
  e.held_at is not null as held, e.last_confirmed_at`;

/** `e` is the event; adds its calendar `c` and its series `series`, when it is stored. */
export const eventJoins = Prisma.sql`
  join calendars c on c.id = e.calendar_id
  left join calendar_events series
    on series.calendar_id = e.calendar_id and series.provider_event_id = e.provider_series_id`;

/** The feed's state in the snapshot of the statement it is joined into; always one row. */
export const feedNow = Prisma.sql`(
  select feed_epoch, pg_snapshot_xmin(pg_current_snapshot())::text as feed_horizon from calendar_fleet
) feed`;

export interface EventFilter {
  managed: boolean | null;
  icalUid: string | null;
  /** Found anywhere in summary, description or location; upper and lower case are one. */
  q: string | null;
  includeDeleted: boolean;
}

export function filterEvents(filter: EventFilter): Prisma.Sql {
  const pattern = filter.q === null ? null : `%${filter.q.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const conditions = [
    filter.includeDeleted ? Prisma.sql`true` : Prisma.sql`e.deleted_at is null`,
    filter.managed === null ? null : Prisma.sql`e.managed = ${filter.managed}`,
    filter.icalUid === null ? null : Prisma.sql`e.ical_uid = ${filter.icalUid}`,
    pattern === null
      ? null
      : Prisma.sql`(e.summary ilike ${pattern} or e.description ilike ${pattern} or e.location ilike ${pattern})`,
  ];
  return Prisma.join(
    conditions.filter((each) => each !== null),
    ' and ',
  );
}

/** Whether the filter looks at anything that an occurrence does not know itself. */
export const asksAboutEvents = ({ managed, icalUid, q }: EventFilter): boolean =>
  managed !== null || icalUid !== null || q !== null;

export interface FeedColumns {
  feed_epoch: string;
  feed_horizon: string;
}

export const feedOf = ({ feed_epoch, feed_horizon }: FeedColumns): FeedState => ({
  epoch: feed_epoch,
  horizon: BigInt(feed_horizon),
});

/** Stored events by id; with a range, those that take place in it at least once. One statement, one snapshot. */
export async function listEvents(
  tx: Transaction,
  query: {
    userId: string;
    calendars: readonly PlacedCalendar[];
    range: Range | null;
    filter: EventFilter;
  } & Page<string>,
): Promise<{ feed: FeedState; events: EventRow[] }> {
  const { userId, calendars, range, filter } = query;
  const inRange = range
    ? Prisma.sql`and e.id in (select event_id from (
        ${overlapping({ ...range, userId, calendars }, filter.includeDeleted)}) taking_place)`
    : Prisma.empty;
  const rows = await tx.$queryRaw<(FeedColumns & { [Column in keyof EventRow]: EventRow[Column] | null })[]>`
    select feed.*, event.*
    from ${feedNow}
    left join (
      select ${eventColumns}
      from (
        select * from calendar_events e
        where e.user_id = ${userId} and e.id > ${query.after ?? beforeAllIds}::uuid
          and e.calendar_id = any(${calendars.map(({ id }) => id)}::uuid[])
          and ${filterEvents(filter)} ${inRange}
        order by e.id limit ${query.limit}
      ) e ${eventJoins}
    ) event on true
    order by event.id`;
  const [first] = rows;
  if (!first) throw new Error('calendar_fleet has no row');
  return {
    feed: feedOf(first),
    events: rows.filter((row): row is FeedColumns & EventRow => row.id !== null),
  };
}

/** Deleted ones too: the feed names them. */
export async function findEvent(
  tx: Transaction,
  { userId, id }: { userId: string; id: string },
): Promise<EventRow | null> {
  const [row] = await tx.$queryRaw<EventRow[]>`
    select ${eventColumns} from calendar_events e ${eventJoins}
    where e.user_id = ${userId} and e.id = ${id}::uuid`;
  return row ?? null;
}
