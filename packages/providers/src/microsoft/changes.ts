/**
 * Pages of changes in a window that is fixed when a round begins and baked into its links, which are followed word
 * for word (I2). Where the list of changes goes round in circles, a plain read of the window serves instead.
 * https://learn.microsoft.com/graph/delta-query-events
 */
import { SyncError } from '@calfleet/domain';
import type { ChangesPage, ChangesRequest, ProviderSession, RemoteItem, Window } from '@calfleet/domain';
import { isJson, textOf, type Json } from '../json.ts';
import { call, urlOf, type GraphCalls } from './call.ts';
import { normalise } from './normalise.ts';
import { calendarPath, hydrate, itemOf, type Known } from './series.ts';

/**
 * Graph documents no maximum for lists of changes. A page of 200 is read again in ten batches when it is all partial;
 * far larger ones are reported to end in 504s. https://github.com/microsoftgraph/microsoft-graph-docs/issues/3657
 */
const PAGE_SIZE_MAX = 200;

export async function listChanges(
  calls: GraphCalls,
  session: ProviderSession,
  request: ChangesRequest,
): Promise<ChangesPage> {
  const pageSize = Math.min(Math.max(request.pageSize, 1), PAGE_SIZE_MAX);
  const page = await call(calls, session, {
    operation: 'listChanges',
    method: 'GET',
    at: questionOf(request, pageSize),
    pageSize,
  });
  if (!isJson(page)) throw strange('no JSON object');
  const value: unknown = page['value'];
  if (!Array.isArray(value)) throw strange('a value that is no list');
  const cursors = request.reading === 'view' ? viewCursors(page) : deltaCursors(page);
  // A link that leads elsewhere is not worth keeping.
  for (const link of Object.values(cursors)) if (link) urlOf(calls, link);
  return { items: await readItems(calls, session, request.providerCalendarId, value), ...cursors };
}

/** The link that was given, else the first question. @throws cursor_expired what was given is no link at all */
function questionOf(request: ChangesRequest, pageSize: number): string {
  const isView = request.reading === 'view';
  const link = request.pageCursor ?? (isView ? null : request.cursor);
  if (link !== null && !URL.canParse(link)) {
    throw new SyncError('cursor_expired', 'the cursor is no link', { context: { operation: 'listChanges' } });
  }
  const calendar = calendarPath(request.providerCalendarId);
  if (isView) return link ?? `${calendar}/calendarView?${spanOf(request.window)}&$top=${pageSize}`;
  return link ?? `${calendar}/calendarView/delta?${spanOf(request.window)}`;
}

/** Both ends, with their offset: `Prefer: outlook.timezone` does not apply to them. */
export const spanOf = ({ start, end }: Window): string =>
  `startDateTime=${encodeURIComponent(start)}&endDateTime=${encodeURIComponent(end)}`;

async function readItems(
  calls: GraphCalls,
  session: ProviderSession,
  providerCalendarId: string,
  value: readonly unknown[],
): Promise<RemoteItem[]> {
  const known: Known = new Map();
  const nameless: RemoteItem[] = [];
  for (const item of value) {
    const id = isJson(item) ? textOf(item['id']) : null;
    if (isJson(item) && id !== null) known.set(id, item);
    else nameless.push(normalise(item, null));
  }
  await hydrate(calls, session, providerCalendarId, known);
  return [...nameless, ...[...known.keys()].flatMap((id) => itemOf(id, known))];
}

/** Exactly one link, or the page is not believed: a list that was cut short must never look complete. */
function deltaCursors(page: Json): Pick<ChangesPage, 'nextPageCursor' | 'nextCursor'> {
  const nextPageCursor = textOf(page['@odata.nextLink']);
  const nextCursor = textOf(page['@odata.deltaLink']);
  if (nextPageCursor === null && nextCursor === null) throw strange('neither a next link nor a delta link');
  if (nextPageCursor !== null && nextCursor !== null) throw strange('both a next link and a delta link');
  return { nextPageCursor, nextCursor };
}

/** A plain list ends where it names no next page. */
function viewCursors(page: Json): Pick<ChangesPage, 'nextPageCursor' | 'nextCursor'> {
  const nextPageCursor = textOf(page['@odata.nextLink']);
  return { nextPageCursor, nextCursor: nextPageCursor === null ? '' : null };
}

const strange = (what: string): SyncError =>
  new SyncError('provider_unavailable', `Graph answered listChanges with ${what}`, {
    context: { operation: 'listChanges' },
  });
