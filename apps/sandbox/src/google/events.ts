/** The operations on single events, as the API offers them: who may do what, and what comes back. */
import { json, noContent, type Reply } from '../reply.ts';
import type { CalendarEntry } from '../store/calendar.ts';
import { mayWriteEvents } from '../store/account.ts';
import type { StoredEvent } from '../store/event-log.ts';
import type { Call } from './call.ts';
import type { Writer } from './commit.ts';
import {
  badRequest,
  conditionNotMet,
  forbiddenForNonOrganizer,
  insufficientPermissions,
  invalid,
  invalidPageToken,
  invalidParameter,
  notFound,
  requiredAccessLevel,
} from './errors.ts';
import { findEvent, untouchedOccurrences } from './instances.ts';
import { count, flag, instant } from './list-query.ts';
import { parseResource, readResource, type EventResource } from './resource.ts';
import { show, showResource, type Reader } from './view.ts';
import { deleteEvent, insertEvent, patchEvent, updateEvent, type WriteOptions } from './write.ts';

export function getEvent(call: Call, entry: CalendarEntry, id: string): Reply {
  const found = findEvent(call.world, entry.calendar, id);
  if (found === undefined) throw notFound();
  // Documented for retrieval; the status number is a guess.
  if (call.ifNoneMatch === found.resource.etag) return { status: 304, body: '' };
  return withEtag(showResource(found.resource, readerOf(call, entry)));
}

export function insert(call: Call, entry: CalendarEntry): Reply {
  const writer = writerOf(call, entry);
  const body = parseBody(call);
  if (body.id !== undefined && body.iCalUID !== undefined) throw invalid('Supply either id or iCalUID.');
  return answer(call, entry, insertEvent(writer, body, optionsOf(call)));
}

export function update(call: Call, entry: CalendarEntry, id: string): Reply {
  const writer = writerOf(call, entry);
  const body = parseBody(call);
  // Leaving out guestsCan* counts as setting their defaults, so a guest's PUT always touches shared properties.
  if (!isOrganizer(call, entry, id)) throw forbiddenForNonOrganizer();
  return answer(call, entry, updateEvent(writer, id, body, optionsOf(call)));
}

/** What belongs to a guest's own copy of an event. */
const ownProperties = new Set([
  'attendees',
  'reminders',
  'colorId',
  'visibility',
  'transparency',
  'extendedProperties',
]);

export function patch(call: Call, entry: CalendarEntry, id: string): Reply {
  const writer = writerOf(call, entry);
  const body = parseBody(call);
  const touchesShared = Object.keys(body).some((name) => !ownProperties.has(name));
  if (touchesShared && !isOrganizer(call, entry, id)) throw forbiddenForNonOrganizer();
  return answer(call, entry, patchEvent(writer, id, body, optionsOf(call)));
}

export function remove(call: Call, entry: CalendarEntry, id: string): Reply {
  deleteEvent(writerOf(call, entry), id, optionsOf(call));
  return noContent;
}

/** Occurrences of a series, exceptions in the place of the slots they replace. */
export function instances(call: Call, entry: CalendarEntry, id: string): Reply {
  const { world, params } = call;
  const { calendar } = entry;
  const series = calendar.log.get(id);
  if (series?.state !== 'live') throw notFound();
  if (!series.isSeries) throw badRequest('The event is not a recurring event.');
  const fromMs = instant(world.zones, params, 'timeMin') ?? -Infinity;
  const toMs = instant(world.zones, params, 'timeMax') ?? world.clock.now() + 730 * 86_400_000;
  const reader = readerOf(call, entry);
  const all = untouchedOccurrences(world, calendar, series, { fromMs, toMs, max: 2500 }).map((resource) => ({
    key: resource.id,
    json: JSON.stringify(showResource(resource, reader)),
  }));
  const showDeleted = flag(params, 'showDeleted');
  for (const exception of calendar.log.exceptionsOf(id)) {
    if (exception.endMs <= fromMs || exception.startMs >= toMs) continue;
    if (exception.state === 'live' || showDeleted)
      all.push({ key: exception.id, json: show(exception, reader) });
  }
  all.sort((a, b) => (a.key < b.key ? -1 : 1));
  const size = Math.min(count(params, 'maxResults') ?? 250, 2500, world.quirks.pageSizeMax);
  const start = readStart(params.get('pageToken'));
  const items = all.slice(start, start + size).map((item) => item.json);
  const next = start + size < all.length ? { nextPageToken: `i${start + size}` } : {};
  const head = JSON.stringify({
    kind: 'calendar#events',
    etag: series.etag,
    summary: calendar.summary,
    timeZone: calendar.timeZone,
    accessRole: entry.accessRole,
    ...next,
  });
  return { status: 200, body: `${head.slice(0, -1)},"items":[${items.join(',')}]}` };
}

function readStart(token: string | null): number {
  if (token === null) return 0;
  if (!/^i\d{1,9}$/.test(token)) throw invalidPageToken();
  return Number(token.slice(1));
}

function answer(call: Call, entry: CalendarEntry, stored: StoredEvent): Reply {
  return withEtag(showResource(readResource(stored.json), readerOf(call, entry)));
}

function withEtag(resource: EventResource): Reply {
  return { ...json(resource), headers: { ETag: resource.etag ?? '' } };
}

function parseBody({ body }: Call): EventResource {
  if (typeof body !== 'object' || body === null) throw badRequest('Parse Error');
  return parseResource(body);
}

function readerOf({ account, params }: Call, { accessRole }: CalendarEntry): Reader {
  return { email: account.email, accessRole, maxAttendees: count(params, 'maxAttendees') ?? undefined };
}

function writerOf({ world, account }: Call, { calendar, accessRole }: CalendarEntry): Writer {
  if (!mayWriteEvents(account)) throw insufficientPermissions();
  if (!['owner', 'writer', 'writerWithoutPrivateAccess'].includes(accessRole)) throw requiredAccessLevel();
  if (world.whims.chance(world.quirks.spurious412Rate)) throw conditionNotMet();
  return { world, calendar, email: account.email };
}

function isOrganizer({ world }: Call, { calendar }: CalendarEntry, id: string): boolean {
  const found = findEvent(world, calendar, id);
  if (found === undefined) return true;
  const { organizer, guestsCanModify } = found.resource;
  return organizer?.email === undefined || organizer.email === calendar.id || guestsCanModify === true;
}

function optionsOf({ params, ifMatch }: Call): WriteOptions {
  const sendUpdates = params.get('sendUpdates');
  if (sendUpdates !== null && !['all', 'externalOnly', 'none'].includes(sendUpdates))
    throw invalidParameter('sendUpdates', 'Invalid value for: sendUpdates');
  return { ifMatch, conferenceDataVersion: params.get('conferenceDataVersion') === '1' ? 1 : 0 };
}
