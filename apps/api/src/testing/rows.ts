/** Rows of the mirror as a pull would have left them. */
import { newId } from '@calfleet/domain';
import type { House } from './house.ts';

export interface SeededCalendar {
  userId: string;
  accountId: string;
  calendarId: string;
}

const stamp = '2026-11-20T11:00:00Z';

export async function seedCalendar(
  house: House,
  options: {
    userId?: string;
    accountId?: string;
    timeZone?: string;
    active?: boolean;
    synced?: boolean;
    coverage?: string;
  } = {},
): Promise<SeededCalendar> {
  const {
    userId = 'ada',
    timeZone = 'Europe/Berlin',
    active = true,
    synced = true,
    coverage = 'push',
  } = options;
  const accountId = options.accountId ?? newId();
  const calendarId = newId();
  await house.worker(
    `insert into calendar_accounts (id, user_id, provider, email, data_key, refresh_token, created_at, updated_at)
     values ($1, $2, 'google', 'ada@example.com', 'sealed', 'sealed', $3, $3) on conflict do nothing`,
    [accountId, userId, stamp],
  );
  await house.worker(
    `insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role, active,
       coverage, state, last_synced_at, window_start, window_end, created_at, updated_at)
     values ($1, $2, $3, 'google', $1::uuid::text, 'Work', $4, 'owner', $5, $6, $7, $8, $9, $10, $11, $11)`,
    [
      calendarId,
      userId,
      accountId,
      timeZone,
      active,
      coverage,
      synced ? 'active' : 'new',
      synced ? stamp : null,
      synced ? '2026-10-21T00:00:00Z' : null,
      synced ? '2027-11-20T00:00:00Z' : null,
      stamp,
    ],
  );
  return { userId, accountId, calendarId };
}

export interface SeededEvent {
  summary?: string;
  kind?: 'single' | 'series' | 'exception';
  providerEventId?: string;
  providerSeriesId?: string;
  slot?: string;
  originalStart?: unknown;
  date?: [string, string];
  zoned?: [string, string, string | null];
  local?: [string, string];
  transparency?: string;
  status?: string;
  deleted?: boolean;
  held?: boolean;
  managed?: boolean;
  icalUid?: string;
  attendees?: unknown[];
}

/** @returns the event's id */
export async function seedEvent(house: House, at: SeededCalendar, event: SeededEvent): Promise<string> {
  const id = newId();
  await house.worker(
    `insert into calendar_events (id, user_id, calendar_id, provider_event_id, provider_version, provider_series_id, kind,
       slot, original_start, ical_uid, status, summary, all_day, start_date, end_date, starts_at, ends_at, start_local,
       end_local, start_time_zone, end_time_zone, attendees, visibility, transparency, event_type, managed, held_at,
       fingerprint, created_at, updated_at, deleted_at, generation, last_confirmed_at)
     values ($1, $2, $3, $4, '"1"', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20,
       'default', $21, 'default', $22, $23, '', $24, $24, $25, 1, $24)`,
    [
      id,
      at.userId,
      at.calendarId,
      event.providerEventId ?? id,
      event.providerSeriesId ?? null,
      event.kind ?? 'single',
      event.slot ?? null,
      event.originalStart === undefined ? null : JSON.stringify(event.originalStart),
      event.icalUid ?? null,
      event.status ?? 'confirmed',
      event.summary ?? null,
      event.date !== undefined,
      event.date?.[0] ?? null,
      event.date?.[1] ?? null,
      event.zoned?.[0] ?? null,
      event.zoned?.[1] ?? null,
      event.local?.[0] ?? null,
      event.local?.[1] ?? null,
      event.zoned?.[2] ?? null,
      JSON.stringify(event.attendees ?? []),
      event.transparency ?? 'opaque',
      event.managed ?? false,
      event.held ? stamp : null,
      stamp,
      event.deleted ? stamp : null,
    ],
  );
  return id;
}

/** Bounds in UTC; all-day and floating ones as if their zone were UTC. */
export async function seedOccurrence(
  house: House,
  at: SeededCalendar,
  occurrence: {
    eventId: string;
    ownerId?: string;
    slot?: string;
    bounds: [string, string];
    allDay?: boolean;
    floating?: boolean;
    transparent?: boolean;
  },
): Promise<void> {
  await house.worker(
    `insert into calendar_occurrences (calendar_id, owner_id, slot, event_id, user_id, all_day, starts_at, ends_at,
       floating, transparent)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      at.calendarId,
      occurrence.ownerId ?? occurrence.eventId,
      occurrence.slot ?? '',
      occurrence.eventId,
      at.userId,
      occurrence.allDay ?? false,
      ...occurrence.bounds,
      occurrence.floating ?? false,
      occurrence.transparent ?? false,
    ],
  );
}

/** A single event with its one occurrence. */
export async function seedSingle(house: House, at: SeededCalendar, event: SeededEvent): Promise<string> {
  const eventId = await seedEvent(house, at, event);
  const bounds: [string, string] = event.date
    ? [`${event.date[0]}T00:00:00Z`, `${event.date[1]}T00:00:00Z`]
    : event.local
      ? [`${event.local[0]}Z`, `${event.local[1]}Z`]
      : [event.zoned?.[0] ?? '', event.zoned?.[1] ?? ''];
  await seedOccurrence(house, at, {
    eventId,
    bounds,
    allDay: event.date !== undefined,
    floating: event.local !== undefined,
    transparent: event.transparency === 'transparent',
  });
  return eventId;
}

const changeText = `insert into calendar_changes (at, user_id, kind, event_id, calendar_id, account_id, version, fields, origin)
  values ($1, $2, 'updated', $3, $4, $5, 1, '{summary}', 'provider')`;

/** A feed row, by the worker's hand or inside somebody's open transaction. */
export async function seedChange(
  house: House,
  at: SeededCalendar,
  options: {
    eventId?: string;
    when?: string;
    by?: { query(text: string, values: unknown[]): Promise<unknown> };
  } = {},
): Promise<string> {
  const eventId = options.eventId ?? newId();
  const values = [options.when ?? '2026-11-20T11:59:00Z', at.userId, eventId, at.calendarId, at.accountId];
  if (options.by) await options.by.query(changeText, values);
  else await house.worker(changeText, values);
  return eventId;
}
