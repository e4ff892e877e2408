import type { Slot } from './times.ts';

/**
 * The form of the tables in `recurrence-*.cases.ts`. What they expect was worked out by hand from calendars, the tz
 * database and the examples of RFC 5545 §3.8.5.3 (1997 and later), never by the code under test.
 */
export interface SeriesCase {
  name: string;
  /** Of timed series. */
  zone?: string | null;
  /** `YYYY-MM-DD` for all-day series, an instant with `Z` for zoned ones, a local time for floating ones. */
  start: string;
  end: string;
  recurrence: string[];
  /** Dates (midnight UTC) or instants. */
  window: [from: string, to: string];
  replaced?: Slot[];
  /** Starts. A bare date stands for the time of day of `start`. */
  expected: string[];
  /** Where the length is the point. */
  ends?: string[];
}
