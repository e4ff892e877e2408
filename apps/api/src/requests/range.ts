/** The range that a question is about, and whether the mirror can answer it. */
import { z } from 'zod';
import type { api } from '@calfleet/db';
import type { ZoneTable } from '@calfleet/domain';
import { invalid, RequestProblem } from '../problems.ts';

/** A bound as it is asked for: `From`, or `To`. */
export const boundText = (what: 'From' | 'To') =>
  z
    .string({ error: 'is missing' })
    .max(64)
    .describe(
      `${what}${what === 'To' ? ', exclusive' : ''}: an instant with offset (RFC 3339), or a local time or a date beside \`time_zone\`. Years 2 to 9998.`,
    )
    .meta({
      examples:
        what === 'From' ? ['2026-11-23T00:00:00Z', '2026-11-23'] : ['2026-11-30T00:00:00Z', '2026-11-30'],
    });

export interface AskedRange {
  start: Date | null;
  end: Date | null;
}

/** Instants with offset; local times and dates only beside a `time_zone`. */
export function readRange(
  query: { start?: string | undefined; end?: string | undefined },
  zone: string | null,
  zones: ZoneTable,
): AskedRange {
  const start = query.start === undefined ? null : readInstant('start', query.start, zone, zones);
  const end = query.end === undefined ? null : readInstant('end', query.end, zone, zones);
  if (start && end && start >= end) throw invalid('end', 'must be after start');
  return { start, end };
}

const zoned = z.iso.datetime({ offset: true });
const local = z.iso.datetime({ local: true });
const date = z.iso.date();

function readInstant(path: string, given: string, zone: string | null, zones: ZoneTable): Date {
  // A "+" that was not encoded arrives as a space.
  const text = given.replace(/ (\d{2}:\d{2})$/, '+$1').toUpperCase();
  const instant = zoned.safeParse(text).success ? new Date(text) : readLocal(path, text, zone, zones);
  // Postgres reads years 1 to 9999 as ISO writes them; the margins of the queries stay inside, too.
  const year = instant.getUTCFullYear();
  if (!(year >= 2 && year <= 9998)) throw invalid(path, 'is not an instant between the years 2 and 9998');
  return instant;
}

function readLocal(path: string, text: string, zone: string | null, zones: ZoneTable): Date {
  const isDate = date.safeParse(text).success;
  if (!isDate && !local.safeParse(text).success) throw invalid(path, 'is not an RFC 3339 instant');
  if (zone === null) throw invalid(path, 'needs an offset, or a time_zone beside it');
  const year = Number(text.slice(0, 4));
  if (year < 2 || year > 9998) throw invalid(path, 'is not an instant between the years 2 and 9998');
  if (isDate) return zones.dayStart({ date: text, zone });
  return zones.localToInstant({ local: /:\d\d:\d\d/.test(text) ? text.slice(0, 19) : `${text}:00`, zone });
}

/** What every asked calendar keeps ready: the intersection of their windows; null before the first round. */
function windowOf(calendars: readonly api.CalendarRow[]): { start: Date; end: Date } | null {
  const starts = calendars.flatMap(({ window_start }) => window_start?.getTime() ?? []);
  const ends = calendars.flatMap(({ window_end }) => window_end?.getTime() ?? []);
  if (starts.length === 0 || ends.length === 0) return null;
  return { start: new Date(Math.max(...starts)), end: new Date(Math.min(...ends)) };
}

/**
 * The asked range, open sides filled with the window's. A range that reaches outside is refused: a list that looks
 * complete and is not would be worse. Calendars that were never pulled limit nothing; their coverage is `none`.
 * @throws RequestProblem `outside_window`
 */
export function rangeInside(
  asked: AskedRange,
  calendars: readonly api.CalendarRow[],
): { from: string; to: string } {
  const window = windowOf(calendars);
  if (!window) {
    return {
      from: (asked.start ?? new Date('1970-01-01T00:00:00Z')).toISOString(),
      to: (asked.end ?? new Date('9998-01-01T00:00:00Z')).toISOString(),
    };
  }
  const bounds = { start: window.start.toISOString(), end: window.end.toISOString() };
  const start = asked.start ?? window.start;
  const end = asked.end ?? window.end;
  const errors = [
    ...(start < window.start || start >= window.end
      ? [{ path: 'start', message: `must lie in ${bounds.start} to ${bounds.end}` }]
      : []),
    ...(end > window.end || end <= window.start
      ? [{ path: 'end', message: `must lie in ${bounds.start} to ${bounds.end}` }]
      : []),
  ];
  if (errors.length > 0) {
    const detail = `Events are kept ready from ${bounds.start} to ${bounds.end}`;
    throw new RequestProblem('outside_window', detail, { errors, members: { window: bounds } });
  }
  return { from: start.toISOString(), to: end.toISOString() };
}
