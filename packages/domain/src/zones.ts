import { SyncError } from './errors.ts';
import { DAY_MS, SECOND_MS, parseWall, wallText, type Wall } from './zones-wall.ts';

/**
 * Instants and wall-clock times of IANA zones, from the zone data that Node carries. The zone of the host plays no
 * part. Intl answers in microseconds, so offsets are kept as ranges in a {@link ZoneTable} that the caller owns.
 */

/** Whether this is an IANA zone that Node's data knows. Windows names and bare offsets (`+02:00`) are not. */
export const isKnownZone = (name: string): boolean => wallClockOf(name) !== null;

export interface ZoneTableLimits {
  /** Zones kept; a formatter of Intl holds tens of kilobytes outside the heap. */
  zones: number;
  /** Spans of about 13 months kept over all zones; each holds one to five ranges. */
  spans: number;
}

/** The offset of a zone at the instants [from, to). */
interface OffsetRange {
  from: number;
  to: number;
  offset: number;
}

/** 2^35 ms, about 398 days: a window of 13 months touches two or three. */
const SPAN_MS = 2 ** 35;

/**
 * Two changes nearer than this which cancel each other out would be missed. The shortest stays in the tz database
 * last about four weeks (Morocco and Egypt in Ramadan).
 */
const PROBE_MS = 8 * DAY_MS;

const YEAR_1_MS = -62_135_596_800_000;
const YEAR_9999_MS = 253_402_300_799_000;

/** Offsets of the zones that were asked for. Emptied when full, so it may live as long as its process. */
export class ZoneTable {
  readonly #limits: ZoneTableLimits;
  readonly #clocks = new Map<string, Intl.DateTimeFormat | null>();
  readonly #spans = new Map<string, Map<number, OffsetRange[]>>();
  #spanCount = 0;
  /** Neighbours in time are asked for one after the other: this answers nine of ten questions. */
  #latest: { zone: string; range: OffsetRange } | null = null;

  constructor(limits: ZoneTableLimits = { zones: 256, spans: 4_096 }) {
    this.#limits = limits;
  }

  /** {@link isKnownZone}, remembered. */
  isKnown(zone: string): boolean {
    return zone === 'UTC' || this.#clock(zone) !== null;
  }

  /** Milliseconds to add to an instant to get the wall-clock time. Throws `invalid_input` for an unknown zone. */
  offsetAt(zone: string, instant: number): number {
    return zone === 'UTC' ? 0 : this.#rangeAt(zone, instant).offset;
  }

  /**
   * The instant of a wall-clock time (`YYYY-MM-DDTHH:MM:SS`). A time that the zone skips is read with the offset
   * before the gap (02:30 → 03:30), one that it has twice is the first (RFC 5545 §3.3.5). Throws `invalid_input`.
   */
  localToInstant(at: { local: string; zone: string }): Date {
    return new Date(this.wallToInstant(at.zone, readWall(at.local)));
  }

  /** The wall-clock time of an instant, `YYYY-MM-DDTHH:MM:SS`. Throws `invalid_input` for an unknown zone. */
  instantToLocal(at: { instant: Date; zone: string }): string {
    return wallText(at.instant.getTime() + this.offsetAt(at.zone, at.instant.getTime()));
  }

  /**
   * The first instant of a calendar day (`YYYY-MM-DD`): midnight, or the end of the gap where the clocks skip
   * midnight. A day that the zone skipped altogether starts where the next one does. Throws `invalid_input`.
   */
  dayStart(at: { date: string; zone: string }): Date {
    return new Date(this.firstShowing(at.zone, readWall(at.date)));
  }

  /**
   * The first instant at which the zone's clocks show this wall time or a later one: of two passes the first, and the
   * end of the gap where the clocks skip it. Throws `invalid_input` for an unknown zone.
   */
  firstShowing(zone: string, wall: Wall): number {
    const instant = this.wallToInstant(zone, wall);
    const skipped = instant + this.offsetAt(zone, instant) !== wall;
    const clock = skipped ? this.#clock(zone) : null;
    // In a gap the change lies at most a day back, since no zone ever skipped more than one.
    return clock ? firstChange(clock, instant - DAY_MS, instant) : instant;
  }

  /** {@link localToInstant} in numbers. */
  wallToInstant(zone: string, wall: Wall): number {
    if (zone === 'UTC') return wall;
    // No offset exceeds a day, so these two instants lie on either side of the wall time.
    const { offset: before, to } = this.#rangeAt(zone, wall - DAY_MS);
    const first = wall - before;
    if (wall + DAY_MS < to) return first;
    const after = this.offsetAt(zone, wall + DAY_MS);
    if (before === after || this.offsetAt(zone, first) === before) return first;
    const second = wall - after;
    return this.offsetAt(zone, second) === after ? second : first;
  }

  #rangeAt(zone: string, instant: number): OffsetRange {
    const latest = this.#latest;
    if (latest?.zone === zone && latest.range.from <= instant && instant < latest.range.to)
      return latest.range;
    const bounded = Math.min(Math.max(instant, YEAR_1_MS), YEAR_9999_MS);
    const range = this.#span(zone, Math.floor(bounded / SPAN_MS)).find(({ to }) => bounded < to);
    if (!range) throw new SyncError('bug', 'a span of a zone without an offset');
    this.#latest = { zone, range };
    return range;
  }

  #span(zone: string, number: number): OffsetRange[] {
    const known = this.#spans.get(zone)?.get(number);
    if (known) return known;
    const clock = this.#clock(zone);
    if (!clock) throw new SyncError('invalid_input', 'unknown time zone');
    if (this.#spanCount >= this.#limits.spans) this.#forgetSpans();
    const ranges = offsetRanges(clock, number * SPAN_MS, (number + 1) * SPAN_MS);
    const spans = this.#spans.get(zone) ?? new Map<number, OffsetRange[]>();
    this.#spans.set(zone, spans.set(number, ranges));
    this.#spanCount += 1;
    return ranges;
  }

  #clock(zone: string): Intl.DateTimeFormat | null {
    const known = this.#clocks.get(zone);
    if (known !== undefined) return known;
    if (this.#clocks.size >= this.#limits.zones) this.#clocks.clear();
    const clock = wallClockOf(zone);
    this.#clocks.set(zone, clock);
    return clock;
  }

  #forgetSpans(): void {
    this.#spans.clear();
    this.#spanCount = 0;
  }
}

/** The ranges of [from, to), found by probing and halving down to the second. */
function offsetRanges(clock: Intl.DateTimeFormat, from: number, to: number): OffsetRange[] {
  const ranges: OffsetRange[] = [];
  let current = { from, to, offset: offsetOf(clock, from) };
  for (let probe = from; probe < to; probe += PROBE_MS) {
    const next = Math.min(probe + PROBE_MS, to);
    const offset = offsetOf(clock, next);
    if (offset === current.offset) continue;
    const change = firstChange(clock, probe, next);
    ranges.push({ ...current, to: change });
    current = { from: change, to, offset };
  }
  return [...ranges, current];
}

function firstChange(clock: Intl.DateTimeFormat, low: number, high: number): number {
  const offset = offsetOf(clock, low);
  let same = Math.floor(low / SECOND_MS);
  let other = Math.ceil(high / SECOND_MS);
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (offsetOf(clock, middle * SECOND_MS) === offset) same = middle;
    else other = middle;
  }
  return other * SECOND_MS;
}

function offsetOf(clock: Intl.DateTimeFormat, instant: number): number {
  const second = Math.floor(instant / SECOND_MS) * SECOND_MS;
  const shown = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/.exec(clock.format(second));
  if (!shown) throw new SyncError('bug', 'Intl writes times in a form that was not asked for');
  const [month = 1, day = 1, year = 1, hour = 0, minute = 0, seconds = 0] = shown.slice(1).map(Number);
  // setUTCFullYear takes the years 1 to 99 as they are; Date.UTC would put them into the twentieth century.
  return new Date(Date.UTC(2000, 0, 1, hour, minute, seconds)).setUTCFullYear(year, month - 1, day) - second;
}

function wallClockOf(zone: string): Intl.DateTimeFormat | null {
  // Newer engines accept offsets (`+02:00`) as zones; those have no rules and are no names of places.
  if (!/^[A-Za-z]/.test(zone)) return null;
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}

function readWall(text: string): Wall {
  const wall = parseWall(text);
  if (wall === null) throw new SyncError('invalid_input', 'unreadable local time');
  return wall;
}
