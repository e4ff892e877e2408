/**
 * Writes: creations that can be asked for any number of times, changes and deletions upon one known version. Answers
 * are read like everything else, so that what we wrote looks the same when a list shows it.
 * https://learn.microsoft.com/graph/api/resources/event
 */
import { SyncError } from '@calfleet/domain';
import type {
  CreateRequest,
  DeleteRequest,
  EventWriter,
  ProviderSession,
  RemoteEvent,
  RemoteItem,
  UpdateRequest,
} from '@calfleet/domain';
import { isJson, objectsOf, textOf, type Json } from '../json.ts';
import { needsLook, newBody, patchBody, patchUpon } from './body.ts';
import { ask, call, type GraphCalls } from './call.ts';
import { earlierCreation, toSyncError } from './errors.ts';
import { transactionPrefix, versionOf } from './normalise.ts';
import { findOccurrence } from './occurrence.ts';
import { deletedItem } from './reads.ts';
import { calendarPath, eventIn, eventPath, hydrate, itemOf, type Known } from './series.ts';

/**
 * How long Graph remembers a transactionId is not documented, and a request without an answer may be carried out later:
 * so an earlier try is looked for before each one, and the transactionId answers for those that are under way.
 */
export async function createEvent(
  calls: GraphCalls,
  session: ProviderSession,
  request: CreateRequest,
): Promise<RemoteItem> {
  const { providerCalendarId, calendarTimeZone, writeId, fields } = request;
  const body = {
    ...newBody(fields, calendarTimeZone),
    transactionId: `${transactionPrefix}${writeId}`,
    singleValueExtendedProperties: [{ id: WRITE_ID_PROPERTY, value: writeId }],
  };
  const earlier = await findCreated(calls, session, request);
  if (earlier !== null) return readStored(calls, session, request, earlier);
  const at = `${calendarPath(providerCalendarId)}/events`;
  const answer = await ask(calls, session, { operation: 'createEvent', method: 'POST', at, body });
  if (answer.status < 300) return readStored(calls, session, request, objectIn('createEvent', answer.body));
  const twin = earlierCreation(answer);
  if (twin === null) throw toSyncError(answer, 'createEvent', calls.clock.now());
  const made = await findCreated(calls, session, request);
  if (made !== null) return readStored(calls, session, request, made);
  // It came into being and is not here any more. Where nobody says its id, it goes by a name that no event has.
  if (twin.eventId === null) return deletedItem(`${transactionPrefix}${writeId}`);
  const named = await readNow(calls, session, request, twin.eventId);
  return named === null ? deletedItem(twin.eventId) : readStored(calls, session, request, named);
}

export async function updateEvent(
  calls: GraphCalls,
  session: ProviderSession,
  request: UpdateRequest,
): Promise<RemoteEvent> {
  const { providerCalendarId, patch } = request;
  const told = patchBody(request);
  const look = needsLook(patch) || isEmpty(told);
  const { id, ifMatch, current, series } = await aim(calls, session, request, { look });
  const body = { ...told, ...(current && patchUpon(current, patch)) };
  if (isEmpty(body) && current !== null) {
    if (series === null) return eventOf(await readStored(calls, session, request, current));
    // It says nothing new, but somebody wants it to be an event of its own.
    body['subject'] = current['subject'] ?? '';
  }
  const at = eventPath(providerCalendarId, id);
  const answer = await call(calls, session, {
    operation: 'updateEvent',
    method: 'PATCH',
    at,
    body,
    ...ifMatch,
  });
  const stored = { id, ...objectIn('updateEvent', answer) };
  return eventOf(await readStored(calls, session, request, stored, series));
}

export async function deleteEvent(
  calls: GraphCalls,
  session: ProviderSession,
  request: DeleteRequest,
): Promise<void> {
  const { id, ifMatch } = await aim(calls, session, request, { look: false });
  const at = eventPath(request.providerCalendarId, id);
  await call(calls, session, { operation: 'deleteEvent', method: 'DELETE', at, ...ifMatch });
}

/**
 * Marks what we created, beside the transactionId: Graph can be asked for it, at any time. The GUID is ours alone.
 * https://learn.microsoft.com/graph/api/resources/extended-properties-overview
 */
const WRITE_ID_PROPERTY = 'String {5b2c6f0e-7d0b-4b1c-9c43-0f6d5f1f2a9b} Name calfleetWriteId';

/** Filters are slow where they find nothing; pages may be empty and go on. */
const FILTER_PAGES_MAX = 20;

/**
 * What an earlier try of this creation left in the calendar. A person's copy of it carries our mark, too, but not its
 * transactionId, so the original goes first.
 * @throws remote_missing the calendar is gone
 */
async function findCreated(
  calls: GraphCalls,
  session: ProviderSession,
  { providerCalendarId, writeId }: CreateRequest,
): Promise<Json | null> {
  const value = writeId.replaceAll("'", "''");
  const filter = `singleValueExtendedProperties/Any(ep: ep/id eq '${WRITE_ID_PROPERTY}' and ep/value eq '${value}')`;
  // Spaces as %20: a plus would be a plus.
  let at: string | null = `${calendarPath(providerCalendarId)}/events?$filter=${encodeURIComponent(filter)}`;
  const found: Json[] = [];
  for (let pages = 0; at !== null; pages += 1) {
    if (pages === FILTER_PAGES_MAX) throw strange('createEvent', 'a search without end');
    const page = objectIn(
      'createEvent',
      await call(calls, session, { operation: 'readEvents', method: 'GET', at }),
    );
    found.push(...objectsOf(page['value']));
    at = textOf(page['@odata.nextLink']);
  }
  const isOriginal = (event: Json): boolean => event['transactionId'] === `${transactionPrefix}${writeId}`;
  return found.find(isOriginal) ?? found[0] ?? null;
}

/** What a write goes at. */
interface Aim {
  id: string;
  ifMatch: { ifMatch?: string };
  /** The event as it is now, where it was looked at. */
  current: Json | null;
  /** Of an occurrence that was looked for by its slot. */
  series: Json | null;
}

/**
 * An occurrence that nobody has changed shows the version of its series, which a mirror cannot hold against it: it is looked
 * for, must be unchanged still, and has to stay so until the write arrives.
 * @throws version_conflict, remote_missing
 */
async function aim(
  calls: GraphCalls,
  session: ProviderSession,
  request: UpdateRequest | DeleteRequest,
  { look }: { look: boolean },
): Promise<Aim> {
  const { event, providerVersion, providerCalendarId } = request;
  if ('occurrence' in event) {
    const slot = event.occurrence;
    const { id, occurrence, series } = await findOccurrence(calls, session, { providerCalendarId, slot });
    const version = versionOf(occurrence);
    if (providerVersion === null && occurrence['type'] === 'exception') throw changed();
    if (providerVersion !== null && providerVersion !== version) throw changed();
    return { id, ifMatch: matching(version), current: occurrence, series };
  }
  const id = event.providerEventId;
  const ifMatch = matching(providerVersion);
  if (!look) return { id, ifMatch, current: null, series: null };
  const current = await readNow(calls, session, request, id);
  if (current === null) throw missing();
  if (providerVersion !== null && providerVersion !== versionOf(current)) throw changed();
  return { id, ifMatch, current, series: null };
}

/** An etag of Graph is a change key in its clothes; what was no change key is kept as it came. */
function matching(version: string | null): { ifMatch?: string } {
  if (version === null) return {};
  return { ifMatch: /^(W\/)?"/.test(version) ? version : `W/"${version}"` };
}

/** null: it is not in this calendar. */
async function readNow(
  calls: GraphCalls,
  session: ProviderSession,
  { providerCalendarId }: { providerCalendarId: string },
  id: string,
): Promise<Json | null> {
  const at = eventPath(providerCalendarId, id);
  return eventIn(
    await ask(calls, session, { operation: 'readEvents', method: 'GET', at }),
    calls.clock.now(),
  );
}

/** An event as a list would show it: what an answer leaves out is read, and never taken for nothing. */
async function readStored(
  calls: GraphCalls,
  session: ProviderSession,
  { providerCalendarId }: { providerCalendarId: string },
  stored: Json,
  series: Json | null = null,
): Promise<RemoteItem> {
  const id = textOf(stored['id']);
  if (id === null) throw strange('a write', 'an event without an id');
  const seriesId = textOf(series?.['id']);
  const known: Known = new Map([[id, stored]]);
  if (seriesId !== null) known.set(seriesId, series);
  await hydrate(calls, session, providerCalendarId, known);
  const [item] = itemOf(id, known);
  if (item?.type === 'absent' || item === undefined) return deletedItem(id);
  if (item.type === 'event') return item;
  throw strange('a write', `an event that is ${item.type}`);
}

function eventOf(item: RemoteItem): RemoteEvent {
  if (item.type === 'event') return item.event;
  throw missing();
}

const isEmpty = (body: Json): boolean => Object.keys(body).length === 0;

function objectIn(operation: keyof EventWriter, body: unknown): Json {
  if (isJson(body)) return body;
  throw strange(operation, 'no JSON object');
}

const changed = (): SyncError => new SyncError('version_conflict', 'the event was changed at Graph');

const missing = (): SyncError => new SyncError('remote_missing', 'the event is gone at Graph');

const strange = (operation: string, what: string): SyncError =>
  new SyncError('provider_unavailable', `Graph answered ${operation} with ${what}`, {
    context: { operation },
  });
