/** Who may do what: permissions of the token, calendars of the mailbox, shares of others. */
import type { GraphCall, SignedCall } from './call.ts';
import { accessDenied, invalidId, invalidParameter, notFound } from './errors.ts';
import type { Folder } from './folder.ts';
import { parseEventId, type EventRef } from './ids.ts';
import type { Instance, StoredItem } from './item.ts';
import type { CalendarEntry, Mailbox } from './mailbox.ts';
import type { Route } from './routes.ts';
import { findInstance, headOf } from './series.ts';
import type { View } from './shown.ts';
import type { MicrosoftWorld } from './world.ts';

export type Permission = 'calendars.read' | 'calendars.write' | 'settings.read' | 'user.read';

const granted: Record<Permission, readonly string[]> = {
  'calendars.read': [
    'calendars.read',
    'calendars.readwrite',
    'calendars.read.shared',
    'calendars.readwrite.shared',
  ],
  'calendars.write': ['calendars.readwrite', 'calendars.readwrite.shared'],
  'settings.read': ['mailboxsettings.read', 'mailboxsettings.readwrite'],
  'user.read': ['user.read', 'user.readwrite', 'user.readbasic.all', 'user.read.all'],
};

export function may({ access }: SignedCall, permission: Permission): boolean {
  const names = access.scopes.map((scope) => scope.replace(/^https:\/\/[^/]+\//, '').toLowerCase());
  return granted[permission].some((name) => names.includes(name));
}

/** @throws GraphError 403 */
export function demand(call: SignedCall, permission: Permission): void {
  if (!may(call, permission)) throw accessDenied();
}

/** A calendar in the hands of the caller. */
export interface OpenCalendar {
  entry: CalendarEntry;
  folder: Folder;
}

/**
 * The calendar of a path; without an id the default one. Another's calendar has to be shared with the signer, unless
 * the token is an application's.
 * @throws GraphError 403, 404
 */
export function openCalendar(call: GraphCall, calendarId: string | null): OpenCalendar {
  const entry = calendarId === null ? call.world.defaultCalendar(call.mailbox) : findEntry(call, calendarId);
  const folder = entry && call.world.folders.get(entry.folderId);
  if (entry === undefined || folder === undefined) throw notFound();
  return { entry: asSeenByCaller(call, entry), folder };
}

/** The event of a path. @throws GraphError 400, 403, 404 */
export function openEvent(call: GraphCall, route: Route): OpenCalendar & { instance: Instance } {
  const ref = parseEventId(route.id ?? '');
  if (ref === undefined) throw invalidId();
  const item = findItem(call.world, ref);
  if (item === undefined) throw notFound();
  const entry = route.isInCalendar
    ? openCalendar(call, route.calendarId).entry
    : [...call.mailbox.calendars.values()].find(({ folderId }) => folderId === item.folder.id);
  if (entry === undefined || entry.folderId !== item.folder.id) throw notFound();
  if (route.isInCalendar && item.state !== 'live') throw notFound();
  const instance = instanceOf(call.world, item, ref);
  if (instance === undefined) throw notFound();
  return { entry: asSeenByCaller(call, entry), folder: item.folder, instance };
}

/** @throws GraphError 403 */
export function demandEdit(call: GraphCall, { canEdit }: CalendarEntry): void {
  demand(call, 'calendars.write');
  if (!canEdit) throw accessDenied();
}

/** @throws GraphError 400 for a zone that Outlook does not know */
export function viewOf(
  { world, prefer }: SignedCall,
  entry: Pick<CalendarEntry, 'canViewPrivateItems'>,
): View {
  const name = prefer.timeZone ?? 'UTC';
  const iana = world.zones.iana(name);
  if (iana === undefined) {
    throw invalidParameter(`The time zone '${name}' in the Prefer header is not a known one.`);
  }
  return {
    immutableIds: prefer.immutableIds,
    zone: { name, iana },
    isZoned: prefer.timeZone !== null,
    bodyType: prefer.bodyType,
    mayViewPrivate: entry.canViewPrivateItems,
  };
}

/** The item of an id as it is now. @returns undefined for unknown ids, and normal ids of before a move. */
export function findItem(world: MicrosoftWorld, ref: EventRef): StoredItem | undefined {
  const item = world.items.get(ref.key);
  if (item === undefined || (!ref.isImmutable && ref.moves !== item.moves)) return undefined;
  if (item.state === 'live') return item;
  return ref.isImmutable && ref.slot === null && world.quirks.deletedItemsResolve ? item : undefined;
}

export const instanceOf = (
  world: MicrosoftWorld,
  item: StoredItem,
  { slot }: EventRef,
): Instance | undefined => (slot === null ? headOf(item) : findInstance(world.zones, item, slot));

/** The id that the caller's Prefer header makes of a calendar's. */
export function shownCalendarId({ world, prefer }: SignedCall, entry: CalendarEntry): string {
  return prefer.immutableIds && world.quirks.calendarIdFollowsPrefer ? otherCalendarId(entry.id) : entry.id;
}

function findEntry({ world, mailbox }: GraphCall, id: string): CalendarEntry | undefined {
  const found = mailbox.calendars.get(id);
  if (found !== undefined || !world.quirks.calendarIdFollowsPrefer) return found;
  return [...mailbox.calendars.values()].find((entry) => otherCalendarId(entry.id) === id);
}

const otherCalendarId = (id: string): string => id.replace(/^AAMkA/, 'AAkAL');

/** Through `/users/{somebody else}` only what that person shares with the signer, with the share's rights. */
function asSeenByCaller(call: GraphCall, entry: CalendarEntry): CalendarEntry {
  const { world, access, mailbox } = call;
  if (access.oid === null || access.oid === mailbox.oid) return entry;
  const own = signer(world, call)?.calendars.values() ?? [];
  const share = [...own].find(({ folderId }) => folderId === entry.folderId);
  if (share === undefined) throw accessDenied();
  const { canEdit, canViewPrivateItems } = share;
  return { ...entry, canEdit, canViewPrivateItems };
}

const signer = (world: MicrosoftWorld, { access }: SignedCall): Mailbox | undefined =>
  access.oid === null ? undefined : world.mailboxes.get(access.oid);
