/** calendarList.list, calendarList.get and calendars.get. https://developers.google.com/workspace/calendar/api/v3/reference/calendarList */
import { json, type Reply } from '../reply.ts';
import { hash32 } from '../random.ts';
import { accessRoles, type CalendarEntry } from '../store/calendar.ts';
import { mayListCalendars } from '../store/account.ts';
import type { Call } from './call.ts';
import { insufficientPermissions, invalidPageToken, invalidParameter, invalidSyncToken } from './errors.ts';
import { count, fingerprint } from './list-query.ts';
import { digest } from './list-page.ts';

export function listCalendars({ world, account, params }: Call): Reply {
  if (!mayListCalendars(account)) throw insufficientPermissions();
  // Deltas of this list miss renames and access changes, so the fleet reads it whole; none is offered here.
  if (params.has('syncToken')) throw invalidSyncToken();
  const size = Math.min(count(params, 'maxResults') ?? 100, 250, world.quirks.pageSizeMax);
  const query = digest(fingerprint(params, account.email));
  const start = readOffset(params.get('pageToken'), query);
  const visible = [...account.entries.values()].filter(
    (entry) => !entry.unshared && isAllowed(params, entry),
  );
  const page = visible.slice(start, start + size);
  const end = start + page.length;
  const rest = end < visible.length ? { nextPageToken: writeOffset(end, query) } : {};
  return json({
    kind: 'calendar#calendarList',
    etag: `"l${visible.length}"`,
    ...rest,
    items: page.map((entry) => showEntry(entry)),
  });
}

export function getCalendarEntry(_call: Call, entry: CalendarEntry): Reply {
  return json(showEntry(entry));
}

export function getCalendar(_call: Call, { calendar }: CalendarEntry): Reply {
  const { id, summary, description, timeZone } = calendar;
  return json({
    kind: 'calendar#calendar',
    etag: etagOf(calendar),
    id,
    summary,
    ...maybe({ description }),
    timeZone,
  });
}

function showEntry(entry: CalendarEntry): unknown {
  const { calendar, accessRole, primary, selected } = entry;
  const { id, summary, description, timeZone } = calendar;
  return {
    kind: 'calendar#calendarListEntry',
    etag: `"${hash32(JSON.stringify([id, summary, timeZone, accessRole]))}"`,
    id,
    summary,
    ...maybe({ description }),
    timeZone,
    colorId: '14',
    backgroundColor: '#9fe1e7',
    foregroundColor: '#000000',
    selected,
    accessRole,
    defaultReminders: accessRole === 'owner' ? [{ method: 'popup', minutes: 10 }] : [],
    ...(primary ? { primary: true } : {}),
    conferenceProperties: { allowedConferenceSolutionTypes: ['hangoutsMeet'] },
  };
}

function isAllowed(params: URLSearchParams, entry: CalendarEntry): boolean {
  const wanted = params.get('minAccessRole');
  if (wanted === null) return true;
  const lowest = accessRoles.findIndex((role) => role === wanted && role !== 'none');
  if (lowest < 0) throw invalidParameter('minAccessRole', `Invalid value '${wanted.slice(0, 40)}'.`);
  return accessRoles.indexOf(entry.accessRole) >= lowest;
}

function writeOffset(offset: number, query: string): string {
  return Buffer.from(JSON.stringify([query, offset])).toString('base64url');
}

function readOffset(token: string | null, query: string): number {
  if (token === null) return 0;
  const plain = Buffer.from(token, 'base64url').toString();
  const text = /^\["[a-z0-9]+",(\d{1,9})\]$/.exec(plain)?.[1];
  if (text === undefined || writeOffset(Number(text), query) !== token) throw invalidPageToken();
  return Number(text);
}

const etagOf = (calendar: CalendarEntry['calendar']): string =>
  `"${hash32(JSON.stringify([calendar.id, calendar.summary, calendar.timeZone]))}"`;

function maybe<T extends Record<string, unknown>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Partial<T>;
}
