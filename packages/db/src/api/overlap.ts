/**
 * Which occurrences overlap a range, as a fragment of SQL that the lists of events and free/busy share.
 *
 * All-day and floating bounds are stored as if their zone were UTC and are placed in a zone by the reader. The index
 * conditions therefore reach further than the range, and the exact comparison comes after the placing. They compare
 * with `<` and `>` only: range operators are not leakproof, so that row-level security would switch the index off.
 */
import { Prisma } from '../../generated/client';

/** Where all-day and floating times of a calendar are placed. */
export interface PlacedCalendar {
  id: string;
  /** A zone that the server knows. */
  zone: string;
}

export interface Range {
  /** Inclusive; ISO instants. */
  from: string;
  /** Exclusive. */
  to: string;
}

/** Offsets reach from -15:56 (Manila before 1845) to +15:13 (Alaska before 1867). */
const offsetMax = Prisma.sql`interval '16 hours'`;

/** Longer occurrences have a flag (`is_long`) and an index of their own. */
const spanMax = Prisma.sql`interval '8 days'`;

/**
 * Rows `(calendar_id, owner_id, slot, event_id, all_day, floating, transparent, starts_at, ends_at, starts, ends)`;
 * the last two are the placed bounds. With `deleted`, deleted events stand where they stood last.
 */
export function overlapping(
  asked: Range & { userId: string; calendars: readonly PlacedCalendar[] },
  deleted = false,
): Prisma.Sql {
  const { from, to, userId, calendars } = asked;
  const ids = calendars.map(({ id }) => id);
  // A look-up in an array instead of a join: only the few all-day and floating rows pay for it (12 ms to 6 ms for a
  // week of 1,800 occurrences).
  const zone = Prisma.sql`(${calendars.map((each) => each.zone)}::text[])[array_position(${ids}::uuid[], stored.calendar_id)]`;
  return Prisma.sql`
    select stored.*, placed.starts, placed.ends
    from (
      select calendar_id, owner_id, slot, event_id, all_day, floating, transparent, starts_at, ends_at
      from calendar_occurrences
      where user_id = ${userId} and not is_long
        and starts_at > ${from}::timestamptz - ${spanMax} - ${offsetMax}
        and starts_at < ${to}::timestamptz + ${offsetMax}
        and ends_at > ${from}::timestamptz - ${offsetMax}
      union all
      select calendar_id, owner_id, slot, event_id, all_day, floating, transparent, starts_at, ends_at
      from calendar_occurrences
      where user_id = ${userId} and is_long
        and ends_at > ${from}::timestamptz - ${offsetMax}
        and starts_at < ${to}::timestamptz + ${offsetMax}
      ${deleted ? Prisma.sql`union all ${deletedEvents(userId)}` : Prisma.empty}
    ) stored
    cross join lateral (
      select case when stored.all_day or stored.floating then ${placed('starts_at', zone)}
          else stored.starts_at end as starts,
        case when stored.all_day or stored.floating then ${placed('ends_at', zone)} else stored.ends_at end as ends
    ) placed
    where stored.calendar_id = any(${ids}::uuid[])
      and placed.starts < ${to}::timestamptz
      and (placed.ends > ${from}::timestamptz
        or (placed.ends = placed.starts and placed.starts >= ${from}::timestamptz))`;
}

/**
 * A wall-clock time that its zone has twice is the first one (RFC 5545 §3.3.5); Postgres takes the second, so the
 * hour before is tried. Midnight in the Azores and in Havana is such a time once a year.
 */
function placed(column: 'starts_at' | 'ends_at', zone: Prisma.Sql): Prisma.Sql {
  const wall = Prisma.raw(`(stored.${column} at time zone 'UTC')`);
  return Prisma.sql`(
    select case when (second - interval '1 hour') at time zone zone = ${wall} then second - interval '1 hour'
      else second end
    from (select ${wall} at time zone zone as second, zone from (select ${zone} as zone) asked) reading
  )`;
}

/** Deleted events have no occurrences any more: they stand where they stood last, as far as that is known. */
const deletedEvents = (userId: string): Prisma.Sql => Prisma.sql`
  select calendar_id, id, '', id, all_day, start_local is not null, transparency = 'transparent',
    coalesce(starts_at, start_local at time zone 'UTC', start_date::timestamp at time zone 'UTC'),
    coalesce(ends_at, end_local at time zone 'UTC', end_date::timestamp at time zone 'UTC')
  from calendar_events where user_id = ${userId} and deleted_at is not null`;
