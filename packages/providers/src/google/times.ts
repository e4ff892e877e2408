/**
 * When a Google event happens: `date` for all-day bounds, else `dateTime` with an offset or a `timeZone`. Missing
 * bounds are an error and never "now" (I7).
 * https://developers.google.com/workspace/calendar/api/v3/reference/events#start
 */
import { originalStartOf, slotOf, type EventTime, type SeriesSlot } from '@calfleet/domain';
import { instantInZone, readDate, readDateTime, UnreadableTime } from '../wall-time.ts';
import { isJson, textOf, type Json } from '../json.ts';

/**
 * Both bounds of an event. An end before its start is kept as Google says it: it harms nobody, and bending it would
 * hide what the user sees there. @throws UnreadableTime
 */
export function readBounds(
  item: Json,
  calendarTimeZone: string | null,
): { start: EventTime; end: EventTime } {
  const start = readTime(item['start'], calendarTimeZone);
  if (start === null) throw new UnreadableTime('no start');
  const end = readTime(item['end'], calendarTimeZone) ?? impliedEnd(item, start);
  if (end === null) throw new UnreadableTime('no end');
  if (start.kind !== end.kind) throw new UnreadableTime('start and end are of different kinds');
  return { start, end };
}

/** One bound; null when there is none. @throws UnreadableTime */
function readTime(value: unknown, calendarTimeZone: string | null): EventTime | null {
  if (!isJson(value)) return null;
  const date = textOf(value['date']);
  if (date !== null) return { kind: 'date', date: readDate(date) };
  const dateTime = textOf(value['dateTime']);
  if (dateTime === null) return null;
  const zone = textOf(value['timeZone']) ?? calendarTimeZone;
  const time = readDateTime(dateTime);
  if ('instant' in time) return { kind: 'zoned', instant: time.instant, zone };
  if (zone === null) return { kind: 'floating', local: time.local };
  return { kind: 'zoned', instant: instantInZone(time.local, zone), zone };
}

/**
 * Where an instance belongs; null when the item does not say. Incremental lists often send a cancelled instance as a
 * bare `{id, status}`; its series and slot are then read from the id, `{series}_{YYYYMMDDTHHMMSSZ | YYYYMMDD}`.
 * An imported event whose own id happens to end like that is told apart by whoever holds the stored row.
 * https://github.com/KeepSoftwareSimple/compass-calendar/pull/2808
 */
export function readSlot(item: Json, calendarTimeZone: string | null): SeriesSlot | null {
  const seriesId = textOf(item['recurringEventId']);
  const originalStart = readTime(item['originalStartTime'], calendarTimeZone);
  if (seriesId !== null && originalStart !== null) {
    return { providerSeriesId: seriesId, slot: slotOf(originalStart), originalStart };
  }
  const fromId = slotOfId(textOf(item['id']) ?? '', calendarTimeZone);
  return seriesId === null || fromId?.providerSeriesId === seriesId ? fromId : null;
}

function slotOfId(id: string, calendarTimeZone: string | null): SeriesSlot | null {
  const [, providerSeriesId, slot] = /^(.+)_(\d{8}(?:T\d{6}Z)?)$/.exec(id) ?? [];
  if (providerSeriesId === undefined || slot === undefined) return null;
  const originalStart = originalStartOf(slot, calendarTimeZone);
  return originalStart !== null && isRealTime(originalStart)
    ? { providerSeriesId, slot, originalStart }
    : null;
}

function isRealTime(time: EventTime): boolean {
  try {
    if (time.kind === 'date') readDate(time.date);
    else readDateTime(time.kind === 'zoned' ? time.instant : time.local);
    return true;
  } catch {
    return false;
  }
}

/** `endTimeUnspecified`: the event has no end of its own. It then ends where it starts, or with its day. */
function impliedEnd(item: Json, start: EventTime): EventTime | null {
  if (item['endTimeUnspecified'] !== true) return null;
  if (start.kind !== 'date') return start;
  const nextDay = new Date(Date.parse(`${start.date}T00:00:00Z`) + 86_400_000).toISOString();
  return { kind: 'date', date: readDate(nextDay.slice(0, nextDay.indexOf('T'))) };
}
