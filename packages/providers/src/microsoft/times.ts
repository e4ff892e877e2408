/**
 * When a Graph event happens: wall-clock times in UTC, as every request asks for, and dates for all-day events, whose
 * midnights Graph shows in any zone. Missing bounds are an error and never "now" (I7).
 * https://learn.microsoft.com/graph/api/resources/datetimetimezone
 */
import { slotOf, ZoneTable, type EventTime, type SeriesSlot } from '@calfleet/domain';
import { isJson, textOf, type Json } from '../json.ts';
import { instantInZone, readDate, readDateTime, UnreadableTime } from '../wall-time.ts';
import { ianaZoneOf } from './zones.ts';

/** Both bounds of an event or of a whole series. @throws UnreadableTime */
export function readBounds(item: Json): { start: EventTime; end: EventTime } {
  const isAllDay = item['isAllDay'] === true;
  const { originalStartTimeZone: begun, originalEndTimeZone: ended = begun } = item;
  const zone = startZoneOf(item);
  return {
    start: readBound(item, 'start', isAllDay, zone),
    end: readBound(item, 'end', isAllDay, ended === begun ? zone : zoneOf(ended)),
  };
}

/**
 * The zone of a start: where the event was made, which no later change of its zone alters. A timed series says besides
 * which clocks it follows now. https://learn.microsoft.com/graph/api/resources/recurrencerange
 */
export function startZoneOf(item: Json): string | null {
  const { recurrence, isAllDay, originalStartTimeZone } = item;
  const range = isJson(recurrence) && isJson(recurrence['range']) ? recurrence['range'] : {};
  const followed = isAllDay === true ? null : zoneOf(range['recurrenceTimeZone']);
  return followed ?? zoneOf(originalStartTimeZone);
}

/**
 * Both bounds of a plain occurrence, which says neither whether it lasts all day nor in which zone: its series does.
 * @throws UnreadableTime
 */
export const readInstanceBounds = (occurrence: Json, series: Json): { start: EventTime; end: EventTime } =>
  readBounds({
    start: occurrence['start'],
    end: occurrence['end'],
    isAllDay: series['isAllDay'],
    recurrence: series['recurrence'],
    originalStartTimeZone: series['originalStartTimeZone'],
    originalEndTimeZone: series['originalEndTimeZone'],
  });

/**
 * Where an exception belongs. Its series decides whether the slot is a day, since the exception may have become a
 * timed one. @throws UnreadableTime the item does not say
 */
export function readSlot(exception: Json, seriesId: string, series: Json): SeriesSlot {
  const said = textOf(exception['originalStart']);
  const zone = startZoneOf(series);
  const originalStart: EventTime =
    series['isAllDay'] === true
      ? { kind: 'date', date: dayOfOccurrenceId(exception) ?? dayOf(instantOf(said), zone) }
      : { kind: 'zoned', instant: instantOf(said), zone };
  return { providerSeriesId: seriesId, slot: slotOf(originalStart), originalStart };
}

/** The IANA zone that a name of Graph's means; null when it hides its rules or is unknown, and never a guess. */
export function zoneOf(name: unknown): string | null {
  const said = textOf(name);
  return said === null ? null : ianaZoneOf(said);
}

function readBound(item: Json, name: 'start' | 'end', isAllDay: boolean, zone: string | null): EventTime {
  const bound = item[name];
  const text = isJson(bound) ? textOf(bound['dateTime']) : null;
  if (!isJson(bound) || text === null) throw new UnreadableTime(`no ${name}`);
  const time = readDateTime(text);
  if (!isAllDay)
    return { kind: 'zoned', instant: 'instant' in time ? time.instant : inZone(time.local, bound), zone };
  const [date = '', clock] = ('instant' in time ? time.instant : time.local).split('T');
  // Outlook refuses any other clock; a day is never guessed from one. https://github.com/microsoftgraph/microsoft-graph-docs/issues/1802
  if (!/^00:00:00Z?$/.test(clock ?? '')) throw new UnreadableTime(`an all-day ${name} that is not midnight`);
  return { kind: 'date', date };
}

/** UTC as asked for; should Graph have overlooked that, the zone that it names. */
function inZone(local: string, bound: Json): string {
  const named = textOf(bound['timeZone']) ?? 'UTC';
  if (named === 'UTC') return `${local}Z`;
  const zone = ianaZoneOf(named);
  if (zone === null) throw new UnreadableTime('a time in an unknown zone');
  return instantInZone(local, zone);
}

function instantOf(said: string | null): string {
  if (said === null) throw new UnreadableTime('an exception without its slot');
  const time = readDateTime(said);
  return 'instant' in time ? time.instant : `${time.local}Z`;
}

/** `OID.{series}.{yyyy-MM-dd}`: undocumented, and exact where it is there. */
function dayOfOccurrenceId(item: Json): string | null {
  const [, date] = /^OID\..+\.(\d{4}-\d{2}-\d{2})$/.exec(textOf(item['occurrenceId']) ?? '') ?? [];
  return date === undefined ? null : readDate(date);
}

/** UTC+13 (New Zealand in summer) has more people than UTC-11. */
const NEXT_DAY_FROM_HOUR = 11;

/**
 * The day whose midnight an original start is: of UTC, or of the zone that the series was made in, whose midnight is
 * the day before in the east and some hours late in the west. Where that zone is unknown, or shows another clock, the
 * nearest midnight decides, which is right for offsets from -10:59 to +13:00.
 */
function dayOf(instant: string, zone: string | null): string {
  const [date = '', clock = ''] = instant.split('T');
  if (clock === '00:00:00Z') return date;
  const there = zone === null ? null : dayBeginningAt(new Date(instant), zone);
  if (there !== null) return readDate(there);
  const nearest = new Date(Date.parse(instant) + (24 - NEXT_DAY_FROM_HOUR) * 3_600_000).toISOString();
  return readDate(nearest.slice(0, 10));
}

/** The day that begins at this instant, where clocks jump at midnight an hour late; null when none does. */
function dayBeginningAt(instant: Date, zone: string): string | null {
  const zones = new ZoneTable();
  const date = zones.instantToLocal({ instant, zone }).slice(0, 10);
  return zones.dayStart({ date, zone }).getTime() === instant.getTime() ? date : null;
}
