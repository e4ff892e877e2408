/** Which items an event contributes to a list: none, itself, a tombstone, or the occurrences of a series. */
import type { World } from '../store/world.ts';
import type { Calendar } from '../store/calendar.ts';
import type { StoredEvent } from '../store/event-log.ts';
import { untouchedOccurrences } from './instances.ts';
import type { ListQuery } from './list-query.ts';
import { readResource } from './resource.ts';
import { timeMs } from './times.ts';
import { show, showResource, showTombstone, type Reader } from './view.ts';

/** Two years: how far an endless series is expanded in a list without timeMax. */
const HORIZON_MS = 2 * 365 * 86_400_000;
/** A delta with singleEvents=true ignores the window: some 700 instances of one series, up to 2040, were seen in
 * https://github.com/garrytan/gbrain/pull/5015 */
const OCCURRENCES_MAX = 730;

export interface ListScope {
  world: World;
  calendar: Calendar;
  reader: Reader;
  query: ListQuery;
  /** In a delta deletions are told and no filter but the window of the token counts. */
  isDelta: boolean;
  fromMs: number;
  toMs: number;
}

export interface ListItem {
  json: string;
  startMs: number;
}

export function itemsOf(scope: ListScope, event: StoredEvent): ListItem[] {
  const { query, isDelta } = scope;
  if (query.eventTypes.length > 0 && !query.eventTypes.includes(event.eventType)) return [];
  if (query.singleEvents && event.isSeries) return occurrences(scope, event);
  if (event.state !== 'live') return tombstone(scope, event);
  if (!isInWindow(scope, event) || (!isDelta && !matches(scope, event))) return [];
  return [{ json: show(event, scope.reader), startMs: event.startMs }];
}

function tombstone(scope: ListScope, event: StoredEvent): ListItem[] {
  const { query, isDelta, world, reader } = scope;
  const item = (json: string): ListItem[] => [{ json, startMs: event.startMs }];
  if (isDelta) return isInWindow(scope, event) ? item(showTombstone(event, reader, world.quirks)) : [];
  if (query.updatedMinMs !== null) return event.updatedMs >= query.updatedMinMs ? item(event.json) : [];
  // Cancelled exceptions of living series are told even without showDeleted, unless series are expanded.
  const isTold = query.showDeleted || (event.state === 'cancelled_exception' && !query.singleEvents);
  if (!isTold || !matches(scope, event)) return [];
  const documented = {
    ...world.quirks,
    cancelledInstances: 'documented',
    deletedEvents: 'documented',
  } as const;
  return isInWindow(scope, event) ? item(showTombstone(event, reader, documented)) : [];
}

function occurrences(scope: ListScope, series: StoredEvent): ListItem[] {
  const { world, calendar, isDelta } = scope;
  const isDeleted = series.state !== 'live';
  if (isDeleted && !isDelta) return [];
  if (!isDelta && !matches(scope, series)) return [];
  const toMs = Math.min(scope.toMs, isDelta ? Infinity : world.clock.now() + HORIZON_MS);
  const bounds = { fromMs: scope.fromMs, toMs, max: OCCURRENCES_MAX };
  return untouchedOccurrences(world, calendar, series, bounds).map((occurrence) => {
    const shown = isDeleted
      ? { id: occurrence.id, status: 'cancelled' }
      : showResource(occurrence, scope.reader);
    return { json: JSON.stringify(shown), startMs: timeMs(occurrence.start) };
  });
}

/** timeMin looks at the end, timeMax at the start, both exclusive. */
function isInWindow({ fromMs, toMs }: ListScope, event: StoredEvent): boolean {
  return event.endMs > fromMs && event.startMs < toMs;
}

function matches({ query }: ListScope, event: StoredEvent): boolean {
  if (query.updatedMinMs !== null && event.updatedMs < query.updatedMinMs) return false;
  const { q, iCalUID, privateProperties, sharedProperties } = query;
  if (q === null && iCalUID === null && privateProperties.length + sharedProperties.length === 0) return true;
  const resource = readResource(event.json);
  if (iCalUID !== null && resource.iCalUID !== iCalUID) return false;
  const { summary, description, location } = resource;
  const text = [summary, description, location].join('\n').toLowerCase();
  if (q !== null && !text.includes(q)) return false;
  const has = (wanted: string[], given: Record<string, string | null> | null | undefined): boolean =>
    wanted.length === 0 ||
    wanted.some((pair) => {
      const equals = pair.indexOf('=');
      return given?.[pair.slice(0, equals)] === pair.slice(equals + 1);
    });
  return (
    has(privateProperties, resource.extendedProperties?.private) &&
    has(sharedProperties, resource.extendedProperties?.shared)
  );
}
