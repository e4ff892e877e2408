/** Reading a whole round, the way an engine does. */
import type {
  ChangesPage,
  ChangesRequest,
  ProviderSession,
  RemoteEvent,
  RemoteItem,
  SyncError,
} from '@calfleet/domain';
import type { Suite } from './cases.ts';
import type { ProviderHarness } from './harness.ts';

interface Round {
  pages: ChangesPage[];
  /** The last item of each id, by what cases call it. */
  items: Map<string, RemoteItem>;
  cursor: string;
}

interface RoundOptions {
  cursor?: string | null;
  pageSize?: number;
  calendarTimeZone?: string | null;
  session?: ProviderSession;
  reading?: 'view';
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
    for (const item of page.items) items.set(nameOf(harness, calendarId, item), item);
    if (page.nextCursor !== null) return { pages, items, cursor: page.nextCursor };
    pageCursor = page.nextPageCursor;
    await options.between?.(pages.length);
  }
  throw new Error('the round does not end');
}

export const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' };

/** Single reads of what cases call so. */
export function readEvents(
  harness: ProviderHarness,
  calendarId: string,
  { events = [], series = [] }: { events?: string[]; series?: string[] },
): Promise<RemoteItem[]> {
  const idsOf = (names: string[]) => names.map((name) => harness.cloud.idOf(calendarId, name));
  const request = { events: idsOf(events), series: idsOf(series), window, calendarTimeZone: null };
  return harness.provider.readEvents(harness.session(), { providerCalendarId: calendarId, ...request });
}

/** Without the provider's JSON, which may tell in which answer it stood. */
export const withoutRaw = (item: RemoteItem | undefined): unknown =>
  item?.type === 'event' ? { ...item.event, raw: null } : item;

/**
 * Asserts that an event is gone: said by the list, or asked for where the list only shows that it is no longer there.
 */
export async function expectGone(
  { harness, windowed }: Suite,
  calendarId: string,
  { items, name }: { items: Map<string, RemoteItem>; name: string },
): Promise<void> {
  const providerEventId = harness().cloud.idOf(calendarId, name);
  const gone = { type: 'deleted', providerEventId, exceptionOf: null };
  if (!windowed) {
    expect(items.get(name)).toMatchObject(gone);
    return;
  }
  expect(items.get(name)).toEqual({ type: 'absent', providerEventId });
  expect(await readEvents(harness(), calendarId, { events: [name] })).toMatchObject([gone]);
}

export const question = (
  calendarId: string,
  options: RoundOptions,
  pageCursor: string | null,
): ChangesRequest => ({
  providerCalendarId: calendarId,
  cursor: options.cursor ?? null,
  pageCursor,
  window,
  pageSize: options.pageSize ?? 100,
  calendarTimeZone: options.calendarTimeZone ?? null,
  ...(options.reading && { reading: options.reading }),
});

/** What cases call the event of an item. */
export const nameOf = (harness: ProviderHarness, calendarId: string, item: RemoteItem): string =>
  harness.cloud.nameOf(calendarId, idOf(item) ?? '');

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
