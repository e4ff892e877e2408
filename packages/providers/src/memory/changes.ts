/** Pages of changes and single events, with the awkward habits that {@link MemoryQuirks} asks for. */
import type { ChangesPage, ChangesRequest, ProviderSession, ReadRequest, RemoteItem } from '@calfleet/domain';
import { calendarFor } from './call.ts';
import type { MemoryCalendar, MemoryCloud, MemoryQuirks } from './cloud.ts';
import { cursorText, pageCursorText, readCursor, readPageCursor, type RoundPosition } from './cursors.ts';
import type { Entry } from './log.ts';

export function listChanges(
  cloud: MemoryCloud,
  session: ProviderSession,
  request: ChangesRequest,
): ChangesPage {
  const calendar = calendarFor(cloud, session, request.providerCalendarId);
  const since = request.cursor === null ? null : readCursor(calendar, request.cursor);
  const position =
    request.pageCursor === null
      ? begin(calendar, since, cloud.quirks)
      : readPageCursor(calendar, request.pageCursor, since);
  if (cloud.quirks.emptyPagesAt.includes(position.page)) {
    const next = pageCursorText(calendar, { ...position, page: position.page + 1 });
    return { items: [], nextPageCursor: next, nextCursor: null };
  }
  const limit = Math.min(request.pageSize, cloud.quirks.pageSizeMax);
  const { entries, index } = walk(calendar, position, limit, cloud.quirks);
  const items = cloud.quirks.repeats
    ? repeated(calendar, position, entries)
    : entries.map((entry) => entry.item);
  // The cursor of the first page's moment: whatever changed while the round was paging comes again in the next.
  if (index === null)
    return { items, nextPageCursor: null, nextCursor: cursorText(calendar, position.startSeq) };
  const next = pageCursorText(calendar, { ...position, index, page: position.page + 1 });
  return { items, nextPageCursor: next, nextCursor: null };
}

/** A deleted event is still there to be read, as at Google; what never was is left out. */
export function readEvents(cloud: MemoryCloud, session: ProviderSession, request: ReadRequest): RemoteItem[] {
  const calendar = calendarFor(cloud, session, request.providerCalendarId);
  return [...request.events, ...request.series].flatMap((id) => calendar.log.get(id)?.item ?? []);
}

function begin({ log }: MemoryCalendar, since: number | null, { newestFirst }: MemoryQuirks): RoundPosition {
  const [startSeq, startBirths] = [log.seq, log.births.length];
  const length = since === null ? startBirths : startSeq;
  return {
    since,
    startSeq,
    startBirths,
    newestFirst,
    index: newestFirst ? length - 1 : (since ?? 0),
    page: 1,
  };
}

/** The next entries of a round and where to go on; null when the round has seen everything. */
function walk(
  { log }: MemoryCalendar,
  position: RoundPosition,
  limit: number,
  quirks: MemoryQuirks,
): { entries: Entry[]; index: number | null } {
  const { since, newestFirst } = position;
  const list = since === null ? log.births : log.changes;
  const startLength = since === null ? position.startBirths : position.startSeq;
  const end = newestFirst ? (since ?? 0) - 1 : quirks.changesJoinRounds ? list.length : startLength;
  const step = newestFirst ? -1 : 1;
  const entries: Entry[] = [];
  let index = position.index;
  for (; index * step < end * step && entries.length < limit; index += step) {
    const entry = list[index];
    if (entry && isShown(entry, index, since)) entries.push(entry);
  }
  return { entries, index: index * step < end * step ? index : null };
}

/** Full rounds leave out what is deleted; deltas show each entry where it changed last. */
const isShown = (entry: Entry, index: number, since: number | null): boolean =>
  since === null ? entry.state !== 'deleted' : entry.seq === index + 1;

/** The page with an item of the page before it, and with outdated forms ahead of the current ones. */
function repeated({ log }: MemoryCalendar, position: RoundPosition, entries: Entry[]): RemoteItem[] {
  const list = position.since === null ? log.births : log.changes;
  const last = position.page > 1 ? list[position.index + (position.newestFirst ? 1 : -1)] : undefined;
  const again = last && (position.since !== null || last.state !== 'deleted') ? [last] : [];
  return [...again, ...entries].flatMap((entry) =>
    entry.before ? [entry.before, entry.item] : [entry.item],
  );
}
