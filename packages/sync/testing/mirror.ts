/** Holds a mirror against its provider: events field by field, cancelled slots, occurrences, and the feed replayed. */
import type { Database, Transaction } from '@calfleet/db';
import type { CalendarId, RemoteItem } from '@calfleet/domain';
import { expectedOccurrences } from './oracle.ts';
import type { World } from './world.ts';

/** @throws an assertion error (by `expect`) that names what differs */
export async function expectExactMirror(world: World): Promise<void> {
  const truth = world.cloud.truth(world.providerCalendarId);
  const mirror = await readMirror(world.real, world.calendarId);
  expect(mirror.events).toEqual(expectedEvents(truth));
  expect(mirror.cancelledSlots).toEqual(expectedCancelledSlots(truth));
  expect(mirror.occurrences).toEqual(
    expectedOccurrences(truth, { from: mirror.windowStart, to: mirror.windowEnd }),
  );
  expect(mirror.replayed).toEqual(mirror.versions);
  expect(mirror.unsettled).toEqual([]);
}

/** By provider id, everything that a reader sees. */
function expectedEvents(truth: readonly RemoteItem[]): Record<string, unknown> {
  const events = truth.flatMap((item) => (item.type === 'event' ? [item.event] : []));
  return Object.fromEntries(
    events.map(({ providerEventId, kind, exceptionOf, fields, providerVersion }) => [
      providerEventId,
      {
        kind,
        slot: exceptionOf?.slot ?? null,
        series: exceptionOf?.providerSeriesId ?? null,
        providerVersion,
        ...fields,
      },
    ]),
  );
}

function expectedCancelledSlots(truth: readonly RemoteItem[]): string[] {
  const series = new Set(
    truth.flatMap((item) => (item.type === 'event' ? [item.event.providerEventId] : [])),
  );
  return truth
    .flatMap((item) => (item.type === 'deleted' && item.exceptionOf ? [item.exceptionOf] : []))
    .filter(({ providerSeriesId }) => series.has(providerSeriesId))
    .map(({ providerSeriesId, slot }) => `${providerSeriesId} ${slot}`)
    .sort();
}

export interface Mirror {
  events: Record<string, unknown>;
  cancelledSlots: string[];
  occurrences: string[];
  /** Event id → version, of what is live … */
  versions: Record<string, number>;
  /** … and the same from the feed alone. */
  replayed: Record<string, number>;
  windowStart: Date;
  windowEnd: Date;
  /** What should not be there when all is quiet. */
  unsettled: string[];
}

export async function readMirror(db: Database, calendarId: CalendarId): Promise<Mirror> {
  return db.transaction({ role: 'worker' }, async (tx) => {
    const { versions, events } = await readEvents(tx, calendarId);
    const [calendar] = await tx.$queryRaw<
      {
        window_start: Date;
        window_end: Date;
        dirty: boolean;
        round: boolean;
        leased: boolean;
        state: string;
      }[]
    >`
      select window_start, window_end, dirty_seq > synced_seq as dirty, round_id is not null as round,
        lease_until is not null as leased, state
      from calendars where id = ${calendarId}::uuid`;
    if (!calendar) throw new Error('The calendar is gone.');
    const unsettled = [
      ...(calendar.dirty ? ['dirty'] : []),
      ...(calendar.round ? ['in a round'] : []),
      ...(calendar.leased ? ['leased'] : []),
      ...(calendar.state === 'active' ? [] : [calendar.state]),
    ];
    return {
      events,
      versions,
      cancelledSlots: await readCancelledSlots(tx, calendarId),
      occurrences: await readOccurrences(tx, calendarId),
      replayed: await replayFeed(tx, calendarId),
      windowStart: calendar.window_start,
      windowEnd: calendar.window_end,
      unsettled,
    };
  });
}

async function readEvents(
  tx: Transaction,
  calendarId: CalendarId,
): Promise<{ events: Record<string, unknown>; versions: Record<string, number> }> {
  const rows = await tx.$queryRaw<
    (Record<string, unknown> & { id: string; version: number; provider_event_id: string })[]
  >`
    select id, version::int, provider_event_id, provider_version, kind, slot, provider_series_id, ical_uid, status,
      summary, description, location, recurrence, attendees, organizer, meeting_url, visibility, transparency,
      event_type, html_link, all_day, start_date::text, end_date::text,
      to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as starts_at,
      to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as ends_at,
      to_char(start_local, 'YYYY-MM-DD"T"HH24:MI:SS') as start_local,
      to_char(end_local, 'YYYY-MM-DD"T"HH24:MI:SS') as end_local, start_time_zone, end_time_zone
    from calendar_events where calendar_id = ${calendarId}::uuid and deleted_at is null`;
  const time = (row: Record<string, unknown>, name: 'start' | 'end'): unknown => {
    if (row['all_day']) return { kind: 'date', date: row[`${name}_date`] };
    if (row[`${name}_local`] !== null) return { kind: 'floating', local: row[`${name}_local`] };
    return { kind: 'zoned', instant: row[`${name}s_at`], zone: row[`${name}_time_zone`] };
  };
  return {
    versions: Object.fromEntries(rows.map((row) => [row.id, row.version])),
    events: Object.fromEntries(
      rows.map((row) => [
        row.provider_event_id,
        {
          kind: row['kind'],
          slot: row['slot'],
          series: row['provider_series_id'],
          providerVersion: row['provider_version'],
          icalUid: row['ical_uid'],
          status: row['status'],
          summary: row['summary'],
          description: row['description'],
          location: row['location'],
          start: time(row, 'start'),
          end: time(row, 'end'),
          recurrence: row['recurrence'],
          attendees: row['attendees'],
          organizer: row['organizer'],
          meetingUrl: row['meeting_url'],
          visibility: row['visibility'],
          transparency: row['transparency'],
          eventType: row['event_type'],
          htmlLink: row['html_link'],
        },
      ]),
    ),
  };
}

async function readCancelledSlots(tx: Transaction, calendarId: CalendarId): Promise<string[]> {
  const rows = await tx.$queryRaw<{ line: string }[]>`
    select e.provider_series_id || ' ' || e.slot as line from calendar_events e
     where e.calendar_id = ${calendarId}::uuid and e.slot_cancelled
       and exists (select from calendar_events s where s.calendar_id = e.calendar_id
         and s.provider_event_id = e.provider_series_id and s.deleted_at is null)`;
  return rows.map((row) => row.line).sort();
}

async function readOccurrences(tx: Transaction, calendarId: CalendarId): Promise<string[]> {
  const rows = await tx.$queryRaw<{ line: string }[]>`
    select o.provider_event_id || ' ' || c.slot || ' '
      || to_char(c.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') || ' '
      || to_char(c.ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as line
    from calendar_occurrences c join calendar_events o on o.id = c.owner_id
    where c.calendar_id = ${calendarId}::uuid`;
  return rows.map((row) => row.line).sort();
}

/** A follower that knows nothing but the feed. */
async function replayFeed(tx: Transaction, calendarId: CalendarId): Promise<Record<string, number>> {
  const rows = await tx.$queryRaw<{ kind: string; event_id: string; version: number }[]>`
    select kind, event_id, version::int from calendar_changes
     where calendar_id = ${calendarId}::uuid and event_id is not null order by xid, seq`;
  const known: Record<string, number> = {};
  for (const { kind, event_id: id, version } of rows) {
    if (kind === 'deleted' || kind === 'expired') delete known[id];
    else known[id] = version;
  }
  return known;
}
