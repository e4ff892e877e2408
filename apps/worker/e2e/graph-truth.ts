/**
 * Holds a mirror against what Outlook shows, inside the promised window: every occurrence with its place, its time and
 * what it says, and the feed replayed. Nothing of the provider or of the engine is used here.
 */
import type { Database } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import type { MicrosoftCalendarOwner } from '@calfleet/sandbox';
import { readMirror } from '../../../packages/sync/testing/mirror.ts';

export interface ComparedGraph {
  db: Database;
  calendarId: CalendarId;
  calendar: MicrosoftCalendarOwner;
}

/** @throws an assertion error (by `expect`) that names what differs */
export async function expectExactGraph({ db, calendarId, calendar }: ComparedGraph): Promise<void> {
  const mirror = await readMirror(db, calendarId);
  const window = { start: mirror.windowStart, end: mirror.windowEnd };
  expect(await shownHere(db, calendarId, window)).toEqual(shownByOutlook(calendar, window));
  expect(mirror.replayed).toEqual(mirror.versions);
  expect(mirror.unsettled).toEqual([]);
}

interface Bounds {
  start: Date;
  end: Date;
}

/** One line for each occurrence. All-day days count as days of UTC, on both sides. */
function shownByOutlook(calendar: MicrosoftCalendarOwner, window: Bounds): string[] {
  const wide = (date: Date, days: number) => new Date(date.getTime() + days * 86_400_000).toISOString();
  return calendar
    .truth({ start: wide(window.start, -2), end: wide(window.end, 2) })
    .flatMap((each) => {
      const at = (text: string): Date => new Date(each.isAllDay ? `${text}T00:00:00Z` : text);
      const [start, end] = [at(each.start), at(each.end)];
      if (!isInside(start, end, window)) return [];
      const owner = each.seriesMasterId ?? each.eventId;
      const slot = each.originalStart === null ? '' : slotOf(each.originalStart);
      return [
        lineOf({
          owner,
          slot,
          event: each.type === 'exception' ? each.eventId : owner,
          times: `${start.toISOString()} ${end.toISOString()}`,
          summary: storable(each.subject),
          status: each.isCancelled ? 'cancelled' : 'confirmed',
          isBusy: !['free', 'workingElsewhere'].includes(each.showAs),
          isAllDay: each.isAllDay,
        }),
      ];
    })
    .sort();
}

async function shownHere(db: Database, calendarId: CalendarId, window: Bounds): Promise<string[]> {
  const rows = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<ShownRow[]>`
      select o.provider_event_id as owner, c.slot, e.provider_event_id as event, c.starts_at, c.ends_at, e.summary,
        e.status, not c.transparent as "isBusy", c.all_day as "isAllDay"
      from calendar_occurrences c
      join calendar_events o on o.id = c.owner_id join calendar_events e on e.id = c.event_id
      where c.calendar_id = ${calendarId}::uuid and e.deleted_at is null`,
  );
  return rows
    .filter((row) => isInside(row.starts_at, row.ends_at, window))
    .map(({ starts_at: start, ends_at: end, ...row }) =>
      lineOf({ ...row, times: `${start.toISOString()} ${end.toISOString()}` }),
    )
    .sort();
}

interface Line {
  owner: string;
  slot: string;
  event: string;
  times: string;
  summary: string | null;
  status: string;
  isBusy: boolean;
  isAllDay: boolean;
}
type ShownRow = Omit<Line, 'times'> & { starts_at: Date; ends_at: Date };

const lineOf = ({ owner, slot, event, times, summary, status, isBusy, isAllDay }: Line): string =>
  JSON.stringify([owner, slot, event, times, summary, status, isBusy, isAllDay]);

const isInside = (start: Date, end: Date, window: Bounds): boolean =>
  start < window.end && end > window.start;

const slotOf = (originalStart: string): string => originalStart.replaceAll(/\.\d+|[-:]/g, '');

/** Postgres holds neither U+0000 nor half a surrogate pair: both are replaced. An empty text says nothing. */
const storable = (text: string | null): string | null =>
  text?.toWellFormed().replaceAll('\u0000', '\ufffd') || null;
