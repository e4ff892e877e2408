/**
 * Writes: creations that can be asked for any number of times, changes and deletions upon one known version.
 * https://developers.google.com/workspace/calendar/api/guides/version-resources
 */
import { createHash } from 'node:crypto';
import { SyncError } from '@calfleet/domain';
import type {
  Attendee,
  CreateRequest,
  DeleteRequest,
  EventWriter,
  ProviderSession,
  RemoteEvent,
  RemoteItem,
  UpdateRequest,
} from '@calfleet/domain';
import type { MethodOptions } from 'googleapis/build/src/apis/calendar';
import { isJson, objectsOf, type Json } from '../json.ts';
import { newBody, patchBody, sendUpdatesTo } from './body.ts';
import { call, type GoogleCalls } from './call.ts';
import { readEvent } from './changes.ts';
import { normalise, writeIdProperty } from './normalise.ts';
import { occurrenceId, showsItsSeries } from './occurrence.ts';

export async function createEvent(
  calls: GoogleCalls,
  session: ProviderSession,
  request: CreateRequest,
): Promise<RemoteItem> {
  const { providerCalendarId: calendarId, calendarTimeZone, writeId, fields } = request;
  const id = eventIdOf(writeId);
  const requestBody = {
    ...newBody(fields, calendarTimeZone),
    id,
    extendedProperties: { private: { [writeIdProperty]: writeId } },
  };
  try {
    const answer: unknown = await call(calls, session, 'createEvent', (api, options) =>
      api.events.insert({ calendarId, sendUpdates: sendUpdatesTo(fields.attendees), requestBody }, options),
    );
    return readAnswer(answer, 'createEvent', calendarTimeZone);
  } catch (thrown) {
    if (!(thrown instanceof SyncError && thrown.context['status'] === 409)) throw thrown;
  }
  // The id is taken for ever, and since each creation has an id of its own, an earlier try of this one took it. If the
  // event is cancelled by now, that try succeeded and somebody deleted the event since: a new id would bring back what
  // a person threw away.
  const made = await readEvent(calls, session, request, id);
  if (made === null) throw strange('createEvent', 'a taken id that cannot be read');
  return made;
}

export async function updateEvent(
  calls: GoogleCalls,
  session: ProviderSession,
  request: UpdateRequest,
): Promise<RemoteEvent> {
  const { providerCalendarId: calendarId, calendarTimeZone, patch, whole } = request;
  // Google would delete it, and the answer could not be an event.
  if (patch.status === 'cancelled') {
    throw new SyncError('request_rejected', 'an event is cancelled by deleting it');
  }
  const isNewList = patch.attendees !== undefined;
  const { eventId, version, known } = await aim(calls, session, request, { look: isNewList });
  const guests: Attendee[] = [...whole.attendees, ...(known?.fields.attendees ?? [])];
  const requestBody = patchBody(patch, {
    calendarTimeZone,
    known: isNewList && known !== null ? rawAttendees(known) : [],
  });
  try {
    const answer: unknown = await call(calls, session, 'updateEvent', (api, options) =>
      api.events.patch(
        { calendarId, eventId, sendUpdates: sendUpdatesTo(guests), requestBody },
        matching(options, version),
      ),
    );
    return alive(readAnswer(answer, 'updateEvent', calendarTimeZone));
  } catch (thrown) {
    // A deleted event refuses changes as if it were a matter of rights.
    // https://github.com/googleapis/google-api-ruby-client/issues/1811
    if (thrown instanceof SyncError && thrown.context['reason'] === 'forbidden') {
      await readAlive(calls, session, request, eventId);
    }
    throw thrown;
  }
}

export async function deleteEvent(
  calls: GoogleCalls,
  session: ProviderSession,
  request: DeleteRequest,
): Promise<void> {
  const { eventId, version } = await aim(calls, session, request, { look: false });
  // Nobody says here whether there are guests; if there are, they have to hear of it.
  const params = { calendarId: request.providerCalendarId, eventId, sendUpdates: 'all' };
  await call(calls, session, 'deleteEvent', (api, options) =>
    api.events.delete(params, matching(options, version)),
  );
}

/** What a write goes at, and the version that it is for. */
interface Aim {
  eventId: string;
  version: string;
  /** The event as it is now, if it had to be looked at. */
  known: RemoteEvent | null;
}

/**
 * An occurrence that nobody has changed has no version that a mirror could know, so it is looked at first: it has to show
 * what its series shows, and gets the version that it is shown with.
 * @throws version_conflict, remote_missing
 */
async function aim(
  calls: GoogleCalls,
  session: ProviderSession,
  request: UpdateRequest | DeleteRequest,
  { look }: { look: boolean },
): Promise<Aim> {
  const { event, providerVersion } = request;
  const eventId = 'occurrence' in event ? occurrenceId(event.occurrence) : event.providerEventId;
  if (providerVersion !== null && !look) return { eventId, version: providerVersion, known: null };
  const known = await readAlive(calls, session, request, eventId);
  const version = known.providerVersion;
  if (version === null) throw strange('readEvents', 'an event without a version');
  const isAsKnown =
    providerVersion === null
      ? known.exceptionOf !== null &&
        showsItsSeries(known, await readAlive(calls, session, request, known.exceptionOf.providerSeriesId))
      : version === providerVersion;
  if (!isAsKnown) throw new SyncError('version_conflict', 'the event was changed at Google');
  return { eventId, version, known };
}

/** @throws remote_missing */
async function readAlive(
  calls: GoogleCalls,
  session: ProviderSession,
  request: UpdateRequest | DeleteRequest,
  eventId: string,
): Promise<RemoteEvent> {
  const item = await readEvent(calls, session, request, eventId);
  if (item === null) throw missing();
  return alive(item);
}

function alive(item: RemoteItem): RemoteEvent {
  if (item.type === 'event') return item.event;
  if (item.type === 'deleted') throw missing();
  throw new SyncError('request_rejected', 'the event makes no sense as Google holds it');
}

/** @throws request_rejected a list that Google cut short, since what it left out would be thrown out */
function rawAttendees({ raw }: RemoteEvent): Json[] {
  const item: unknown = JSON.parse(raw);
  if (!isJson(item) || item['attendeesOmitted'] === true) {
    throw new SyncError('request_rejected', 'Google does not show all attendees');
  }
  return objectsOf(item['attendees']);
}

/**
 * 52 characters of base32hex, which is what Google takes as ids of a client, from the SHA-256 of the creation's name.
 * https://developers.google.com/workspace/calendar/api/v3/reference/events/insert (id)
 */
export function eventIdOf(writeId: string): string {
  const bits = BigInt(`0x${createHash('sha256').update(writeId).digest('hex')}`);
  // 52 characters are 260 bits: the last four are padding.
  return (bits << 4n).toString(32).padStart(52, '0');
}

function matching(options: MethodOptions, version: string): MethodOptions {
  const headers = new Headers(options.headers);
  headers.set('if-match', version);
  return { ...options, headers };
}

function readAnswer(
  answer: unknown,
  operation: keyof EventWriter,
  calendarTimeZone: string | null,
): RemoteItem {
  if (isJson(answer)) return normalise(answer, calendarTimeZone);
  throw strange(operation, 'no JSON object');
}

const missing = (): SyncError => new SyncError('remote_missing', 'the event is gone at Google');

const strange = (operation: string, what: string): SyncError =>
  new SyncError('provider_unavailable', `Google answered ${operation} with ${what}`, {
    context: { operation },
  });
