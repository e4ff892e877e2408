/** Writes: one event per creation for ever, changes and deletions upon one known version. */
import {
  expandSeries,
  RecurrenceError,
  SyncError,
  type CreateRequest,
  type DeleteRequest,
  type EventFields,
  type EventPatch,
  type EventTime,
  type ProviderSession,
  type RemoteEvent,
  type RemoteItem,
  type SeriesSlot,
  type UpdateRequest,
  type WrittenEvent,
} from '@calfleet/domain';
import { calendarFor } from './call.ts';
import type { MemoryCalendar, MemoryCloud } from './cloud.ts';
import { rewritten } from './rewriting.ts';

export function createEvent(
  cloud: MemoryCloud,
  session: ProviderSession,
  { providerCalendarId, writeId, fields }: CreateRequest,
): RemoteItem {
  const calendar = writableFor(cloud, session, providerCalendarId);
  const id = `created-${writeId}`;
  const made = calendar.log.get(id);
  if (made) return made.item;
  assertAcceptable(fields);
  // What only a provider can set.
  const given = { icalUid: `${id}@memory.example`, htmlLink: `https://memory.example/${id}` };
  cloud.put(providerCalendarId, { id, writeId, fields: { ...given, ...asKept(cloud, fields) } });
  return writtenItem(calendar, id);
}

export function updateEvent(
  cloud: MemoryCloud,
  session: ProviderSession,
  { providerCalendarId, event, providerVersion, patch: wanted }: UpdateRequest,
): RemoteEvent {
  const calendar = writableFor(cloud, session, providerCalendarId);
  const patch = asKept(cloud, wanted);
  const found = find(calendar, event, providerVersion);
  assertAcceptable({ ...found.fields, ...patch });
  if ('occurrence' in found) {
    const { providerSeriesId: seriesId, originalStart } = found.occurrence;
    cloud.put(providerCalendarId, {
      id: found.id,
      exceptionOf: { seriesId, originalStart },
      fields: { ...found.fields, ...patch },
    });
  } else cloud.patch(providerCalendarId, found.id, patch);
  const item = writtenItem(calendar, found.id);
  if (item.type !== 'event') throw new Error(`${found.id} is no event`);
  return item.event;
}

export function deleteEvent(
  cloud: MemoryCloud,
  session: ProviderSession,
  { providerCalendarId, event, providerVersion }: DeleteRequest,
): void {
  const found = find(writableFor(cloud, session, providerCalendarId), event, providerVersion);
  if ('occurrence' in found) {
    const { providerSeriesId: seriesId, originalStart } = found.occurrence;
    cloud.cancelOccurrence(providerCalendarId, { id: found.id, seriesId, originalStart });
  } else cloud.remove(providerCalendarId, found.id);
}

const asKept = <T extends EventPatch>({ quirks }: MemoryCloud, fields: T): T =>
  quirks.rewritesTexts ? rewritten(fields) : fields;

/** @throws remote_missing, permission_denied */
function writableFor(cloud: MemoryCloud, session: ProviderSession, id: string): MemoryCalendar {
  const calendar = calendarFor(cloud, session, id);
  if (calendar.accessRole === 'writer' || calendar.accessRole === 'owner') return calendar;
  throw new SyncError('permission_denied', 'this calendar may only be read');
}

/** What stands in the log, or an occurrence that nobody has changed, as its series shows it. */
type Found =
  { id: string; fields: EventFields } | { id: string; fields: EventFields; occurrence: SeriesSlot };

/** @throws remote_missing, version_conflict */
function find(calendar: MemoryCalendar, event: WrittenEvent, version: string | null): Found {
  const id = 'occurrence' in event ? occurrenceId(calendar, event.occurrence) : event.providerEventId;
  const item = calendar.log.get(id)?.item;
  if (item === undefined && 'occurrence' in event) {
    const fields = occurrenceFields(calendar, event.occurrence);
    if (version !== null) throw conflict();
    return { id, fields, occurrence: event.occurrence };
  }
  if (item?.type !== 'event') throw missing();
  if (item.event.providerVersion !== version) throw conflict();
  return { id, fields: item.event.fields };
}

/** An exception may have an id of its own. */
function occurrenceId({ log }: MemoryCalendar, { providerSeriesId, slot }: SeriesSlot): string {
  const entry = log.occurrencesOf(providerSeriesId).find(({ item }) => slotOfItem(item) === slot);
  return entry?.id ?? `${providerSeriesId}_${slot}`;
}

function slotOfItem(item: RemoteItem): string | null {
  if (item.type === 'event') return item.event.exceptionOf?.slot ?? null;
  return item.type === 'deleted' ? (item.exceptionOf?.slot ?? null) : null;
}

/** @throws remote_missing the series is gone, or has no such slot */
function occurrenceFields(
  { log }: MemoryCalendar,
  { providerSeriesId, slot, originalStart }: SeriesSlot,
): EventFields {
  const series = log.get(providerSeriesId)?.item;
  if (series?.type !== 'event' || series.event.kind !== 'series') throw missing();
  const { fields } = series.event;
  const { start, end, recurrence } = fields;
  const at = msOf(originalStart);
  const window = { from: new Date(at - DAY_MS), to: new Date(at + DAY_MS) };
  const around = occurrencesIn({ start, end, recurrence, window, replaced: new Set() });
  const occurrence = around.find((one) => one.slot === slot);
  if (!occurrence) throw missing();
  return { ...fields, start: occurrence.start, end: occurrence.end, recurrence: [] };
}

const DAY_MS = 86_400_000;

function occurrencesIn(series: Parameters<typeof expandSeries>[0]) {
  try {
    return expandSeries(series).occurrences;
  } catch (thrown) {
    if (thrown instanceof RecurrenceError) return [];
    throw thrown;
  }
}

/** @throws request_rejected */
function assertAcceptable({ status, start, end }: Pick<EventFields, 'start' | 'end'> & EventPatch): void {
  if (status === 'cancelled') throw new SyncError('request_rejected', 'an event is cancelled by deleting it');
  if (start.kind !== end.kind || msOf(end) < msOf(start))
    throw new SyncError('request_rejected', 'the event ends before it begins');
}

/** Dates and floating times as if in UTC. */
function msOf(time: EventTime): number {
  if (time.kind === 'date') return Date.parse(`${time.date}T00:00:00Z`);
  return Date.parse(time.kind === 'zoned' ? time.instant : `${time.local}Z`);
}

function writtenItem({ log }: MemoryCalendar, id: string): RemoteItem {
  const entry = log.get(id);
  if (!entry) throw new Error(`${id} was not written`);
  return entry.item;
}

const missing = (): SyncError => new SyncError('remote_missing', 'no such event');

const conflict = (): SyncError => new SyncError('version_conflict', 'the event has another version');
