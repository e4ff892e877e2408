/**
 * Time zones by the platform's own tables (Intl). Offsets are remembered per zone and UTC day, which makes a
 * calendar of 100,000 events cheap; days on which an offset changes are asked each time.
 */
const DAY_MS = 86_400_000;

export class Zones {
  private readonly formats = new Map<string, Intl.DateTimeFormat | null>();
  private readonly days = new Map<string, number>();

  isKnown(zone: string): boolean {
    return this.format(zone) !== null;
  }

  /** Local time minus UTC, milliseconds. Unknown zones count as UTC. */
  offsetAt(zone: string, instantMs: number): number {
    if (zone === 'UTC') return 0;
    const day = Math.floor(instantMs / DAY_MS);
    const key = `${zone} ${day}`;
    const known = this.days.get(key);
    if (known !== undefined) return known;
    const atStart = this.measure(zone, day * DAY_MS);
    if (atStart !== this.measure(zone, (day + 1) * DAY_MS)) return this.measure(zone, instantMs);
    this.days.set(key, atStart);
    return atStart;
  }

  /**
   * The instant of a local time, given as the milliseconds it would be in UTC. A time that happens twice is the
   * first one; a time that never happens is read with the offset before the gap (RFC 5545, 3.3.5).
   */
  toInstant(zone: string, localMs: number): number {
    const before = this.offsetAt(zone, localMs - DAY_MS);
    const after = this.offsetAt(zone, localMs + DAY_MS);
    if (before === after) return localMs - before;
    const early = localMs - Math.max(before, after);
    if (this.offsetAt(zone, early) === Math.max(before, after)) return early;
    const late = localMs - Math.min(before, after);
    return this.offsetAt(zone, late) === Math.min(before, after) ? late : localMs - before;
  }

  toLocal(zone: string, instantMs: number): number {
    return instantMs + this.offsetAt(zone, instantMs);
  }

  /** RFC 3339 with the zone's offset, without milliseconds, as Google writes it. */
  rfc3339(zone: string, instantMs: number): string {
    const offset = Math.round(this.offsetAt(zone, instantMs) / 60_000);
    const local = new Date(instantMs + offset * 60_000).toISOString().slice(0, 19);
    if (offset === 0) return `${local}Z`;
    const size = Math.abs(offset);
    const hours = String(Math.floor(size / 60)).padStart(2, '0');
    return `${local}${offset < 0 ? '-' : '+'}${hours}:${String(size % 60).padStart(2, '0')}`;
  }

  private measure(zone: string, instantMs: number): number {
    const format = this.format(zone);
    if (format === null) return 0;
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instantMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000;
  }

  private format(zone: string): Intl.DateTimeFormat | null {
    const known = this.formats.get(zone);
    if (known !== undefined) return known;
    const format = buildFormat(zone);
    this.formats.set(zone, format);
    return format;
  }
}

function buildFormat(zone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return null;
  }
}
