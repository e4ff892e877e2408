/** Method and path → operation. Ids arrive escaped; `#` and `@` are common in them. */
import type { Operation } from '../faults/faults.ts';

export interface Route {
  operation: Operation;
  calendarId: string | null;
  eventId: string | null;
}

const table: [method: string, pattern: RegExp, operation: Operation][] = [
  ['GET', /^oauth2\/auth$/, 'oauth.authorize'],
  ['POST', /^oauth2\/auth$/, 'oauth.authorize'],
  ['POST', /^oauth2\/token$/, 'oauth.token'],
  ['POST', /^oauth2\/revoke$/, 'oauth.revoke'],
  ['GET', /^oauth2\/userinfo$/, 'oauth.userinfo'],
  ['GET', /^calendar\/v3\/users\/me\/calendarList$/, 'calendarList.list'],
  ['GET', /^calendar\/v3\/users\/me\/calendarList\/(?<calendar>[^/]+)$/, 'calendarList.get'],
  ['POST', /^calendar\/v3\/channels\/stop$/, 'channels.stop'],
  ['GET', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)$/, 'calendars.get'],
  ['GET', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events$/, 'events.list'],
  ['POST', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events$/, 'events.insert'],
  ['POST', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/watch$/, 'events.watch'],
  ['GET', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/(?<event>[^/]+)$/, 'events.get'],
  ['PUT', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/(?<event>[^/]+)$/, 'events.update'],
  ['PATCH', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/(?<event>[^/]+)$/, 'events.patch'],
  ['DELETE', /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/(?<event>[^/]+)$/, 'events.delete'],
  [
    'GET',
    /^calendar\/v3\/calendars\/(?<calendar>[^/]+)\/events\/(?<event>[^/]+)\/instances$/,
    'events.instances',
  ],
];

/** @param path behind the API root, without a leading slash. @returns undefined for no or an unreadable path. */
export function findRoute(method: string, path: string): Route | undefined {
  for (const [verb, pattern, operation] of table) {
    if (verb !== method) continue;
    const match = pattern.exec(path);
    if (match === null) continue;
    const calendarId = decodeId(match.groups?.calendar);
    const eventId = decodeId(match.groups?.event);
    return calendarId === undefined || eventId === undefined ? undefined : { operation, calendarId, eventId };
  }
  return undefined;
}

function decodeId(text: string | undefined): string | null | undefined {
  if (text === undefined) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
