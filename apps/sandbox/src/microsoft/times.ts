/**
 * `{dateTime, timeZone}` as Graph writes it, and the rules of all-day events.
 * https://learn.microsoft.com/graph/api/resources/datetimetimezone
 */
import { z } from 'zod';
import { DAY_MS, dayOf, isoDay, parseDay } from './days.ts';
import { GraphError, invalidProperty, invalidRequest, zoneNotSupported } from './errors.ts';
import type { GraphZones } from './zones.ts';

export const zonedTimeBody = z.object({ dateTime: z.string(), timeZone: z.string().nullish() });

export type ZonedTimeBody = z.infer<typeof zonedTimeBody>;

export interface Moment {
  ms: number;
  /** IANA. */
  zone: string;
  /** As written. */
  zoneName: string;
}

export interface EventTimes {
  start: Moment;
  end: Moment;
  isAllDay: boolean;
}

/** The zone in which a reader wants its times. */
export interface ShownZone {
  name: string;
  iana: string;
}

/** Exchange's longest event: the span that a calendarView may have. */
const DURATION_MAX_MS = 1825 * DAY_MS;
const TIME = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

/** An offset inside dateTime is not looked at: the zone beside it decides; without one it is UTC. @throws GraphError 400 */
export function readMoment(zones: GraphZones, body: ZonedTimeBody, name: 'Start' | 'End'): Moment {
  const zoneName = body.timeZone || 'UTC';
  const zone = zones.iana(zoneName);
  if (zone === undefined) throw zoneNotSupported();
  const localMs = readLocal(body.dateTime);
  if (localMs === undefined) throw invalidProperty(`Event.${name} has no valid dateTime.`);
  return { ms: zones.toInstant(zone, localMs), zone, zoneName };
}

/** @throws GraphError 400 */
export function checkTimes(zones: GraphZones, { start, end, isAllDay }: EventTimes): void {
  if (isAllDay) {
    // The documented sentence, and its twin.
    const rule = (name: string): string =>
      `The Event.${name} property for an all-day event needs to be set to midnight.`;
    if (!isMidnight(zones, start)) throw invalidRequest(rule('Start'));
    if (!isMidnight(zones, end)) throw invalidRequest(rule('End'));
    if (end.ms <= start.ms) {
      throw invalidRequest('The duration of an event marked as All day must be at least 24 hours.');
    }
  }
  if (end.ms < start.ms) {
    throw new GraphError(
      400,
      'ErrorCalendarEndDateIsEarlierThanStartDate',
      'The end date is earlier than the start date.',
    );
  }
  if (end.ms - start.ms > DURATION_MAX_MS) {
    throw new GraphError(400, 'ErrorCalendarDurationIsTooLong', 'The duration is too long.');
  }
}

/** Midnight, or the first instant of a day that begins later because its clock jumps. */
export function isMidnight(zones: GraphZones, { ms, zone }: Moment): boolean {
  const localMs = zones.toLocal(zone, ms);
  return localMs % DAY_MS === 0 || zones.toInstant(zone, dayOf(localMs) * DAY_MS) === ms;
}

/** All-day times show midnight whatever the reader's zone. https://github.com/microsoftgraph/microsoft-graph-docs/issues/1802 */
export function showMoment(
  zones: GraphZones,
  moment: Pick<Moment, 'ms' | 'zone'>,
  options: { shown: ShownZone; isAllDay: boolean },
): { dateTime: string; timeZone: string } {
  const { shown, isAllDay } = options;
  if (isAllDay) {
    return { dateTime: `${dateOf(zones, moment)}T00:00:00.0000000`, timeZone: shown.name };
  }
  const local = new Date(zones.toLocal(shown.iana, moment.ms)).toISOString();
  return { dateTime: `${local.slice(0, 23)}0000`, timeZone: shown.name };
}

/** The date in the zone it was written in. */
export const dateOf = (zones: GraphZones, { ms, zone }: Pick<Moment, 'ms' | 'zone'>): string =>
  isoDay(dayOf(zones.toLocal(zone, ms)));

/** An ISO instant of a query parameter; without an offset it is UTC. */
export function readInstant(text: string): number | undefined {
  const found = TIME.exec(text);
  if (found === null) return undefined;
  const localMs = readLocal(text);
  if (localMs === undefined) return undefined;
  const [, sign, hours, minutes] = /([+-])(\d{2}):?(\d{2})$/.exec(text.slice(10)) ?? [];
  if (sign === undefined) return localMs;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '+' ? localMs - offset : localMs + offset;
}

/** The wall time as the milliseconds it would be in UTC. */
function readLocal(text: string): number | undefined {
  const [, date = '', hour = '0', minute = '0', second = '0', fraction = ''] = TIME.exec(text) ?? [];
  const day = parseDay(date);
  if (day === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  return day * DAY_MS + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms;
}
