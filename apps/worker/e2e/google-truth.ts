/**
 * Holds a mirror against the sandbox: events field by field out of Google's own JSON, cancelled slots, occurrences as
 * the sandbox expands them, and the feed replayed. Nothing of the provider or of our recurrence is used here.
 */
import type { Database } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import type { CalendarOwner, Sandbox } from '@calfleet/sandbox';
import { readMirror } from '../../../packages/sync/testing/mirror.ts';

/** What Google says of an event, as far as the mirror shows it. */
interface GoogleEvent {
  id: string;
  etag?: string | undefined;
  status?: string | undefined;
  iCalUID?: string | undefined;
  summary?: string | null | undefined;
  description?: string | null | undefined;
  location?: string | null | undefined;
  start?: GoogleTime | undefined;
  end?: GoogleTime | undefined;
  recurrence?: string[] | null | undefined;
  recurringEventId?: string | undefined;
  originalStartTime?: GoogleTime | undefined;
  organizer?: { email?: string | undefined; displayName?: unknown; self?: boolean | undefined } | undefined;
  attendees?: GoogleGuest[] | null | undefined;
  transparency?: string | null | undefined;
  visibility?: string | null | undefined;
  eventType?: string | undefined;
  htmlLink?: unknown;
}
interface GoogleGuest {
  email: string;
  displayName?: unknown;
  responseStatus?: unknown;
  optional?: unknown;
  organizer?: unknown;
  self?: unknown;
  resource?: unknown;
}
interface GoogleTime {
  date?: string | null | undefined;
  dateTime?: string | null | undefined;
  timeZone?: string | null | undefined;
}

export interface Compared {
  db: Database;
  sandbox: Sandbox;
  calendarId: CalendarId;
  email: string;
  owner: CalendarOwner;
}

/** @throws an assertion error (by `expect`) that names what differs */
export async function expectExact({ db, sandbox, calendarId, email, owner }: Compared): Promise<void> {
  const mirror = await readMirror(db, calendarId);
  const truth = owner.truth().events as GoogleEvent[];
  const live = truth.filter(({ status }) => status !== 'cancelled');
  const cancelled = truth.filter(({ status }) => status === 'cancelled');
  expect(mirror.events).toEqual(Object.fromEntries(live.map((event) => [event.id, expectedEvent(event)])));
  expect(mirror.cancelledSlots).toEqual(
    cancelled.map((event) => `${seriesOf(event)} ${slotOf(event)}`).sort(),
  );
  const window = { from: mirror.windowStart.getTime(), to: mirror.windowEnd.getTime() };
  const list = { sandbox, owner, token: sandbox.google.account(email).accessToken() };
  expect(mirror.occurrences).toEqual(await expectedOccurrences(list, window));
  expect(mirror.replayed).toEqual(mirror.versions);
  expect(mirror.unsettled).toEqual([]);
}

function expectedEvent(event: GoogleEvent): unknown {
  const recurrence = event.recurrence ?? [];
  const isException = event.recurringEventId !== undefined;
  const { organizer } = event;
  return {
    kind: isException ? 'exception' : recurrence.length > 0 ? 'series' : 'single',
    slot: isException ? slotOf(event) : null,
    series: event.recurringEventId ?? null,
    providerVersion: event.etag,
    icalUid: event.iCalUID,
    status: event.status,
    summary: storable(event.summary),
    description: storable(event.description),
    location: storable(event.location),
    start: expectedTime(event.start),
    end: expectedTime(event.end),
    recurrence: isException ? [] : recurrence,
    attendees: (event.attendees ?? []).map(expectedGuest),
    organizer: organizer && { email: organizer.email, name: null, self: organizer.self === true },
    meetingUrl: null,
    visibility: event.visibility ?? 'default',
    transparency: event.transparency ?? 'opaque',
    eventType: event.eventType,
    htmlLink: event.htmlLink,
  };
}

const expectedGuest = (guest: GoogleGuest): unknown => ({
  email: guest.email,
  name: guest.displayName ?? null,
  response: guest.responseStatus === 'needsAction' ? 'needs_action' : guest.responseStatus,
  optional: guest.optional === true,
  organizer: guest.organizer === true,
  self: guest.self === true,
  resource: guest.resource === true,
});

/** Postgres holds neither U+0000 nor half a surrogate pair: both are replaced. An empty text says nothing. */
const storable = (text: string | null | undefined): string | null =>
  text?.toWellFormed().replaceAll('\u0000', '\ufffd') || null;

const expectedTime = (time: GoogleTime | undefined): unknown =>
  time?.date
    ? { kind: 'date', date: time.date }
    : { kind: 'zoned', instant: secondsOf(millis(time)), zone: time?.timeZone };

/** `{series}_{slot}` is Google's own name of an occurrence. */
const slotOf = (event: GoogleEvent): string => event.id.slice(event.id.lastIndexOf('_') + 1);
const seriesOf = (event: GoogleEvent): string => event.id.slice(0, event.id.lastIndexOf('_'));

const millis = (time: GoogleTime | undefined): number => Date.parse(time?.dateTime ?? time?.date ?? '');
const secondsOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** All-day events may be asked for in any zone of the earth: their window is wider. */
const marginMs = 14 * 3_600_000;

async function expectedOccurrences(
  list: { sandbox: Sandbox; owner: CalendarOwner; token: string },
  window: { from: number; to: number },
): Promise<string[]> {
  const wide = { from: window.from - marginMs - 1_000, to: window.to + marginMs + 1_000 };
  const lines = (await listOccurrences(list, wide)).flatMap((event) => {
    const [start, end] = [millis(event.start), millis(event.end)];
    const margin = event.start?.date ? marginMs : 0;
    const isInside =
      start - margin < window.to && (end + margin > window.from || start + margin >= window.from);
    const owner =
      event.recurringEventId === undefined ? `${event.id} ` : `${seriesOf(event)} ${slotOf(event)}`;
    return isInside ? [`${owner} ${new Date(start).toISOString()} ${new Date(end).toISOString()}`] : [];
  });
  return lines.sort();
}

/** The sandbox' own expansion, read to its last page. */
async function listOccurrences(
  { sandbox, owner, token }: { sandbox: Sandbox; owner: CalendarOwner; token: string },
  window: { from: number; to: number },
): Promise<GoogleEvent[]> {
  const events = new Map<string, GoogleEvent>();
  let pageToken: string | undefined;
  do {
    const query = new URLSearchParams({
      singleEvents: 'true',
      maxResults: '2500',
      timeMin: new Date(window.from).toISOString(),
      timeMax: new Date(window.to).toISOString(),
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    const path = `calendar/v3/calendars/${encodeURIComponent(owner.id)}/events`;
    const response = await fetch(`${sandbox.googleRootUrl}${path}?${query.toString()}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (!response.ok) throw new Error(`The sandbox answered ${response.status}.`);
    const page = (await response.json()) as { items: GoogleEvent[]; nextPageToken?: string };
    for (const item of page.items) if (item.status !== 'cancelled') events.set(item.id, item);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return [...events.values()];
}
