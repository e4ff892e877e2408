/**
 * Google's event JSON in our one shape. It never throws: an item that makes no sense costs its own row at most, and
 * what Google did not say stays null instead of being invented.
 * https://developers.google.com/workspace/calendar/api/v3/reference/events
 */
import type { Attendee, EventFields, Person, RemoteEvent, RemoteItem } from '@calfleet/domain';
import { storableJson } from '../text.ts';
import { readDateTime, UnreadableTime } from '../wall-time.ts';
import { isJson, objectsOf, textOf, wordOf, type Json } from '../json.ts';
import { readBounds, readSlot } from './times.ts';

/** One item of events.list, or the answer of events.get. */
export function normalise(received: unknown, calendarTimeZone: string | null): RemoteItem {
  let raw = '';
  let id: string | null = null;
  try {
    const storable = storableJson(received);
    raw = storable.raw;
    if (!isJson(storable.value)) return unreadable(null, 'not an object', raw);
    id = textOf(storable.value['id']);
    if (id === null) return unreadable(null, 'no id', raw);
    return readItem(id, storable.value, raw, calendarTimeZone);
  } catch (thrown) {
    return unreadable(id, thrown instanceof UnreadableTime ? thrown.message : 'not readable', raw);
  }
}

function readItem(id: string, item: Json, raw: string, calendarTimeZone: string | null): RemoteItem {
  const providerVersion = textOf(item['etag']);
  if (item['status'] === 'cancelled') {
    const exceptionOf = readSlotOrNull(item, calendarTimeZone);
    return { type: 'deleted', providerEventId: id, providerVersion, exceptionOf, raw };
  }
  const recurrence = linesOf(item['recurrence']);
  const isException = textOf(item['recurringEventId']) !== null;
  const exceptionOf = isException ? readSlot(item, calendarTimeZone) : null;
  if (isException && exceptionOf === null) return unreadable(id, 'an exception without its slot', raw);
  const event: RemoteEvent = {
    providerEventId: id,
    providerVersion,
    kind: isException ? 'exception' : recurrence.length > 0 ? 'series' : 'single',
    exceptionOf,
    writeId: readWriteId(item),
    fields: readFields(item, isException ? [] : recurrence, calendarTimeZone),
    providerUpdatedAt: instantOrNull(item['updated']),
    raw,
  };
  return { type: 'event', event };
}

function readFields(item: Json, recurrence: string[], calendarTimeZone: string | null): EventFields {
  return {
    icalUid: textOf(item['iCalUID']),
    status: wordOf(item['status'], ['confirmed', 'tentative']),
    summary: textOf(item['summary']),
    description: textOf(item['description']),
    location: textOf(item['location']),
    ...readBounds(item, calendarTimeZone),
    recurrence,
    attendees: objectsOf(item['attendees']).map(readAttendee),
    organizer: readPerson(item['organizer']),
    meetingUrl: readMeetingUrl(item),
    visibility: wordOf(item['visibility'], ['default', 'public', 'private', 'confidential']),
    transparency: wordOf(item['transparency'], ['opaque', 'transparent']),
    eventType: textOf(item['eventType']) ?? 'default',
    htmlLink: textOf(item['htmlLink']),
  };
}

const responses: Record<string, Attendee['response']> = {
  needsAction: 'needs_action',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
};

function readAttendee(attendee: Json): Attendee {
  return {
    email: textOf(attendee['email']),
    name: textOf(attendee['displayName']),
    response: responses[textOf(attendee['responseStatus']) ?? ''] ?? 'needs_action',
    optional: attendee['optional'] === true,
    organizer: attendee['organizer'] === true,
    self: attendee['self'] === true,
    resource: attendee['resource'] === true,
  };
}

function readPerson(person: unknown): Person | null {
  if (!isJson(person)) return null;
  return {
    email: textOf(person['email']),
    name: textOf(person['displayName']),
    self: person['self'] === true,
  };
}

/** Exceptions carry what their series carries: only the series itself came of the creation. */
function readWriteId(item: Json): string | null {
  const properties = item['extendedProperties'];
  const own = isJson(properties) ? properties['private'] : null;
  return isJson(own) && textOf(item['recurringEventId']) === null ? textOf(own[writeIdProperty]) : null;
}

/** The private extended property that marks what we created. */
export const writeIdProperty = 'calfleetWriteId';

/** The video entry point of the conference; `hangoutLink` is what events had before there were conferences. */
function readMeetingUrl(item: Json): string | null {
  const conference = item['conferenceData'];
  const entryPoints = isJson(conference) ? objectsOf(conference['entryPoints']) : [];
  const video = entryPoints.find((entry) => entry['entryPointType'] === 'video');
  return textOf(video?.['uri']) ?? textOf(item['hangoutLink']);
}

/** A deletion is believed even when its slot is nonsense. */
function readSlotOrNull(item: Json, calendarTimeZone: string | null) {
  try {
    return readSlot(item, calendarTimeZone);
  } catch {
    return null;
  }
}

function instantOrNull(value: unknown): string | null {
  try {
    const time = readDateTime(textOf(value) ?? '');
    return 'instant' in time ? time.instant : null;
  } catch {
    return null;
  }
}

const linesOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((line): line is string => typeof line === 'string' && line !== '') : [];

const unreadable = (providerEventId: string | null, reason: string, raw: string): RemoteItem => ({
  type: 'unreadable',
  providerEventId,
  reason,
  raw,
});
