/** An event as one reader sees it: tombstones in their several shapes, details hidden, guests trimmed. */
import { hash32 } from '../random.ts';
import type { TombstoneShape, Quirks } from '../faults/quirks.ts';
import type { AccessRole } from '../store/calendar.ts';
import type { StoredEvent } from '../store/event-log.ts';
import { readResource, type EventResource } from './resource.ts';

export interface Reader {
  email: string;
  accessRole: AccessRole;
  /** Guest lists longer than this shrink to the reader. */
  maxAttendees?: number | undefined;
}

/** Serialised for a list or an answer. The usual case, an owner's view, is the stored text itself. */
export function show(stored: StoredEvent, reader: Reader): string {
  if (!needsWork(stored.json, reader)) return stored.json;
  return JSON.stringify(showResource(readResource(stored.json), reader));
}

export function showResource(resource: EventResource, reader: Reader): EventResource {
  if (hidesDetails(resource, reader)) return busyOnly(resource);
  const { maxAttendees } = reader;
  if (maxAttendees === undefined || (resource.attendees?.length ?? 0) <= maxAttendees) return resource;
  const self = (resource.attendees ?? []).filter((guest) => guest.email === reader.email);
  return { ...resource, attendees: self, attendeesOmitted: true };
}

/**
 * A cancelled item of a list. Documented are the id, and the series and slot of an occurrence; real deltas often
 * bring `{id, status}` alone: https://github.com/KeepSoftwareSimple/compass-calendar/pull/2808
 */
export function showTombstone(stored: StoredEvent, reader: Reader, quirks: Quirks): string {
  const shape = settle(stored.seriesId === null ? quirks.deletedEvents : quirks.cancelledInstances, stored);
  if (shape === 'bare') return JSON.stringify({ id: stored.id, status: 'cancelled' });
  if (shape === 'full') return show(stored, reader);
  const { kind, etag, id, status, recurringEventId, originalStartTime } = readResource(stored.json);
  return JSON.stringify({ kind, etag, id, status, recurringEventId, originalStartTime });
}

function settle(shape: TombstoneShape, stored: StoredEvent): Exclude<TombstoneShape, 'mixed'> {
  if (shape !== 'mixed') return shape;
  return (['documented', 'bare', 'full'] as const)[hash32(stored.id) % 3] ?? 'documented';
}

function needsWork(text: string, reader: Reader): boolean {
  if (reader.maxAttendees !== undefined || reader.accessRole === 'freeBusyReader') return true;
  return isOutsider(reader) && /"visibility":"(private|confidential)"/.test(text);
}

function isOutsider({ accessRole }: Reader): boolean {
  return accessRole === 'reader' || accessRole === 'writerWithoutPrivateAccess';
}

function hidesDetails(resource: EventResource, reader: Reader): boolean {
  if (reader.accessRole === 'freeBusyReader') return true;
  return isOutsider(reader) && ['private', 'confidential'].includes(resource.visibility ?? 'default');
}

const busyFields = [
  'kind',
  'etag',
  'id',
  'status',
  'htmlLink',
  'created',
  'updated',
  'start',
  'end',
  'recurrence',
  'recurringEventId',
  'originalStartTime',
  'transparency',
  'iCalUID',
  'sequence',
  'eventType',
];

function busyOnly(resource: EventResource): EventResource {
  const busy: EventResource = { visibility: 'private' };
  for (const name of busyFields) if (resource[name] !== undefined) busy[name] = resource[name];
  return busy;
}
