/**
 * `recurrence` as Graph has it: read, checked, and written back with zeros where a type does not use a field.
 * https://learn.microsoft.com/graph/api/resources/recurrencerange
 */
import { z } from 'zod';
import { isoDay, LAST_DAY, parseDay } from './days.ts';
import { GraphError, invalidProperty, zoneNotSupported } from './errors.ts';
import { daysOf, patternTypes, weekIndexes, type Pattern } from './pattern.ts';
import type { GraphZones } from './zones.ts';

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

const lower = <T extends readonly [string, ...string[]]>(values: T) =>
  z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    return values.find((known) => known.toLowerCase() === value.toLowerCase()) ?? value;
  }, z.enum(values));

export const recurrenceBody = z.object({
  pattern: z.object({
    type: lower(patternTypes),
    interval: z.number().int(),
    month: z.number().int().min(0).max(12).default(0),
    dayOfMonth: z.number().int().min(0).max(31).default(0),
    daysOfWeek: z.array(lower(weekdays)).default([]),
    firstDayOfWeek: lower(weekdays).default('sunday'),
    index: lower(weekIndexes).default('first'),
  }),
  range: z.object({
    type: lower(['endDate', 'noEnd', 'numbered'] as const),
    startDate: z.string(),
    endDate: z.string().nullish(),
    recurrenceTimeZone: z.string().nullish(),
    numberOfOccurrences: z.number().int().nullish(),
  }),
});

export type RecurrenceBody = z.infer<typeof recurrenceBody>;

export interface Recurrence {
  pattern: Pattern;
  rangeType: RecurrenceBody['range']['type'];
  /** The first occurrence's day. */
  startDay: number;
  count: number;
  /** The last day that may have an occurrence; Infinity without an end. */
  lastDay: number;
  /** IANA. */
  zone: string;
  /** As written. */
  zoneName: string;
}

/** Exchange's limits. */
const OCCURRENCES_MAX = 999;
const intervalMax = (type: Pattern['type']): number => (type === 'daily' ? 999 : 99);

/** @param fallbackZone what an empty recurrenceTimeZone means. @throws GraphError 400 */
export function readRecurrence(zones: GraphZones, body: RecurrenceBody, fallbackZone: string): Recurrence {
  const pattern = readPattern(body.pattern);
  const zoneName = body.range.recurrenceTimeZone || fallbackZone;
  const zone = zones.iana(zoneName);
  if (zone === undefined) throw zoneNotSupported();
  const startDay = parseDay(body.range.startDate);
  if (startDay === undefined) throw invalidProperty('The recurrence range needs a startDate.');
  const { type } = body.range;
  const count = type === 'numbered' ? (body.range.numberOfOccurrences ?? 0) : 0;
  if (type === 'numbered' && (count < 1 || count > OCCURRENCES_MAX)) {
    throw invalidProperty(`numberOfOccurrences has to be 1 to ${OCCURRENCES_MAX}.`);
  }
  const endDay = type === 'endDate' ? parseDay(body.range.endDate ?? '') : LAST_DAY;
  if (endDay === undefined) throw invalidProperty('The recurrence range needs an endDate.');
  return restarted({ pattern, rangeType: type, startDay, count, lastDay: endDay, zone, zoneName }, startDay);
}

/** The same recurrence from another day on; it begins with the first day of its pattern. @throws GraphError 400 */
export function restarted(recurrence: Recurrence, anchor: number): Recurrence {
  const { pattern, rangeType, count } = recurrence;
  const to = rangeType === 'endDate' ? recurrence.lastDay : LAST_DAY;
  const first = daysOf(pattern, { anchor, from: anchor, to }).next();
  if (first.done === true) {
    throw new GraphError(400, 'ErrorRecurrenceHasNoOccurrence', 'The recurrence has no occurrence.');
  }
  const startDay = first.value;
  const lastDay =
    rangeType === 'numbered' ? nthDay(pattern, startDay, count) : rangeType === 'noEnd' ? Infinity : to;
  return { ...recurrence, startDay, lastDay };
}

export function showRecurrence({ pattern, ...range }: Recurrence): Record<string, unknown> {
  return {
    pattern: {
      type: pattern.type,
      interval: pattern.interval,
      month: pattern.month,
      dayOfMonth: pattern.dayOfMonth,
      ...(pattern.daysOfWeek.length === 0
        ? {}
        : { daysOfWeek: pattern.daysOfWeek.map((weekday) => weekdays[weekday]) }),
      firstDayOfWeek: weekdays[pattern.firstDayOfWeek],
      index: pattern.index,
    },
    range: {
      type: range.rangeType,
      startDate: isoDay(range.startDay),
      endDate: range.rangeType === 'endDate' ? isoDay(range.lastDay) : '0001-01-01',
      recurrenceTimeZone: range.zoneName,
      numberOfOccurrences: range.count,
    },
  };
}

/** The days on which the series takes place, cancelled ones included, both ends included. */
export function slotDays(recurrence: Recurrence, from: number, to: number): Generator<number> {
  const { pattern, startDay, lastDay } = recurrence;
  return daysOf(pattern, { anchor: startDay, from, to: Math.min(to, lastDay) });
}

function nthDay(pattern: Pattern, anchor: number, count: number): number {
  let last = anchor;
  let found = 0;
  for (const day of daysOf(pattern, { anchor, from: anchor, to: LAST_DAY })) {
    last = day;
    found += 1;
    if (found === count) break;
  }
  return last;
}

function readPattern(body: RecurrenceBody['pattern']): Pattern {
  const { type, interval } = body;
  if (interval < 1 || interval > intervalMax(type)) {
    throw invalidProperty(`The pattern's interval has to be 1 to ${intervalMax(type)}.`);
  }
  const [isWeekly, isRelative, isAbsolute, isYearly] = [
    type === 'weekly',
    type.startsWith('relative'),
    type.startsWith('absolute'),
    type.endsWith('Yearly'),
  ];
  const days = body.daysOfWeek.map((day) => weekdays.indexOf(day)).sort((a, b) => a - b);
  if ((isWeekly || isRelative) && days.length === 0) throw invalidProperty('The pattern needs daysOfWeek.');
  if (isAbsolute && body.dayOfMonth === 0) throw invalidProperty('The pattern needs dayOfMonth.');
  if (isYearly && body.month === 0) throw invalidProperty('The pattern needs month.');
  return {
    type,
    interval,
    month: isYearly ? body.month : 0,
    dayOfMonth: isAbsolute ? body.dayOfMonth : 0,
    daysOfWeek: isWeekly || isRelative ? [...new Set(days)] : [],
    firstDayOfWeek: weekdays.indexOf(isWeekly ? body.firstDayOfWeek : 'sunday'),
    index: isRelative ? body.index : 'first',
  };
}
