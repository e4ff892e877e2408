/**
 * Google Calendar's notification is its headers; the body is empty. https://developers.google.com/workspace/calendar/api/guides/push
 * Not Drive's: its states (`add`, `update`, `trash`, …) mean that somebody mixed the two up, and are refused.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface GoogleNotification {
  /** The channel id, which is the watch's own. */
  watchId: string;
  /** Unchecked; undefined when none was sent. */
  token: string | undefined;
  event: 'change' | 'sync' | 'not_exists';
  resourceId: string;
  /** ISO instant; null when the channel has no expiry. */
  expiresAt: string | null;
}

/** `path` is the header's name. */
export interface HeaderProblem {
  path: string;
  message: string;
}

export function readGoogleHeaders(
  headers: IncomingHttpHeaders,
): { notification: GoogleNotification } | { problems: HeaderProblem[] } {
  const problems: HeaderProblem[] = [];
  const read = (name: string, accepts: (value: string) => boolean, message: string): string => {
    const value = headers[name.toLowerCase()];
    if (typeof value === 'string' && accepts(value)) return value;
    problems.push({ path: name, message: value === undefined ? 'is missing' : message });
    return '';
  };
  const watchId = read('X-Goog-Channel-ID', (value) => uuid.test(value), 'is not a uuid');
  const state = read(
    'X-Goog-Resource-State',
    (value) => states.has(value),
    'is not sync, exists or not_exists',
  );
  const resourceId = read('X-Goog-Resource-ID', (value) => opaque.test(value), 'is not an id');
  // Increasing but not consecutive, and in any order: checked for shape, then ignored.
  read('X-Goog-Message-Number', (value) => messageNumber.test(value), 'is not a whole number');
  const expiration = headers['x-goog-channel-expiration'];
  const expiresAt = typeof expiration === 'string' ? readHttpDate(expiration) : null;
  if (expiration !== undefined && expiresAt === null) {
    problems.push({ path: 'X-Goog-Channel-Expiration', message: 'is not an RFC 1123 date' });
  }
  const event = states.get(state);
  if (problems.length > 0 || event === undefined) return { problems };
  const token = headers['x-goog-channel-token'];
  return {
    notification: {
      watchId,
      token: typeof token === 'string' ? token : undefined,
      event,
      resourceId,
      expiresAt,
    },
  };
}

const states = new Map<string, GoogleNotification['event']>([
  ['exists', 'change'],
  ['sync', 'sync'],
  ['not_exists', 'not_exists'],
]);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const opaque = /^[\x21-\x7e]{1,512}$/;
const messageNumber = /^\d{1,20}$/;
const httpDate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{1,2}) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** RFC 1123, such as `Tue, 19 Nov 2013 01:13:52 GMT`; not milliseconds, as in the answer of `watch`. */
function readHttpDate(text: string): string | null {
  const [, day] = httpDate.exec(text) ?? [];
  const instant = Date.parse(text);
  if (day === undefined || Number.isNaN(instant)) return null;
  const date = new Date(instant);
  // JavaScript rolls 31 Feb over into March; Google did not mean March.
  return date.getUTCDate() === Number(day) ? date.toISOString() : null;
}
