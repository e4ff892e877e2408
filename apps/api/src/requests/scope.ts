/** Which calendars a question is about, and where their all-day and floating items are placed. */
import { api, type Transaction } from '@calfleet/db';
import type { Context } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { plainText, uuid } from './input.ts';

export const placingParams = {
  time_zone: plainText({ max: 64 })
    .optional()
    .describe(
      'IANA zone in which bounds without offset are read, and all-day and floating items are placed; left out: of each calendar its own.',
    )
    .meta({ examples: ['Europe/Berlin'] }),
  calendar_id: uuid().optional().describe('Of this calendar alone; left out: of all that are active.'),
};

export interface Placing {
  /** The asked zone, or null for each calendar's own. */
  zone: string | null;
  place: (calendars: readonly api.CalendarRow[]) => { id: string; zone: string }[];
}

/** A calendar in a zone that this server does not know is placed in UTC. @throws RequestProblem: `time_zone` */
export async function readPlacing(context: Context, asked: string | undefined): Promise<Placing> {
  const isPlaceable = await context.placeableZones();
  if (asked !== undefined && !isPlaceable(asked)) throw invalid('time_zone', 'is not an IANA time zone');
  return {
    zone: asked ?? null,
    place: (calendars) =>
      calendars.map(({ id, time_zone }) => {
        const zone = asked ?? time_zone;
        return { id, zone: isPlaceable(zone) ? zone : 'UTC' };
      }),
  };
}

/** The named calendar, or the user's active ones. @throws RequestProblem `not_found` */
export async function askedCalendars(
  tx: Transaction,
  asked: { userId: string; calendarId: string | null },
): Promise<api.CalendarRow[]> {
  const calendars = await api.calendarsAsked(tx, asked);
  if (asked.calendarId !== null && calendars.length === 0) throw notFound();
  return calendars;
}
