import { z } from 'zod';
import { api } from '@calfleet/db';
import { zonedTime } from '../answers/times.ts';
import { asUser, type Handler } from '../context.ts';
import { plainText, readQuery, uuid } from '../requests/input.ts';
import { rangeInside, readRange } from '../requests/range.ts';
import { askedCalendars, readPlacing } from '../requests/scope.ts';

const bound = () => z.string({ error: 'is missing' }).max(64);

const busyQuery = z.strictObject({
  start: bound(),
  end: bound(),
  time_zone: plainText({ max: 64 }).optional(),
  calendar_id: uuid().optional(),
});

/** When each calendar is busy inside [start, end), written in `time_zone`, else in the calendar's own zone. */
export const freeBusy: Handler = async (context, call) => {
  const query = readQuery(call, busyQuery);
  const { userId } = call;
  const { zone, place } = await readPlacing(context, query.time_zone);
  const asked = readRange(query, zone, context.zones);
  const { calendars, busy } = await asUser(context, call, async (tx) => {
    const calendars = await askedCalendars(tx, { userId, calendarId: query.calendar_id ?? null });
    const range = rangeInside(asked, calendars);
    return { calendars, busy: await api.listBusy(tx, { userId, calendars: place(calendars), range }) };
  });
  const busyOf = new Map<string, api.BusyRow[]>(calendars.map(({ id }) => [id, []]));
  for (const row of busy) busyOf.get(row.calendar_id)?.push(row);
  const body = {
    calendars: calendars.map(({ id, time_zone, last_synced_at, coverage }) => ({
      calendar_id: id,
      busy: (busyOf.get(id) ?? []).map(({ starts_at, ends_at }) => ({
        start: zonedTime(context.zones, starts_at, zone ?? time_zone),
        end: zonedTime(context.zones, ends_at, zone ?? time_zone),
      })),
      synced_at: last_synced_at,
      coverage,
    })),
  };
  return { status: 200, body };
};
