/** The mailbox's calendars. https://learn.microsoft.com/graph/api/user-list-calendars */
import {
  SyncError,
  type CalendarListPage,
  type ProviderSession,
  type RemoteCalendar,
} from '@calfleet/domain';
import { isJson, textOf, type Json } from '../json.ts';
import { storableJson } from '../text.ts';
import { batch } from './batch.ts';
import { call, urlOf, type GraphCalls } from './call.ts';
import { toSyncError, type GraphAnswer } from './errors.ts';
import { zoneOf } from './times.ts';

/** Mailboxes have tens of calendars, hardly ever more. */
const PAGE_SIZE = 100;

export async function listCalendars(
  calls: GraphCalls,
  session: ProviderSession,
  request: { pageCursor: string | null },
): Promise<CalendarListPage> {
  const received = await call(calls, session, {
    operation: 'listCalendars',
    method: 'GET',
    at: request.pageCursor ?? `/me/calendars?$top=${PAGE_SIZE}`,
    pageSize: PAGE_SIZE,
  });
  const page = storableJson(received).value;
  if (!isJson(page) || !Array.isArray(page['value'])) {
    throw new SyncError('provider_unavailable', 'Graph answered listCalendars with something else');
  }
  const nextPageCursor = textOf(page['@odata.nextLink']);
  // A link that leads elsewhere is not worth keeping.
  if (nextPageCursor !== null) urlOf(calls, nextPageCursor);
  const owner = await readOwner(calls, session);
  const entries: unknown[] = page['value'];
  return {
    calendars: entries.filter(isJson).flatMap((entry) => readCalendar(entry, owner)),
    mailbox: owner.mailbox,
    nextPageCursor,
  };
}

interface MailboxOwner {
  mailbox: { id: string; email: string | null } | null;
  /** Mail address and sign-in name, in small letters. */
  addresses: (string | undefined)[];
  timeZone: string | null;
}

/** Calendars of Graph have no zone: the mailbox has one. Either question may be beyond what the user granted. */
async function readOwner(calls: GraphCalls, session: ProviderSession): Promise<MailboxOwner> {
  const paths = ['/me?$select=id,mail,userPrincipalName', '/me/mailboxSettings'];
  const answers = await batch(calls, session, { operation: 'listCalendars', paths });
  const [me, settings] = answers.map((answer) => storableJson(grantedBody(calls, answer)).value);
  const id = isJson(me) ? textOf(me['id']) : null;
  const mail = isJson(me) ? textOf(me['mail']) : null;
  const signInName = isJson(me) ? textOf(me['userPrincipalName']) : null;
  return {
    mailbox: id === null ? null : { id, email: mail ?? signInName },
    addresses: [mail?.toLowerCase(), signInName?.toLowerCase()],
    timeZone: isJson(settings) ? zoneOf(settings['timeZone']) : null,
  };
}

/** Null for what was not granted. @throws any other refusal */
function grantedBody(calls: GraphCalls, answer: GraphAnswer): unknown {
  if (answer.status === 200) return answer.body;
  const error = toSyncError(answer, 'listCalendars', calls.clock.now());
  if (answer.status === 403 && error.code === 'permission_denied') return null;
  throw error;
}

/** An entry without an id cannot be asked about and is left out. */
function readCalendar(entry: Json, owner: MailboxOwner): RemoteCalendar[] {
  const id = textOf(entry['id']);
  if (id === null) return [];
  return [
    {
      providerCalendarId: id,
      name: textOf(entry['name']) ?? id,
      timeZone: owner.timeZone,
      accessRole: roleOf(entry, owner),
      primary: entry['isDefaultCalendar'] === true,
      removed: false,
    },
  ];
}

/** Only who made a calendar may share it. https://learn.microsoft.com/graph/api/resources/calendar */
function roleOf(entry: Json, { addresses }: MailboxOwner): RemoteCalendar['accessRole'] {
  if (entry['canEdit'] !== true) return 'reader';
  const address = isJson(entry['owner']) ? textOf(entry['owner']['address'])?.toLowerCase() : undefined;
  const isOwn = entry['canShare'] === true || (address !== undefined && addresses.includes(address));
  return isOwn ? 'owner' : 'writer';
}
