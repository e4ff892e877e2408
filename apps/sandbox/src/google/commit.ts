/**
 * The only way an event gets into a calendar's log: every version has its own etag and `updated`, and every
 * commit is told to the watchers.
 */
import type { Calendar } from '../store/calendar.ts';
import type { EventState, StoredEvent } from '../store/event-log.ts';
import type { World } from '../store/world.ts';
import { invalid, required, timeRangeEmpty } from './errors.ts';
import { checkRecurrence } from './recurrence.ts';
import type { EventResource } from './resource.ts';
import { normaliseTime } from './times.ts';

export interface Writer {
  world: World;
  calendar: Calendar;
  /** Who acts. */
  email: string;
}

export interface CommitOptions {
  /** No delta will mention it. */
  quiet?: boolean;
  /** No notification: the caller sends one for many commits. */
  silent?: boolean;
}

/** The resource with times in Google's form. @throws GoogleError 400 */
export function normalise(writer: Writer, resource: EventResource): EventResource {
  const { zones } = writer.world;
  const isSeries = (resource.recurrence?.length ?? 0) > 0;
  const { start, end } = resource;
  if (start === undefined) throw required('Missing start time.');
  if (end === undefined) throw required('Missing end time.');
  const context = { calendarZone: writer.calendar.timeZone, zoneRequired: false };
  const from = normaliseTime(zones, start, { ...context, name: 'start', zoneRequired: isSeries });
  const to = normaliseTime(zones, end, { ...context, name: 'end' });
  if ('date' in from.time !== 'date' in to.time) throw invalid('Start and end times must match.');
  if (to.ms < from.ms) throw timeRangeEmpty();
  // An all-day end is exclusive, so equal dates would be an event of no days; Google makes it one day.
  const sameDay = 'date' in from.time && to.ms === from.ms;
  const lastDay = { date: new Date(from.ms + 86_400_000).toISOString().slice(0, 10) };
  const kept = writer.world.quirks.texts === 'kept' ? resource : rewritten(resource);
  const normal = { ...kept, start: from.time, end: sameDay ? lastDay : to.time };
  if (isSeries) checkRecurrence(zones, normal);
  else delete normal.recurrence;
  return normal;
}

/** In words of its own; what was rewritten once stays so. */
function rewritten(resource: EventResource): EventResource {
  const { attendees, ...rest } = resource;
  const texts = (['summary', 'description', 'location'] as const).flatMap((name) => {
    const text = resource[name];
    return typeof text === 'string' ? [[name, withoutBlanks(text)] as const] : [];
  });
  const guests = attendees?.toSorted((one, other) => (one.email < other.email ? -1 : 1));
  return { ...rest, ...Object.fromEntries(texts), ...(guests && { attendees: guests }) };
}

const withoutBlanks = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();

export function commit(
  writer: Writer,
  resource: EventResource & { id: string },
  state: EventState,
  options: CommitOptions = {},
): StoredEvent {
  const { world, calendar } = writer;
  const etag = world.nextEtag();
  const updatedMs = world.clock.now();
  const final = {
    ...resource,
    kind: 'calendar#event',
    etag,
    status: state === 'live' ? (resource.status ?? 'confirmed') : 'cancelled',
    updated: new Date(updatedMs).toISOString(),
  };
  const isSeries = final.recurringEventId === undefined && (final.recurrence?.length ?? 0) > 0;
  const stored = calendar.log.put(
    {
      id: final.id,
      state,
      json: JSON.stringify(final),
      etag,
      seriesId: final.recurringEventId ?? null,
      isSeries,
      eventType: final.eventType ?? 'default',
      startMs: edgeMs(writer, final.start),
      endMs: isSeries ? Infinity : edgeMs(writer, final.end),
      updatedMs,
    },
    options,
  );
  if (options.silent !== true) world.changed(calendar);
  return stored;
}

/** For window filters, an all-day date begins at midnight in the calendar's zone. */
function edgeMs({ world, calendar }: Writer, time: EventResource['start']): number {
  if (typeof time?.dateTime === 'string') return Date.parse(time.dateTime);
  return world.zones.toInstant(calendar.timeZone, Date.parse(time?.date ?? ''));
}
