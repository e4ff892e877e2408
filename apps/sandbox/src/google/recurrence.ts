/**
 * Slots of a series: which occurrences its rule names, and under which instance id. Local times are expanded
 * without a zone and then placed in the series' zone, so that a 9 o'clock stays one across a clock change.
 */
import type { Zones } from '../zones.ts';
import { invalid } from './errors.ts';
import type { EventResource, EventTime } from './resource.ts';
import { expandRule, parseRule, type Rule } from './rule.ts';
import { timeMs } from './times.ts';

export interface Slot {
  /** The part of the instance id behind the underscore: YYYYMMDDTHHMMSSZ, or YYYYMMDD of all-day series. */
  key: string;
  start: EventTime;
  end: EventTime;
  startMs: number;
  endMs: number;
}

/** The slots in order, lazily. Slots that only RDATE names come after those of the rule. */
export function* slotsOf(zones: Zones, series: EventResource): Generator<Slot> {
  const shape = shapeOf(zones, series);
  const { rule, extra, excluded } = readLines(shape, series.recurrence ?? []);
  const seen = new Set<string>();
  for (const localMs of expand(shape, rule)) {
    const slot = slotAt(shape, localMs);
    if (seen.has(slot.key)) continue;
    seen.add(slot.key);
    if (!excluded.has(slot.key)) yield slot;
  }
  for (const localMs of extra) {
    const slot = slotAt(shape, localMs);
    if (!seen.has(slot.key) && !excluded.has(slot.key)) yield slot;
    seen.add(slot.key);
  }
}

/** The slot of an instance key, if the series has it. */
export function findSlot(zones: Zones, series: EventResource, key: string): Slot | undefined {
  const wanted = keyMs(key);
  if (wanted === null) return undefined;
  const hasExtra = (series.recurrence ?? []).some((line) => line.toUpperCase().startsWith('RDATE'));
  for (const slot of slotsOf(zones, series)) {
    if (slot.key === key) return slot;
    if (!hasExtra && slot.startMs > wanted) return undefined;
  }
  return undefined;
}

/** @throws GoogleError 400 for lines that are no recurrence lines, or rules the sandbox does not know. */
export function checkRecurrence(zones: Zones, series: EventResource): void {
  const shape = shapeOf(zones, series);
  readLines(shape, series.recurrence ?? []);
}

interface Shape {
  zones: Zones;
  zone: string;
  isAllDay: boolean;
  startMs: number;
  startLocalMs: number;
  durationMs: number;
}

function shapeOf(zones: Zones, series: EventResource): Shape {
  const isAllDay = typeof series.start?.date === 'string';
  const zone = isAllDay ? 'UTC' : (series.start?.timeZone ?? 'UTC');
  const startMs = timeMs(series.start);
  return {
    zones,
    zone,
    isAllDay,
    startMs,
    startLocalMs: zones.toLocal(zone, startMs),
    durationMs: timeMs(series.end) - startMs,
  };
}

function slotAt(shape: Shape, localMs: number): Slot {
  const { zones, zone, isAllDay, durationMs } = shape;
  // The start is an instant already: in an hour that comes twice, its wall time alone would mean the first.
  const isStart = localMs === shape.startLocalMs;
  const startMs = isAllDay ? localMs : isStart ? shape.startMs : zones.toInstant(zone, localMs);
  const endMs = startMs + durationMs;
  const compact = new Date(startMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  if (!isAllDay) {
    const at = (ms: number): EventTime => ({ dateTime: zones.rfc3339(zone, ms), timeZone: zone });
    return { key: compact, start: at(startMs), end: at(endMs), startMs, endMs };
  }
  const on = (ms: number): EventTime => ({ date: new Date(ms).toISOString().slice(0, 10) });
  return { key: compact.slice(0, 8), start: on(startMs), end: on(endMs), startMs, endMs };
}

function* expand(shape: Shape, rule: Rule | null): Generator<number> {
  if (rule === null) yield shape.startLocalMs;
  else yield* expandRule(rule, shape.startLocalMs, untilOf(shape, rule));
}

/** UNTIL is an instant and the expansion is local, so the bound moves into the zone; a date includes its day. */
function untilOf(shape: Shape, { until }: Rule): number {
  if (until === null) return Infinity;
  const ms = keyMs(until) ?? 0;
  if (until.length === 8) return ms + 86_399_000;
  return until.endsWith('Z') && !shape.isAllDay ? shape.zones.toLocal(shape.zone, ms) : ms;
}

interface Lines {
  rule: Rule | null;
  extra: number[];
  excluded: Set<string>;
}

function readLines(shape: Shape, lines: readonly string[]): Lines {
  const read: Lines = { rule: null, extra: [], excluded: new Set() };
  for (const line of lines) {
    const [, name = '', parameters = '', value = ''] = /^([A-Z]+)((?:;[^:]*)?):(.+)$/i.exec(line) ?? [];
    switch (name.toUpperCase()) {
      case 'RRULE':
        read.rule = parseRule(value) ?? null;
        if (read.rule === null) throw invalid('Invalid recurrence rule.');
        break;
      case 'RDATE':
        read.extra.push(...readDates(shape, parameters, value));
        break;
      case 'EXDATE':
        for (const localMs of readDates(shape, parameters, value)) {
          read.excluded.add(slotAt(shape, localMs).key);
        }
        break;
      default:
        throw invalid('Invalid recurrence rule.');
    }
  }
  return read;
}

function readDates(shape: Shape, parameters: string, value: string): number[] {
  const zone = /TZID=([^;:]+)/i.exec(parameters)?.[1] ?? shape.zone;
  return value.split(',').map((text) => {
    const ms = keyMs(text);
    if (ms === null) throw invalid('Invalid recurrence rule.');
    if (text.length === 8 || shape.isAllDay) return ms;
    if (text.endsWith('Z')) return shape.zones.toLocal(shape.zone, ms);
    return shape.zones.toLocal(shape.zone, shape.zones.toInstant(zone, ms));
  });
}

/** Milliseconds of a compact date or date-time, read as UTC. */
function keyMs(key: string): number | null {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})Z?)?$/.exec(key);
  if (match === null) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => (part === undefined ? 0 : Number(part)));
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  return Number.isNaN(ms) ? null : ms;
}
