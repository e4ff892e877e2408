/**
 * Insert, replace, patch and delete, with Google's rules of ids, etags, series and exceptions. The API and the
 * calendar's owner (control) both write through here; who may do so is decided before.
 */
import type { StoredEvent } from '../store/event-log.ts';
import { commit, normalise, type CommitOptions, type Writer } from './commit.ts';
import { answerForRooms, settleConference, settleGuests } from './guests.ts';
import { mergePatch, patchContent, writableContent } from './content.ts';
import { alreadyDeleted, conditionNotMet, duplicate, forbidden, invalid, notFound } from './errors.ts';
import { findEvent, type FoundEvent, type KnownResource } from './instances.ts';
import { findSlot } from './recurrence.ts';
import { readResource, type EventResource } from './resource.ts';

export interface WriteOptions extends CommitOptions {
  /** The If-Match header. */
  ifMatch?: string | undefined;
  /** Conference data is ignored unless this is 1. */
  conferenceDataVersion?: number;
  /** Lets the owner plant an invitation by somebody else. */
  keepOrganizer?: boolean;
}

/** base32hex, 5 to 1024 characters: https://developers.google.com/workspace/calendar/api/v3/reference/events/insert */
const CLIENT_ID = /^[a-v0-9]{5,1024}$/;

export function insertEvent(writer: Writer, body: EventResource, options: WriteOptions = {}): StoredEvent {
  const { world, calendar } = writer;
  if (body.id !== undefined && !CLIENT_ID.test(body.id)) throw invalid('Invalid resource id value.');
  if (body.status === 'cancelled') throw invalid('Invalid value for: status');
  if (body.eventType === 'fromGmail') throw invalid('Events of this type cannot be created.');
  const id = body.id ?? world.names.word(26);
  // Ids stay burned after a deletion.
  if (calendar.log.get(id) !== undefined) throw duplicate();
  const content = settleConference(writableContent(body), undefined, options);
  const resource = settled(writer, undefined, options, {
    kind: 'calendar#event',
    etag: '',
    id,
    status: 'confirmed',
    htmlLink: `https://www.google.com/calendar/event?eid=${Buffer.from(`${id} ${calendar.id}`).toString('base64url')}`,
    created: world.clock.iso(),
    ...content,
    creator: { email: writer.email, self: writer.email === calendar.id },
    organizer:
      options.keepOrganizer === true && body.organizer !== undefined
        ? body.organizer
        : { email: calendar.id, self: true },
    iCalUID: body.iCalUID ?? `${id}@google.com`,
    sequence: 0,
    eventType: body.eventType ?? 'default',
    reminders: body.reminders ?? { useDefault: true },
  });
  const stored = commit(writer, { ...resource, id }, 'live', options);
  answerForRooms(writer, stored, patchEvent);
  return stored;
}

/** Replaces the whole resource: what the client leaves out is gone. */
export function updateEvent(
  writer: Writer,
  id: string,
  body: EventResource,
  options: WriteOptions = {},
): StoredEvent {
  const found = findWritable(writer, id, options);
  const kept: EventResource = {};
  for (const name of ['htmlLink', 'created', 'creator', 'organizer', 'iCalUID', 'sequence', 'hangoutLink']) {
    if (found.resource[name] !== undefined) kept[name] = found.resource[name];
  }
  const content = settleConference(writableContent(body), found.resource, options);
  return save(writer, found, { ...kept, reminders: { useDefault: true }, ...content }, options);
}

export function patchEvent(
  writer: Writer,
  id: string,
  body: EventResource,
  options: WriteOptions = {},
): StoredEvent {
  const found = findWritable(writer, id, options);
  const { recurringEventId: _series, originalStartTime: _slot, ...base } = found.resource;
  const merged = settleConference(mergePatch(base, patchContent(body)), found.resource, options);
  return save(writer, found, merged, options);
}

export function deleteEvent(writer: Writer, id: string, options: WriteOptions = {}): StoredEvent {
  const found = findEvent(writer.world, writer.calendar, id);
  if (found === undefined) throw notFound();
  if (found.stored !== undefined && found.stored.state !== 'live') throw alreadyDeleted();
  checkMatch(found, options);
  return cancel(writer, found, options);
}

function save(writer: Writer, found: FoundEvent, content: EventResource, options: WriteOptions): StoredEvent {
  const before = found.resource;
  if (content.status === 'cancelled') return cancel(writer, found, options);
  const isOccurrence = before.recurringEventId !== undefined;
  if (isOccurrence && (content.recurrence?.length ?? 0) > 0) throw invalid('Invalid recurrence rule.');
  const eventType = content.eventType ?? before.eventType ?? 'default';
  if (eventType !== (before.eventType ?? 'default')) throw invalid('The event type cannot be changed.');
  const next = settled(writer, before, options, {
    ...content,
    eventType,
    ...(isOccurrence
      ? { recurringEventId: before.recurringEventId, originalStartTime: before.originalStartTime }
      : {}),
  });
  const isMoved = ['start', 'end', 'recurrence'].some(
    (name) => JSON.stringify(next[name]) !== JSON.stringify(before[name]),
  );
  next.sequence = (before.sequence ?? 0) + (isMoved ? 1 : 0);
  const wasSeries = found.stored?.isSeries === true;
  const stored = commit(writer, { ...next, id: before.id }, 'live', options);
  if (wasSeries && isMoved) dropLostExceptions(writer, stored);
  answerForRooms(writer, stored, patchEvent);
  return stored;
}

/** What is stored of what was asked for. An owner plants guests as they are. */
function settled(
  writer: Writer,
  before: EventResource | undefined,
  options: WriteOptions,
  resource: EventResource,
): EventResource {
  const normal = normalise(writer, resource);
  return options.keepOrganizer === true ? normal : settleGuests(writer.calendar.id, before, normal);
}

function cancel(writer: Writer, found: FoundEvent, options: WriteOptions): StoredEvent {
  const { recurringEventId, sequence } = found.resource;
  const cancelled = { ...found.resource, sequence: (sequence ?? 0) + 1 };
  if (recurringEventId !== undefined) return commit(writer, cancelled, 'cancelled_exception', options);
  const stored = commit(writer, cancelled, 'deleted', options);
  // With the series its exceptions are gone; whether a delta names them differs.
  const quiet = !writer.world.quirks.seriesDeleteFansOut;
  for (const exception of writer.calendar.log.exceptionsOf(stored.id)) {
    const resource = readResource(exception.json) as KnownResource;
    commit(writer, resource, 'deleted', { quiet, silent: true });
  }
  return stored;
}

/** Exceptions whose slot the changed series no longer has are cancelled; the others stay. */
function dropLostExceptions(writer: Writer, series: StoredEvent): void {
  if (writer.world.quirks.exceptionsOnSeriesChange === 'kept') return;
  const resource = readResource(series.json);
  for (const exception of writer.calendar.log.exceptionsOf(series.id)) {
    if (exception.state !== 'live') continue;
    const key = exception.id.slice(series.id.length + 1);
    if (findSlot(writer.world.zones, resource, key) !== undefined) continue;
    const lost = readResource(exception.json) as KnownResource;
    commit(writer, lost, 'cancelled_exception', { silent: true });
  }
}

function findWritable(writer: Writer, id: string, options: WriteOptions): FoundEvent {
  const found = findEvent(writer.world, writer.calendar, id);
  if (found === undefined) throw notFound();
  // Cancelled occurrences can be restored, deleted events can not.
  if (found.stored?.state === 'deleted') throw forbidden();
  checkMatch(found, options);
  return found;
}

function checkMatch(found: FoundEvent, { ifMatch }: WriteOptions): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== found.resource.etag) throw conditionNotMet();
}
