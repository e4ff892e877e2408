/**
 * Windows that move on: of providers whose events are stored whole, only the occurrences are windowed, and cleanup moves
 * the window. The row says first where to (`moving_…`), so that every page computes the old window and the new one;
 * then what the new one adds is filled in; then both bounds move at once, and what lies outside is dropped.
 */
import type { CalendarId, ProviderName } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';

export interface WindowsToMove {
  endsBefore: Date;
  endsAfter: Date;
  startsAfter: Date;
}

export type WindowFault = keyof WindowsToMove;

/** A place in a selection of windows. */
export interface WindowPlace {
  at: Date;
  id: CalendarId;
}

/** Calendars in whatever state: what is known of them is still shown. */
export async function windowsToMove(
  tx: Transaction,
  page: {
    provider: ProviderName;
    fault: WindowFault;
    bound: Date;
    after: WindowPlace | null;
    limit: number;
  },
): Promise<WindowPlace[]> {
  const column = Prisma.raw(page.fault === 'startsAfter' ? 'window_start' : 'window_end');
  const wrong =
    page.fault === 'endsBefore'
      ? Prisma.sql`${column} < ${page.bound}`
      : Prisma.sql`${column} > ${page.bound}`;
  const beyond = page.after
    ? Prisma.sql`and (${column}, id) > (${page.after.at}::timestamptz, ${page.after.id}::uuid)`
    : Prisma.empty;
  return tx.$queryRaw<WindowPlace[]>`
    select ${column} as at, id from calendars
     where provider = ${page.provider} and ${column} is not null and ${wrong} ${beyond}
     order by ${column}, id limit ${page.limit}`;
}

export interface WindowMove {
  id: CalendarId;
  userId: string;
  /** The window as it is … */
  start: Date;
  end: Date;
  /** … and as it will be. */
  newStart: Date;
  newEnd: Date;
}

/** From here on, pages compute what both windows hold. Under the calendar's lock. */
export async function beginMove(
  tx: Transaction,
  id: CalendarId,
  target: { start: Date; end: Date },
): Promise<WindowMove | null> {
  const rows = await tx.$queryRaw<WindowMove[]>`
    update calendars set moving_start = ${target.start}, moving_end = ${target.end}
     where id = ${id}::uuid and window_start is not null
       and (window_start, window_end) is distinct from (${target.start}::timestamptz, ${target.end}::timestamptz)
    returning id, user_id as "userId", window_start as start, window_end as end, moving_start as "newStart",
      moving_end as "newEnd"`;
  return rows[0] ?? null;
}

/**
 * What stands for itself and begins in the new part of the window. An all-day or floating event may be asked for in any
 * zone, so that its window is 14 hours wider (as in upsertEvents).
 * @returns the series that exceptions of this page belong to, and where the next page begins; null: there is none
 */
export async function addStanding(
  tx: Transaction,
  move: WindowMove,
  page: { from: string; until: Date; after: string; limit: number },
): Promise<{ series: string[]; next: { from: string; after: string } | null }> {
  const rows = await tx.$queryRaw<{ n: number; from: string; after: string; series: string[] | null }[]>`
    with page as materialized (
      select id, kind, provider_series_id, all_day, transparency = 'transparent' as transparent,
        start_local is not null as floating, begins_at,
        coalesce(ends_at, end_date::timestamp at time zone 'UTC', end_local at time zone 'UTC', begins_at) as to_at,
        case when starts_at is null then interval '14 hours' else interval '0' end as margin
      from calendar_events
      where calendar_id = ${move.id}::uuid and kind <> 'series' and deleted_at is null
        and (begins_at, id) > (${page.from}::timestamptz, ${page.after}::uuid) and begins_at < ${page.until}
      order by begins_at, id limit ${page.limit}
    ),
    added as (
      insert into calendar_occurrences (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
        floating, transparent)
      select ${move.id}::uuid, id, '', id, ${move.userId}, all_day, begins_at, to_at, floating, transparent
      from page
      where kind = 'single' and begins_at - margin < greatest(${move.end}::timestamptz, ${move.newEnd}::timestamptz)
        and (to_at + margin > least(${move.start}::timestamptz, ${move.newStart}::timestamptz)
          or begins_at + margin >= least(${move.start}::timestamptz, ${move.newStart}::timestamptz))
      on conflict (owner_id, slot) do nothing
    ),
    last as (select begins_at, id from page order by begins_at desc, id desc limit 1)
    select (select count(*)::int from page) as n, begins_at::text as from, id::text as after,
      (select array_agg(distinct provider_series_id) from page where kind = 'exception') as series
    from last`;
  const [row] = rows;
  const next = row?.n === page.limit ? { from: row.from, after: row.after } : null;
  return { series: row?.series ?? [], next };
}

export interface SeriesToExtend {
  id: string;
  /** Why it is in quarantine. */
  problem: string | null;
}

/** The calendar's living series, page by page. */
export async function seriesToExtend(
  tx: Transaction,
  calendarId: CalendarId,
  page: { after: string; limit: number },
): Promise<SeriesToExtend[]> {
  return tx.$queryRaw<SeriesToExtend[]>`
    select s.id, (select max(q.code) from calendar_quarantine q
      where q.calendar_id = ${calendarId}::uuid and q.provider_event_id = s.id) as problem
    from (
      select provider_event_id as id from calendar_events
       where calendar_id = ${calendarId}::uuid and kind = 'series' and deleted_at is null
         and provider_event_id > ${page.after}
       order by provider_event_id limit ${page.limit}
    ) s order by s.id`;
}

/** Everything is there: the window moves, and that of a round in progress with it. @returns false when another moved it */
export async function finishMove(tx: Transaction, move: WindowMove): Promise<boolean> {
  const moved = await tx.$executeRaw`
    update calendars
       set window_start = moving_start, window_end = moving_end, moving_start = null, moving_end = null,
           round_window_start = case when round_id is not null then moving_start end,
           round_window_end = case when round_id is not null then moving_end end
     where id = ${move.id}::uuid and moving_start = ${move.newStart} and moving_end = ${move.newEnd}`;
  return moved > 0;
}

/** Drops a batch of what no window of the calendar holds. Nothing is said of it: the events stay. @returns how many */
export async function dropOutside(
  tx: Transaction,
  { id, userId }: Pick<WindowMove, 'id' | 'userId'>,
  limit: number,
): Promise<number> {
  const rows = await tx.$queryRaw<{ start: Date; end: Date }[]>`
    select least(window_start, round_window_start, moving_start) as start,
      greatest(window_end, round_window_end, moving_end) as end
    from calendars where id = ${id}::uuid`;
  const [window] = rows;
  if (!window) return 0;
  return tx.$executeRaw`
    delete from calendar_occurrences o
     using (
       select owner_id, slot from calendar_occurrences,
         lateral (select case when all_day or floating then interval '14 hours' else interval '0' end as margin) m
        where user_id = ${userId} and calendar_id = ${id}::uuid
          and ((starts_at < ${window.start} and starts_at + margin < ${window.start}
                and ends_at + margin <= ${window.start})
            or (starts_at >= ${window.end} and starts_at - margin >= ${window.end}))
        limit ${limit}
     ) past
     where o.owner_id = past.owner_id and o.slot = past.slot`;
}
