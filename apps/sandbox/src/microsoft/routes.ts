/** Method and path → operation. Ids arrive escaped; `=`, `/` and `+` are common in them. */
import type { Operation } from '../faults/faults.ts';

export interface Route {
  operation: Operation;
  /** `me`, or the id or address behind `users/`; null where the path names no mailbox. */
  user: string | null;
  /** null: the default calendar, where one is meant at all. */
  calendarId: string | null;
  /** True when the path goes through `calendar` or `calendars/{id}`; `me/events/{id}` finds events anywhere. */
  isInCalendar: boolean;
  /** Of an event or a subscription. */
  id: string | null;
  /** What the table's pattern names besides: `timeZone` of mailboxSettings, the standard of supported zones. */
  detail: string | null;
}

type Row = [method: string, pattern: RegExp, operation: Operation];

const outside: Row[] = [
  ['POST', /^\$batch$/, 'graph.batch'],
  ['GET', /^subscriptions$/, 'graph.subscription.list'],
  ['POST', /^subscriptions$/, 'graph.subscription.create'],
  ['GET', /^subscriptions\/(?<id>[^/]+)$/, 'graph.subscription.get'],
  ['PATCH', /^subscriptions\/(?<id>[^/]+)$/, 'graph.subscription.update'],
  ['DELETE', /^subscriptions\/(?<id>[^/]+)$/, 'graph.subscription.delete'],
  ['POST', /^subscriptions\/(?<id>[^/]+)\/reauthorize$/, 'graph.subscription.reauthorize'],
];

const ofMailbox: Row[] = [
  ['GET', /^$/, 'graph.me'],
  ['GET', /^mailboxSettings(?:\/(?<detail>timeZone))?$/, 'graph.mailboxSettings'],
  ['GET', /^outlook\/supportedTimeZones(?:\((?<detail>.*)\))?$/i, 'graph.timeZones'],
  ['POST', /^(?:microsoft\.graph\.)?translateExchangeIds$/, 'graph.translateIds'],
  ['GET', /^calendars$/, 'graph.calendar.list'],
];

/** Behind the mailbox, with or without `calendar` or `calendars/{id}` in between. */
const ofCalendar: Row[] = [
  ['GET', /^events$/, 'graph.event.list'],
  ['POST', /^events$/, 'graph.event.create'],
  ['GET', /^events\/(?<id>[^/]+)$/, 'graph.event.get'],
  ['PATCH', /^events\/(?<id>[^/]+)$/, 'graph.event.update'],
  ['DELETE', /^events\/(?<id>[^/]+)$/, 'graph.event.delete'],
  ['GET', /^events\/(?<id>[^/]+)\/instances$/, 'graph.event.instances'],
  ['GET', /^calendarView$/i, 'graph.calendarView'],
  ['GET', /^calendarView\/(?:microsoft\.graph\.)?delta(?:\(\))?$/i, 'graph.delta'],
];

const PREFIX = /^(?<user>me|users\/[^/]+)(?:\/(?<rest>.*))?$/;
const CALENDAR = /^(?:calendar|calendars\/(?<calendar>[^/]+))(?:\/(?<rest>.*))?$/;

/** @param path behind the version, without a leading slash. @returns undefined for no or an unreadable path. */
export function findRoute(method: string, path: string): Route | undefined {
  const blank: Omit<Route, 'operation'> = {
    user: null,
    calendarId: null,
    isInCalendar: false,
    id: null,
    detail: null,
  };
  const prefix = PREFIX.exec(path);
  if (prefix === null) return match(outside, method, path, blank);
  const user = decode(prefix.groups?.user?.replace(/^users\//, ''));
  if (user === undefined) return undefined;
  const rest = prefix.groups?.rest ?? '';
  const found = match([...ofMailbox, ...ofCalendar], method, rest, { ...blank, user });
  const calendar = CALENDAR.exec(rest);
  if (found !== undefined || calendar === null) return found;
  const calendarId = decode(calendar.groups?.calendar);
  if (calendarId === undefined) return undefined;
  const rows: Row[] = [['GET', /^$/, 'graph.calendar.get'], ...ofCalendar];
  return match(rows, method, calendar.groups?.rest ?? '', { ...blank, user, calendarId, isInCalendar: true });
}

function match(
  rows: readonly Row[],
  method: string,
  path: string,
  rest: Omit<Route, 'operation'>,
): Route | undefined {
  for (const [verb, pattern, operation] of rows) {
    const found = verb === method ? pattern.exec(path) : null;
    if (found === null) continue;
    const id = decode(found.groups?.id);
    return id === undefined ? undefined : { ...rest, operation, id, detail: found.groups?.detail ?? null };
  }
  return undefined;
}

/** @returns null for nothing, undefined for what cannot be read. */
function decode(text: string | undefined): string | null | undefined {
  if (text === undefined) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
