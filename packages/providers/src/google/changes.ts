/**
 * Pages of changes and single events. Masters and exceptions, never expanded instances, with identical parameters on
 * every request of a calendar: any filter or order would end the sync token or be forbidden beside it (I2).
 * https://developers.google.com/workspace/calendar/api/guides/sync
 */
import { SyncError } from '@calfleet/domain';
import type { ChangesPage, ChangesRequest, ProviderSession, ReadRequest, RemoteItem } from '@calfleet/domain';
import { call, type GoogleCalls } from './call.ts';
import { isJson, textOf } from '../json.ts';
import { normalise } from './normalise.ts';

/** The API's maximum. https://developers.google.com/workspace/calendar/api/v3/reference/events/list */
const PAGE_SIZE_MAX = 2500;

export async function listChanges(
  calls: GoogleCalls,
  session: ProviderSession,
  request: ChangesRequest,
): Promise<ChangesPage> {
  const page: unknown = await call(calls, session, 'listChanges', (api, options) =>
    api.events.list(
      {
        calendarId: request.providerCalendarId,
        // One touched endless series is one item instead of hundreds up to the year 2099.
        singleEvents: false,
        maxResults: Math.min(Math.max(request.pageSize, 1), PAGE_SIZE_MAX),
        ...(request.cursor !== null && { syncToken: request.cursor }),
        ...(request.pageCursor !== null && { pageToken: request.pageCursor }),
      },
      options,
    ),
  );
  if (!isJson(page)) throw strange('no JSON object');
  const items: unknown = page['items'] ?? [];
  if (!Array.isArray(items)) throw strange('items are no list');
  const cursors = readCursors(page['nextPageToken'], page['nextSyncToken'], request.pageCursor);
  return { items: items.map((item) => normalise(item, request.calendarTimeZone)), ...cursors };
}

/** One after the other. A cancelled event is still there to be read and comes as `deleted`; a 404 is left out. */
export async function readEvents(
  calls: GoogleCalls,
  session: ProviderSession,
  request: ReadRequest,
): Promise<RemoteItem[]> {
  const items: RemoteItem[] = [];
  for (const eventId of [...request.events, ...request.series]) {
    const item = await readEvent(calls, session, request, eventId);
    if (item) items.push(item);
  }
  return items;
}

/** null: Google knows no such event, or no such calendar. */
export async function readEvent(
  calls: GoogleCalls,
  session: ProviderSession,
  request: Pick<ReadRequest, 'providerCalendarId' | 'calendarTimeZone'>,
  eventId: string,
): Promise<RemoteItem | null> {
  try {
    const item: unknown = await call(calls, session, 'readEvents', (api, options) =>
      api.events.get({ calendarId: request.providerCalendarId, eventId }, options),
    );
    if (isJson(item)) return normalise(item, request.calendarTimeZone);
    throw new SyncError('provider_unavailable', 'Google answered readEvents with no JSON object');
  } catch (error) {
    if (error instanceof SyncError && error.code === 'remote_missing') return null;
    throw error;
  }
}

/** Exactly one token, or the page is not believed: a list that was cut short must never look complete. */
function readCursors(nextPageToken: unknown, nextSyncToken: unknown, askedPageCursor: string | null) {
  const nextPageCursor = textOf(nextPageToken);
  const nextCursor = textOf(nextSyncToken);
  if (nextPageCursor === null && nextCursor === null) throw strange('neither a page token nor a sync token');
  if (nextPageCursor !== null && nextCursor !== null) throw strange('both a page token and a sync token');
  if (nextPageCursor !== null && nextPageCursor === askedPageCursor)
    throw strange('the page token just used');
  return { nextPageCursor, nextCursor };
}

const strange = (what: string): SyncError =>
  new SyncError('provider_unavailable', `Google answered listChanges with ${what}`, {
    context: { operation: 'listChanges' },
  });
