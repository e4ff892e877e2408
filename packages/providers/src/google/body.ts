/**
 * An event as Google is told of it. A new event says what it has; a patch says only what changes, `null` clears, objects
 * merge and lists are replaced whole, so a time says of its other form that it has none, and a list of attendees keeps
 * of each what Google knows beyond our fields.
 * https://developers.google.com/workspace/calendar/api/guides/performance#patch
 */
import type { Attendee, EventPatch, EventTime, WritableFields } from '@calfleet/domain';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar';
import { textOf, type Json } from '../json.ts';

type Body = calendar_v3.Schema$Event;

export function newBody(fields: WritableFields, calendarTimeZone: string | null): Body {
  const { start, end, recurrence, attendees, ...plain } = fields;
  return {
    ...Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null)),
    start: timeOf(start, calendarTimeZone),
    end: timeOf(end, calendarTimeZone),
    ...(recurrence.length > 0 && { recurrence }),
    ...(attendees.length > 0 && { attendees: attendeesOf(attendees, []) }),
  };
}

/** @param known the attendees that Google holds, as it says them; needed when the patch names attendees. */
export function patchBody(
  patch: EventPatch,
  { calendarTimeZone, known }: { calendarTimeZone: string | null; known: readonly Json[] },
): Body {
  const { start, end, recurrence, attendees, ...plain } = patch;
  const other = { date: null, dateTime: null, timeZone: null };
  return {
    ...plain,
    ...(start && { start: { ...other, ...timeOf(start, calendarTimeZone) } }),
    ...(end && { end: { ...other, ...timeOf(end, calendarTimeZone) } }),
    ...(recurrence && { recurrence: recurrence.length > 0 ? recurrence : null }),
    ...(attendees && { attendees: attendeesOf(attendees, known) }),
  };
}

/** A series needs its zone by name; one that nobody said is the calendar's. */
function timeOf(time: EventTime, calendarTimeZone: string | null): calendar_v3.Schema$EventDateTime {
  switch (time.kind) {
    case 'date':
      return { date: time.date };
    case 'zoned':
      return { dateTime: time.instant, timeZone: time.zone ?? calendarTimeZone };
    case 'floating':
      return { dateTime: time.local, timeZone: calendarTimeZone };
  }
}

const responses: Record<Attendee['response'], string> = {
  needs_action: 'needsAction',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
};

/** Who has no address is known to Google alone, and stays. */
function attendeesOf(
  wanted: readonly Attendee[],
  known: readonly Json[],
): calendar_v3.Schema$EventAttendee[] {
  const addressOf = (attendee: Json): string | undefined => textOf(attendee['email'])?.toLowerCase();
  const byAddress = new Map(known.map((attendee) => [addressOf(attendee), attendee]));
  const said = wanted.flatMap(({ email, name, response, optional, resource }) => {
    if (email === null) return [];
    return [
      {
        ...byAddress.get(email.toLowerCase()),
        email,
        ...(name !== null && { displayName: name }),
        optional,
        responseStatus: responses[response],
        ...(resource && { resource }),
      },
    ];
  });
  return [...said, ...known.filter((attendee) => addressOf(attendee) === undefined)];
}

/**
 * Guests hear of what concerns them; an event without guests is nobody else's business. `none` where there are some
 * could lose the event in calendars outside Google.
 * https://developers.google.com/workspace/calendar/api/v3/reference/events/insert (sendUpdates)
 */
export const sendUpdatesTo = (attendees: readonly Attendee[]): 'all' | 'none' =>
  attendees.some(({ email, self, resource }) => email !== null && !self && !resource) ? 'all' : 'none';
