/** The parameters of events.list, checked. https://developers.google.com/workspace/calendar/api/v3/reference/events/list */
import type { Zones } from '../zones.ts';
import { badRequest, invalidParameter, timeRangeEmpty } from './errors.ts';
import { instantOf } from './times.ts';

export interface ListQuery {
  maxResults: number;
  pageToken: string | null;
  syncToken: string | null;
  showDeleted: boolean;
  singleEvents: boolean;
  orderBy: 'startTime' | 'updated' | null;
  timeMin: string | null;
  timeMax: string | null;
  fromMs: number;
  toMs: number;
  updatedMinMs: number | null;
  q: string | null;
  iCalUID: string | null;
  /** `name=value` each. */
  privateProperties: string[];
  sharedProperties: string[];
  /** Empty: all. */
  eventTypes: string[];
  maxAttendees: number | undefined;
  /** Filters that leave a list without a sync token. */
  isTokenless: boolean;
  /** Everything that makes two pages parts of one question. */
  fingerprint: string;
}

/** Exactly these: discovery document, events.list.syncToken. */
const forbiddenWithSyncToken = [
  'iCalUID',
  'orderBy',
  'privateExtendedProperty',
  'q',
  'sharedExtendedProperty',
  'timeMin',
  'timeMax',
  'updatedMin',
];

/** Parameters that do not belong to the question. */
const neutral = new Set(['pageToken', 'alt', 'key', 'prettyPrint', 'quotaUser', 'userIp', 'access_token']);

const eventTypeNames = ['birthday', 'default', 'focusTime', 'fromGmail', 'outOfOffice', 'workingLocation'];

export function readListQuery(zones: Zones, params: URLSearchParams, scope: string): ListQuery {
  const syncToken = params.get('syncToken');
  if (syncToken !== null) refuseRestrictions(params);
  const singleEvents = flag(params, 'singleEvents');
  const orderBy = oneOf(params, 'orderBy', ['startTime', 'updated'] as const);
  if (orderBy === 'startTime' && !singleEvents) {
    throw badRequest('The requested ordering is not available for the particular query.');
  }
  const fromMs = instant(zones, params, 'timeMin');
  const toMs = instant(zones, params, 'timeMax');
  if (fromMs !== null && toMs !== null && fromMs >= toMs) throw timeRangeEmpty();
  const eventTypes = params.getAll('eventTypes');
  for (const type of eventTypes) {
    if (!eventTypeNames.includes(type)) throw invalidParameter('eventTypes', `Invalid value '${type}'.`);
  }
  const isTokenless = [
    'orderBy',
    'q',
    'iCalUID',
    'updatedMin',
    'privateExtendedProperty',
    'sharedExtendedProperty',
  ];
  return {
    // Larger values mean the largest one; only nonsense is refused.
    maxResults: Math.min(count(params, 'maxResults') ?? 250, 2500),
    pageToken: params.get('pageToken'),
    syncToken,
    showDeleted: flag(params, 'showDeleted'),
    singleEvents,
    orderBy,
    timeMin: params.get('timeMin'),
    timeMax: params.get('timeMax'),
    fromMs: fromMs ?? -Infinity,
    toMs: toMs ?? Infinity,
    updatedMinMs: instant(zones, params, 'updatedMin'),
    q: params.get('q')?.toLowerCase() ?? null,
    iCalUID: params.get('iCalUID'),
    privateProperties: params.getAll('privateExtendedProperty'),
    sharedProperties: params.getAll('sharedExtendedProperty'),
    eventTypes,
    maxAttendees: count(params, 'maxAttendees') ?? undefined,
    isTokenless: isTokenless.some((name) => params.has(name)),
    fingerprint: fingerprint(params, scope),
  };
}

/** The statuses are sure, the messages were seen on live accounts, the reason is a guess. */
function refuseRestrictions(params: URLSearchParams): void {
  for (const name of forbiddenWithSyncToken) {
    if (!params.has(name)) continue;
    if (name === 'orderBy') throw badRequest('Sync token cannot be used with non-default ordering');
    throw badRequest('Sync token cannot be used with other request restrictions');
  }
  if (params.get('showDeleted') === 'false') {
    throw badRequest('Sync token cannot be used with other request restrictions');
  }
}

export function flag(params: URLSearchParams, name: string): boolean {
  return oneOf(params, name, ['true', 'false'] as const) === 'true';
}

export function count(params: URLSearchParams, name: string): number | null {
  const text = params.get(name);
  if (text === null) return null;
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) {
    const range = 'Values must be within the range: [1, 2147483647]';
    throw invalidParameter(name, `Invalid value '${text.slice(0, 40)}'. ${range}`);
  }
  return Number(text);
}

export function instant(zones: Zones, params: URLSearchParams, name: string): number | null {
  const text = params.get(name);
  if (text === null) return null;
  const ms = instantOf(zones, text, null);
  if (ms === null) throw badRequest(`Bad Request: ${name}`);
  return ms;
}

function oneOf<const T extends string>(
  params: URLSearchParams,
  name: string,
  allowed: readonly T[],
): T | null {
  const text = params.get(name);
  if (text === null) return null;
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw invalidParameter(name, `Invalid value '${text.slice(0, 40)}'.`);
  return found;
}

export function fingerprint(params: URLSearchParams, scope: string): string {
  const pairs = [...params].filter(([name]) => !neutral.has(name)).map(([name, value]) => `${name}=${value}`);
  return [scope, ...pairs.sort()].join('\n');
}
