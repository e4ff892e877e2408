/** When calendars are busy: opaque occurrences that were not called off, merged. */
import type { Transaction } from '../transaction.ts';
import { overlapping, type PlacedCalendar, type Range } from './overlap.ts';

export interface BusyRow {
  calendar_id: string;
  starts_at: Date;
  ends_at: Date;
}

/** By calendar and start; cut to the range, touching intervals are one. */
export async function listBusy(
  tx: Transaction,
  { userId, calendars, range }: { userId: string; calendars: readonly PlacedCalendar[]; range: Range },
): Promise<BusyRow[]> {
  return tx.$queryRaw<BusyRow[]>`
    select calendar_id, lower(busy) as starts_at, upper(busy) as ends_at
    from (
      select o.calendar_id, unnest(range_agg(tstzrange(greatest(o.starts, ${range.from}::timestamptz),
        least(o.ends, ${range.to}::timestamptz)))) as busy
      from (${overlapping({ ...range, userId, calendars })}) o
      join calendar_events e on e.id = o.event_id
      where not o.transparent and e.status <> 'cancelled' and e.deleted_at is null and o.ends > o.starts
      group by o.calendar_id
    ) merged
    order by calendar_id, starts_at`;
}
