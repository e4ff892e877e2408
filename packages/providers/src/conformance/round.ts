/** Reading a whole round, the way an engine does. */
import type {
  ChangesPage,
  ProviderSession,
  ReadRequest,
  RemoteEvent,
  RemoteItem,
  SyncError,
} from '@calfleet/domain';
import type { ProviderHarness } from './harness.ts';

interface Round {
  pages: ChangesPage[];
  /** The last item of each id. */
  items: Map<string, RemoteItem>;
  cursor: string;
}

interface RoundOptions {
  cursor?: string | null;
  pageSize?: number;
  calendarTimeZone?: string | null;
  session?: ProviderSession;
  /** Runs after each page but the last. */
  between?: (page: number) => Promise<void>;
}

/** More pages than any case has: a provider that loops fails instead of hanging. */
const PAGES_MAX = 200;

export async function readRound(
  harness: ProviderHarness,
  calendarId: string,
  options: RoundOptions = {},
): Promise<Round> {
  const session = options.session ?? harness.session();
  const pages: ChangesPage[] = [];
  const items = new Map<string, RemoteItem>();
  let pageCursor: string | null = null;
  while (pages.length < PAGES_MAX) {
    const page = await harness.provider.listChanges(session, question(calendarId, options, pageCursor));
    pages.push(page);
    for (const item of page.items) items.set(idOf(item) ?? '', item);
    if (page.nextCursor !== null) return { pages, items, cursor: page.nextCursor };
    pageCursor = page.nextPageCursor;
    await options.between?.(pages.length);
  }
  throw new Error('the round does not end');
}

const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' };

/** The request for single reads. */
export const reading = (
  calendarId: string,
  { events = [], series = [] }: { events?: string[]; series?: string[] },
): ReadRequest => ({ providerCalendarId: calendarId, events, series, window, calendarTimeZone: null });

export const question = (calendarId: string, options: RoundOptions, pageCursor: string | null) => ({
  providerCalendarId: calendarId,
  cursor: options.cursor ?? null,
  pageCursor,
  window,
  pageSize: options.pageSize ?? 100,
  calendarTimeZone: options.calendarTimeZone ?? null,
});

export const idOf = (item: RemoteItem): string | null =>
  item.type === 'event' ? item.event.providerEventId : item.providerEventId;

/** The event of an id; fails the test when it is something else. */
export function eventOf(items: Map<string, RemoteItem>, id: string): RemoteEvent {
  const item = items.get(id);
  if (item?.type !== 'event') throw new Error(`${id} is ${item?.type ?? 'absent'}, not an event`);
  return item.event;
}

/** The SyncError that a call raises; fails the test when it raises none. */
export async function errorFrom(promise: Promise<unknown>): Promise<SyncError> {
  try {
    await promise;
  } catch (thrown) {
    return thrown as SyncError;
  }
  throw new Error('nothing was raised');
}
