/** The account's calendar list. https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list */
import {
  SyncError,
  type CalendarListPage,
  type ProviderSession,
  type RemoteCalendar,
} from '@calfleet/domain';
import { storableJson } from '../text.ts';
import { call, type GoogleCalls } from './call.ts';
import { isJson, textOf, type Json } from '../json.ts';

/** The API's maximum. */
const PAGE_SIZE = 250;

export async function listCalendars(
  calls: GoogleCalls,
  session: ProviderSession,
  request: { pageCursor: string | null },
): Promise<CalendarListPage> {
  const received: unknown = await call(calls, session, 'listCalendars', (api, options) =>
    api.calendarList.list(
      {
        maxResults: PAGE_SIZE,
        showDeleted: false,
        // Hiding a calendar is a choice of Google's web page; a mirror that left it out would call it gone.
        showHidden: true,
        ...(request.pageCursor !== null && { pageToken: request.pageCursor }),
      },
      options,
    ),
  );
  const page = storableJson(received).value;
  if (!isJson(page) || (page['items'] !== undefined && !Array.isArray(page['items']))) {
    throw new SyncError('provider_unavailable', 'Google answered listCalendars with something else');
  }
  const entries: unknown[] = page['items'] ?? [];
  const calendars = entries.filter(isJson).flatMap(readCalendar);
  // The primary calendar's id is the account's mail address.
  const primary = calendars.find((calendar) => calendar.primary)?.providerCalendarId;
  return {
    calendars,
    mailbox: primary === undefined ? null : { id: primary, email: primary },
    nextPageCursor: textOf(page['nextPageToken']),
  };
}

const roles: Record<string, RemoteCalendar['accessRole']> = {
  freeBusyReader: 'free_busy_reader',
  reader: 'reader',
  // Writes everything but does not see private details.
  writerWithoutPrivateAccess: 'writer',
  writer: 'writer',
  owner: 'owner',
};

/** An entry without an id cannot be asked about and is left out. */
function readCalendar(entry: Json): RemoteCalendar[] {
  const id = textOf(entry['id']);
  if (id === null) return [];
  return [
    {
      providerCalendarId: id,
      name: textOf(entry['summaryOverride']) ?? textOf(entry['summary']) ?? id,
      timeZone: textOf(entry['timeZone']),
      // A role that is newer than this code may at least read: the calendar is in the user's list.
      accessRole: roles[textOf(entry['accessRole']) ?? ''] ?? 'reader',
      primary: entry['primary'] === true,
      removed: entry['deleted'] === true,
    },
  ];
}
