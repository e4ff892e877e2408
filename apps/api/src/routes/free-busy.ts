import { z } from 'zod';
import { api } from '@calfleet/db';
import { coverage } from '../answers/calendar.ts';
import { answeredTime, instant, zonedTime } from '../answers/times.ts';
import { asUser } from '../context.ts';
import { boundText, rangeInside, readRange } from '../requests/range.ts';
import { askedCalendars, placingParams, readPlacing } from '../requests/scope.ts';
import { forUser } from '../route.ts';

const asked = {
  summary: 'When each calendar is busy',
  details:
    'Inside [start, end), touching and overlapping times as one, written in `time_zone`, else in the zone of the calendar.',
  query: z.strictObject({ start: boundText('From'), end: boundText('To'), ...placingParams }),
  answers: {
    200: z.object({
      calendars: z.array(
        z.object({
          calendar_id: z.uuid(),
          busy: z.array(z.object({ start: answeredTime, end: answeredTime })),
          synced_at: instant.nullable(),
          coverage,
        }),
      ),
    }),
  },
  problems: ['not_found', 'outside_window'],
} as const;

export const freeBusy = forUser(asked, async (context, call, { query }) => {
  const { userId } = call;
  const { zone, place } = await readPlacing(context, query.time_zone);
  const bounds = readRange(query, zone, context.zones);
  const { calendars, busy } = await asUser(context, call, async (tx) => {
    const calendars = await askedCalendars(tx, { userId, calendarId: query.calendar_id ?? null });
    const range = rangeInside(bounds, calendars);
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
});
