/** What the provider itself does to a written event: rooms that answer, conferences that come to life. */
import type { StoredEvent } from '../store/event-log.ts';
import type { Writer } from './commit.ts';
import { readResource, type EventResource } from './resource.ts';

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
