/**
 * Graph's event JSON in our one shape. It never throws: an item that makes no sense costs its own row at most, and
 * what Graph did not say stays null instead of being invented.
 * https://learn.microsoft.com/graph/api/resources/event
 */
import {
  slotOf,
  type Attendee,
  type EventFields,
  type Person,
  type RemoteEvent,
  type RemoteItem,
} from '@calfleet/domain';
import { isJson, objectsOf, textOf, type Json } from '../json.ts';
import { storableJson } from '../text.ts';
import { readDateTime, UnreadableTime } from '../wall-time.ts';
import { recurrenceLines } from './recurrence.ts';
import { readBounds, readInstanceBounds, readSlot, startZoneOf } from './times.ts';

/**
 * One whole event of a list, or the answer to a single read.
 * @param series the master of an occurrence or exception; occurrences without one are read by what they say themselves
 */
export function normalise(received: unknown, series: Json | null): RemoteItem {
  let raw = '';
  let id: string | null = null;
  try {
    const storable = storableJson(received);
    raw = storable.raw;
    if (!isJson(storable.value)) return unreadable(null, 'not an object', raw);
    id = textOf(storable.value['id']);
    if (id === null) return unreadable(null, 'no id', raw);
    return readItem(id, storable.value, raw, series);
  } catch (thrown) {
    return unreadable(id, thrown instanceof UnreadableTime ? thrown.message : 'not readable', raw);
  }
}

function readItem(id: string, item: Json, raw: string, series: Json | null): RemoteItem {
  const seriesId = textOf(item['seriesMasterId']);
  const isOccurrence = item['type'] === 'occurrence';
  const isException = item['type'] === 'exception';
  if ((isOccurrence || isException) && seriesId === null)
    return unreadable(id, 'an occurrence without its series', raw);
  if (isOccurrence && seriesId !== null) return readInstance(id, seriesId, item, series ?? item);
  const isSeries = item['type'] === 'seriesMaster';
  const event: RemoteEvent = {
    providerEventId: id,
    providerVersion: versionOf(item),
    kind: isSeries ? 'series' : isException ? 'exception' : 'single',
    exceptionOf: isException && seriesId !== null ? readSlot(item, seriesId, series ?? item) : null,
    writeId: isException ? null : readWriteId(item),
    fields: readFields(item, isSeries),
    providerUpdatedAt: instantOrNull(item['lastModifiedDateTime']),
    raw,
  };
  return { type: 'event', event };
}

/** A plain occurrence was never moved: where it starts is where its series put it. */
function readInstance(id: string, providerSeriesId: string, item: Json, series: Json): RemoteItem {
  const { start, end } = readInstanceBounds(item, series);
  return { type: 'instance', providerEventId: id, providerSeriesId, slot: slotOf(start), start, end };
}

/**
 * The change key: of an etag's bytes the last 22. Lists, single reads and notifications put other things before them.
 * https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/34
 */
export function versionOf(item: Json): string | null {
  const said = textOf(item['@odata.etag']) ?? textOf(item['changeKey']);
  if (said === null) return null;
  const base64 = said.replace(/^W\//, '').replaceAll('"', '');
  if (!/^[\w+/-]{30,}={0,2}$/.test(base64)) return said;
  return Buffer.from(base64, 'base64').subarray(-CHANGE_KEY_BYTES).toString('base64');
}

const CHANGE_KEY_BYTES = 22;

function readFields(item: Json, isSeries: boolean): EventFields {
  const organizer = readPerson(item['organizer'], item['isOrganizer'] === true);
  return {
    icalUid: textOf(item['iCalUId']),
    // A meeting that its organiser called off stays in the guests' calendars until they remove it.
    status: item['isCancelled'] === true ? 'cancelled' : 'confirmed',
    summary: textOf(item['subject']),
    description: bodyText(item['body']),
    location: isJson(item['location']) ? textOf(item['location']['displayName']) : null,
    ...readBounds(item),
    recurrence: isSeries ? linesOf(item) : [],
    attendees: objectsOf(item['attendees']).map((attendee) => readAttendee(attendee, organizer)),
    organizer,
    meetingUrl: meetingUrlOf(item),
    visibility: visibilityOf(item['sensitivity']),
    transparency: transparencyOf(item['showAs']),
    eventType: eventTypes[textOf(item['showAs']) ?? ''] ?? 'default',
    htmlLink: textOf(item['webLink']),
  };
}

function readWriteId(item: Json): string | null {
  const said = textOf(item['transactionId']);
  return said?.startsWith(transactionPrefix) ? said.slice(transactionPrefix.length) : null;
}

/** Begins the transaction ids of what we created, which other programs name in their own way. */
export const transactionPrefix = 'calfleet-';

export const visibilityOf = (sensitivity: unknown): EventFields['visibility'] =>
  visibilities[textOf(sensitivity) ?? ''] ?? 'default';

export const transparencyOf = (showAs: unknown): EventFields['transparency'] =>
  showAs === 'free' || showAs === 'workingElsewhere' ? 'transparent' : 'opaque';

const visibilities: Record<string, EventFields['visibility']> = {
  normal: 'default',
  personal: 'private',
  private: 'private',
  confidential: 'confidential',
};

const eventTypes: Record<string, string> = { oof: 'outOfOffice', workingElsewhere: 'workingElsewhere' };

/** An empty page of HTML becomes blank text. */
export function bodyText(body: unknown): string | null {
  const content = isJson(body) ? textOf(body['content']) : null;
  return content === null || content.trim() === '' ? null : content;
}

const linesOf = (item: Json): string[] =>
  recurrenceLines(item['recurrence'], {
    isAllDay: item['isAllDay'] === true,
    zone: startZoneOf(item),
  });

/** `onlineMeetingUrl` is what events had before there was `onlineMeeting`. */
export function meetingUrlOf(item: Json): string | null {
  const meeting = item['onlineMeeting'];
  return (isJson(meeting) ? textOf(meeting['joinUrl']) : null) ?? textOf(item['onlineMeetingUrl']);
}

const responses: Record<string, Attendee['response']> = {
  organizer: 'accepted',
  accepted: 'accepted',
  declined: 'declined',
  tentativelyaccepted: 'tentative',
};

function readAttendee(attendee: Json, organizer: Person | null): Attendee {
  const { email, name } = addressOf(attendee);
  const status = attendee['status'];
  const response = isJson(status) ? (textOf(status['response'])?.toLowerCase() ?? '') : '';
  const type = textOf(attendee['type'])?.toLowerCase();
  const isOrganizer =
    response === 'organizer' || (email !== null && email.toLowerCase() === organizer?.email?.toLowerCase());
  return {
    email,
    name,
    response: responses[response] ?? 'needs_action',
    optional: type === 'optional',
    organizer: isOrganizer,
    // Graph says of the organiser alone whether that is the calendar's owner.
    self: isOrganizer && organizer?.self === true,
    resource: type === 'resource',
  };
}

function readPerson(person: unknown, self: boolean): Person | null {
  if (!isJson(person)) return null;
  const { email, name } = addressOf(person);
  return email === null && name === null ? null : { email, name, self };
}

function addressOf(recipient: Json): { email: string | null; name: string | null } {
  const address = recipient['emailAddress'];
  if (!isJson(address)) return { email: null, name: null };
  return { email: textOf(address['address']), name: textOf(address['name']) };
}

function instantOrNull(value: unknown): string | null {
  try {
    const time = readDateTime(textOf(value) ?? '');
    return 'instant' in time ? time.instant : null;
  } catch {
    return null;
  }
}

const unreadable = (providerEventId: string | null, reason: string, raw: string): RemoteItem => ({
  type: 'unreadable',
  providerEventId,
  reason,
  raw,
});
