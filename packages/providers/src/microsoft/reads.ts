/**
 * Events and whole series as they are now. Absence is only said together with a sign of life of the calendar, asked
 * for in the same batch: a calendar that is gone takes its events along and says nothing about any of them.
 */
import { SyncError } from '@calfleet/domain';
import type { ProviderSession, ReadRequest, RemoteItem } from '@calfleet/domain';
import { isJson, objectsOf, textOf, type Json } from '../json.ts';
import { batch, BATCH_MAX } from './batch.ts';
import { ask, type GraphCalls } from './call.ts';
import { spanOf } from './changes.ts';
import { toSyncError, type GraphAnswer } from './errors.ts';
import { calendarPath, eventIn, eventPath, hydrate, itemOf, type Known } from './series.ts';

/** One place of each batch is the calendar's. */
const IDS_MAX = BATCH_MAX - 1;

export async function readEvents(
  calls: GraphCalls,
  session: ProviderSession,
  request: ReadRequest,
): Promise<RemoteItem[]> {
  const asked = [...new Set([...request.events, ...request.series])];
  const known: Known = new Map();
  for (let from = 0; from < asked.length; from += IDS_MAX) {
    await readSingly(calls, session, request, asked.slice(from, from + IDS_MAX), known);
  }
  const series = request.series.filter((id) => known.get(id)?.['type'] === 'seriesMaster');
  const instances = await readInstances(calls, session, request, series);
  for (const instance of instances) {
    const id = textOf(instance['id']);
    if (id !== null) known.set(id, instance);
  }
  const gone = asked.filter((id) => known.get(id) === null);
  const wanted = [...known.keys()].filter((id) => !gone.includes(id));
  await hydrate(calls, session, request.providerCalendarId, known);
  return [...gone.map(deletedItem), ...wanted.flatMap((id) => itemOf(id, known))];
}

async function readSingly(
  calls: GraphCalls,
  session: ProviderSession,
  { providerCalendarId }: ReadRequest,
  ids: readonly string[],
  known: Known,
): Promise<void> {
  const paths = [
    `${calendarPath(providerCalendarId)}?$select=id`,
    ...ids.map((id) => eventPath(providerCalendarId, id)),
  ];
  const [calendar, ...events] = await batch(calls, session, { operation: 'readEvents', paths });
  const now = calls.clock.now();
  if (calendar?.status !== 200) throw toSyncError(calendar ?? noAnswer, 'readEvents', now);
  for (const [n, answer] of events.entries()) known.set(ids[n] ?? '', eventIn(answer, now));
}

const noAnswer: GraphAnswer = { status: 0, body: undefined, header: () => null };

/** Graph says no more of what is gone than that it is. */
export const deletedItem = (providerEventId: string): RemoteItem => ({
  type: 'deleted',
  providerEventId,
  providerVersion: null,
  exceptionOf: null,
  raw: JSON.stringify({ id: providerEventId, error: { code: 'ErrorItemNotFound' } }),
});

/**
 * Occurrences come with these alone, exceptions are then read whole: a series would otherwise carry its body once per
 * day of the window.
 */
export const INSTANCE_FIELDS = 'id,type,seriesMasterId,start,end';

/** The largest page of Graph's lists. A daily series fills less than half of it in the widest window of the engine. */
export const INSTANCES_PER_PAGE = 1_000;
/** Far more than the 1,825 days that Graph expands. */
const PAGES_MAX = 20;

async function readInstances(
  calls: GraphCalls,
  session: ProviderSession,
  request: ReadRequest,
  series: readonly string[],
): Promise<Json[]> {
  const instances: Json[] = [];
  const query = `${spanOf(request.window)}&$select=${INSTANCE_FIELDS}&$top=${INSTANCES_PER_PAGE}`;
  const paths = series.map((id) => `${eventPath(request.providerCalendarId, id)}/instances?${query}`);
  for (let from = 0; from < paths.length; from += BATCH_MAX) {
    const part = { operation: 'readEvents' as const, paths: paths.slice(from, from + BATCH_MAX) };
    for (const answer of await batch(calls, session, part)) {
      instances.push(...(await readPages(calls, session, answer)));
    }
  }
  return instances;
}

/** The instances of a series, from their first page on. @throws provider_unavailable they have no end, or are none */
export async function readPages(
  calls: GraphCalls,
  session: ProviderSession,
  first: GraphAnswer,
): Promise<Json[]> {
  const instances: Json[] = [];
  let answer = first;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = pageOf(calls, answer);
    instances.push(...objectsOf(page['value']));
    const link = textOf(page['@odata.nextLink']);
    if (link === null) return instances;
    answer = await ask(calls, session, { operation: 'readEvents', method: 'GET', at: link });
  }
  throw strange('a series without end');
}

function pageOf(calls: GraphCalls, { status, body, header }: GraphAnswer): Json {
  if (status === 200 && isJson(body) && Array.isArray(body['value'])) return body;
  if (status === 200) throw strange('instances that are no list');
  const error = toSyncError({ status, body, header }, 'readEvents', calls.clock.now());
  // The series went in this very moment, and not the calendar: the next answer says it clearly.
  throw error.code === 'remote_missing' ? strange('no instances of a series that was there') : error;
}

const strange = (what: string): SyncError =>
  new SyncError('provider_unavailable', `Graph answered readEvents with ${what}`, {
    context: { operation: 'readEvents' },
  });
