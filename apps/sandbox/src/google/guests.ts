/** What the provider itself does to a written event: rooms that answer, conferences that come to life. */
import type { StoredEvent } from '../store/event-log.ts';
import type { Writer } from './commit.ts';
import { invalid } from './errors.ts';
import { readResource, type Attendee, type EventResource } from './resource.ts';

type Patch = (writer: Writer, id: string, body: EventResource) => StoredEvent;

/** Rooms accept on their own some time after the write, which is a second change nobody asked for. */
export function answerForRooms(writer: Writer, stored: StoredEvent, patch: Patch): void {
  const { roomsAnswerAfterMs } = writer.world.quirks;
  if (roomsAnswerAfterMs === null || !stored.json.includes('"resource":true')) return;
  const isWaiting = (text: string): boolean =>
    (readResource(text).attendees ?? []).some(
      (guest) => guest.resource === true && (guest.responseStatus ?? 'needsAction') === 'needsAction',
    );
  if (!isWaiting(stored.json)) return;
  const timer = setTimeout(() => {
    const now = writer.calendar.log.get(stored.id);
    if (now?.state !== 'live' || !isWaiting(now.json)) return;
    const attendees = (readResource(now.json).attendees ?? []).map((guest) =>
      guest.resource === true ? { ...guest, responseStatus: 'accepted' as const } : guest,
    );
    patch(writer, stored.id, { attendees });
  }, roomsAnswerAfterMs);
  timer.unref();
}

/**
 * Who is the organizer and whose copy this is does not depend on what a client says; an answer that nobody gave is
 * `needsAction`, and what was a room stays one. https://developers.google.com/workspace/calendar/api/v3/reference/events
 */
export function settleGuests(
  calendarId: string,
  before: EventResource | undefined,
  content: EventResource,
): EventResource {
  if (!content.attendees || content.attendees === before?.attendees) return content;
  const known = new Map((before?.attendees ?? []).map((guest) => [guest.email.toLowerCase(), guest]));
  const attendees = content.attendees.map((guest): Attendee => {
    const { self: _self, organizer: _organizer, resource, ...said } = guest;
    const email = guest.email.toLowerCase();
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw invalid('Invalid attendee email.');
    const was = known.get(email);
    return {
      ...said,
      responseStatus: guest.responseStatus ?? 'needsAction',
      ...((was ? was.resource : resource) === true && { resource: true }),
      ...(email === calendarId.toLowerCase() && { self: true }),
      ...(email === content.organizer?.email?.toLowerCase() && { organizer: true }),
    };
  });
  return { ...content, attendees };
}

/** Conference data is ignored without conferenceDataVersion=1; a create request succeeds at once. */
export function settleConference(
  content: EventResource,
  before: EventResource | undefined,
  options: { conferenceDataVersion?: number },
): EventResource {
  const { conferenceData: wanted, ...rest } = content;
  const isAllowed = options.conferenceDataVersion === 1;
  const data = isAllowed ? wanted : before?.conferenceData;
  if (data === undefined || data === null) return rest;
  const request = data.createRequest as { requestId?: string } | undefined;
  if (request?.requestId === undefined) return { ...rest, conferenceData: data };
  const link = `https://meet.google.com/${request.requestId.toLowerCase().slice(0, 12)}`;
  const conferenceData = {
    ...data,
    createRequest: { ...request, status: { statusCode: 'success' } },
    entryPoints: [{ entryPointType: 'video', uri: link }],
  };
  return { ...rest, hangoutLink: link, conferenceData };
}
