/**
 * Lists show occurrences bare (id, series, start, end) and sometimes events without half of what they are, whatever
 * the documentation says. Here a page gets what it lacks, by single reads in batches.
 * https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/34
 */
import type { ProviderSession, RemoteItem } from '@calfleet/domain';
import { isJson, textOf, type Json } from '../json.ts';
import { batch, BATCH_MAX } from './batch.ts';
import type { GraphCalls } from './call.ts';
import { toSyncError, type GraphAnswer } from './errors.ts';
import { normalise } from './normalise.ts';

/** What is known of each id: its latest JSON, whole after {@link hydrate}; null: there is no such event here. */
export type Known = Map<string, Json | null>;

/**
 * Adds the series that occurrences and exceptions name, and whole events in the place of partial ones: what a single
 * read says is the truth.
 * @throws what {@link batch} raises
 */
export async function hydrate(
  calls: GraphCalls,
  session: ProviderSession,
  providerCalendarId: string,
  known: Known,
): Promise<void> {
  const read = new Set<string>();
  // A partial exception may name its series only in its whole form, hence twice.
  for (let pass = 0; pass < 2; pass += 1) {
    const lacking = lackingIn(known).filter((id) => !read.has(id));
    for (let from = 0; from < lacking.length; from += BATCH_MAX) {
      const ids = lacking.slice(from, from + BATCH_MAX);
      const paths = ids.map((id) => eventPath(providerCalendarId, id));
      const answers = await batch(calls, session, { operation: 'readEvents', paths });
      for (const [n, answer] of answers.entries()) {
        const id = ids[n] ?? '';
        known.set(id, eventIn(answer, calls.clock.now()));
        read.add(id);
      }
    }
  }
}

/** The event of a single read; null when there is none. @throws SyncError any other refusal */
export function eventIn(answer: GraphAnswer, now: Date): Json | null {
  if (answer.status === 200 && isJson(answer.body)) return answer.body;
  const error = toSyncError(answer, 'readEvents', now);
  if (error.code === 'remote_missing') return null;
  throw error;
}

/**
 * One event of a hydrated page. Nothing for occurrences of a series that is gone: they went with it, and the list was
 * older.
 */
export function itemOf(id: string, known: Known): RemoteItem[] {
  const item = known.get(id);
  if (!item || isRemoved(item)) return [{ type: 'absent', providerEventId: id }];
  const seriesId = isPartOfSeries(item) ? textOf(item['seriesMasterId']) : null;
  if (seriesId === null) return [normalise(item, null)];
  const series = known.get(seriesId);
  return series?.['type'] === 'seriesMaster' ? [normalise(item, series)] : [];
}

/** A calendar's own path: an event that moved to another calendar is gone from this one. */
export const eventPath = (providerCalendarId: string, eventId: string): string =>
  `${calendarPath(providerCalendarId)}/events/${encodeURIComponent(eventId)}`;

export const calendarPath = (providerCalendarId: string): string =>
  `/me/calendars/${encodeURIComponent(providerCalendarId)}`;

const isRemoved = (item: Json): boolean => item['@removed'] !== undefined;

const isPartOfSeries = (item: Json): boolean => item['type'] === 'occurrence' || item['type'] === 'exception';

function lackingIn(known: Known): string[] {
  const lacking = new Set<string>();
  for (const [id, item] of known) {
    if (!item || isRemoved(item)) continue;
    if (!isWhole(item)) lacking.add(id);
    const seriesId = isPartOfSeries(item) ? textOf(item['seriesMasterId']) : null;
    if (seriesId === null) continue;
    const series = known.get(seriesId);
    if (series === undefined || (series && (isRemoved(series) || series['type'] !== 'seriesMaster')))
      lacking.add(seriesId);
  }
  return [...lacking];
}

/** What normalising reads and Graph always says of a whole event, be it null. */
const ofEvents = [
  'subject',
  'body',
  'location',
  'start',
  'end',
  'isAllDay',
  'isCancelled',
  'showAs',
  'sensitivity',
  'attendees',
  'organizer',
  'originalStartTimeZone',
];

const properties: Record<string, readonly string[]> = {
  singleInstance: ofEvents,
  seriesMaster: [...ofEvents, 'recurrence'],
  exception: [...ofEvents, 'seriesMasterId', 'originalStart'],
  occurrence: ['seriesMasterId', 'start', 'end'],
};

const isWhole = (item: Json): boolean =>
  properties[textOf(item['type']) ?? '']?.every((name) => item[name] !== undefined) ?? false;
