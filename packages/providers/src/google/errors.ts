/**
 * Google's errors as ours. The reason decides, not the status: rate limits come as 403 or 429, and a 401 can be about
 * the notification address instead of the token. What nobody has seen before counts as temporary, so that an unknown
 * answer never kills a calendar or an account.
 * https://developers.google.com/workspace/calendar/api/guides/errors
 */
import { SyncError, type EventWriter, type ParkScope, type SyncErrorCode } from '@calfleet/domain';
import { networkCause, retryAfterMs } from '../http.ts';

export type GoogleOperation =
  'listCalendars' | 'listChanges' | 'readEvents' | 'watch' | 'stopWatch' | keyof EventWriter;

/** What an error answer says, as far as it says anything. */
interface GoogleFailure {
  /** null: no answer at all. */
  status: number | null;
  reason: string | null;
  message: string | null;
  /** The parameter or header that it is about. */
  location: string | null;
  retryAfter: string | null;
  /** https://docs.cloud.google.com/apis/docs/errors#googlerpcerrorinfo */
  lacksScope: boolean;
  /** Name of the network error behind a missing answer. */
  cause: string | null;
}

/** The sliding window of the per-minute quotas. https://developers.google.com/workspace/calendar/api/guides/quota */
const RATE_WINDOW_MS = 60_000;
/** Usage limits recover in hours at best. https://support.google.com/a/answer/2905486 */
const USAGE_LIMIT_MS = 3_600_000;

const waits: Record<string, number> = {
  rateLimitExceeded: RATE_WINDOW_MS,
  userRateLimitExceeded: RATE_WINDOW_MS,
  subscriptionRateLimitExceeded: RATE_WINDOW_MS,
  quotaExceeded: USAGE_LIMIT_MS,
  dailyLimitExceeded: USAGE_LIMIT_MS,
};

/** Reasons that mean the same on every endpoint. */
const codes: Record<string, SyncErrorCode> = {
  authError: 'credentials_revoked',
  insufficientPermissions: 'permission_denied',
  forbidden: 'permission_denied',
  notACalendarUser: 'permission_denied',
  forbiddenForNonOrganizer: 'permission_denied',
  requiredAccessLevel: 'permission_denied',
  // The Calendar API is switched off in the operator's own Cloud project.
  accessNotConfigured: 'misconfigured',
  pushNotSupportedForRequestedResource: 'push_not_supported',
  'push.webhookUrlUnauthorized': 'misconfigured',
  'push.webhookUrlNotHttps': 'misconfigured',
};

/** Anything that the client threw, as a SyncError. Neither the client's error nor its message is kept: both can hold
 * the request's address, tokens and contents. */
export function toSyncError(thrown: unknown, operation: GoogleOperation, now: Date): SyncError {
  const failure = readFailure(thrown);
  const code = codeOf(failure, operation);
  const wait = waitOf(failure, code, now);
  return new SyncError(code, describe(failure, operation), {
    ...(wait !== undefined && { retryAfterMs: wait }),
    scopeMissing: code === 'permission_denied' && failure.lacksScope,
    context: { operation, status: failure.status, reason: failure.reason, cause: failure.cause },
  });
}

export interface Park {
  ms: number;
  whose: ParkScope;
}

/** How long Google wants to be left alone, and by whom; null: it does not say so. */
export function parkOf(thrown: unknown, operation: GoogleOperation, now: Date): Park | null {
  const { retryAfterMs: ms } = toSyncError(thrown, operation, now);
  return ms === undefined ? null : { ms, whose: scopeOf(readFailure(thrown)) };
}

/**
 * One reason stands for both quotas of a minute, so the limit that the message names decides: "Queries per minute per
 * user" (https://github.com/Atrejoe/Inky-Calendar-Server/issues/104) or "Queries per minute"
 * (https://github.com/calcom/cal.diy/issues/18079). What names no limit is this account's: parking one too few costs a
 * refusal, parking all of them costs everybody a minute.
 */
function scopeOf({ reason, message }: GoogleFailure): ParkScope {
  if (reason === 'dailyLimitExceeded') return 'project';
  const limit = /\bQuota exceeded\b.*\blimit '([^']{1,80})'/i.exec(message ?? '')?.[1] ?? null;
  return limit === null || /\bper user\b/i.test(limit) ? 'account' : 'project';
}

/** True when the access token was refused; a refused notification address also comes as 401. */
export function isTokenRefused(thrown: unknown): boolean {
  const { status, reason } = readFailure(thrown);
  return status === 401 && reason?.startsWith('push.') !== true;
}

function codeOf(failure: GoogleFailure, operation: GoogleOperation): SyncErrorCode {
  const { status, reason } = failure;
  if (status === null) return 'provider_unavailable';
  if (status === 429 || (reason !== null && reason in waits)) return 'rate_limited';
  if (operation === 'listChanges' && isCursorDead(failure)) return 'cursor_expired';
  const known = reason === null ? undefined : codes[reason];
  if (known) return known;
  if (status === 401) return 'credentials_revoked';
  // A 403 that is not Google's JSON comes from something in between and says nothing about this user.
  if (status === 403 && reason !== null) return 'permission_denied';
  if ((status === 404 || status === 410) && operation !== 'listCalendars') return 'remote_missing';
  // The channel id is taken, the expiry is unusable, the event makes no sense: the same request will never be accepted.
  if (status === 400 && (operation === 'watch' || isWrite(operation))) return 'request_rejected';
  if (isWrite(operation) && isConflict(failure, operation)) return 'version_conflict';
  return 'provider_unavailable';
}

/**
 * 410 says it openly. A token that is malformed or of another calendar answers 400 "Invalid sync token value."; the
 * same goes for page tokens. https://developers.google.com/workspace/calendar/api/guides/sync
 */
function isCursorDead({ status, message, location }: GoogleFailure): boolean {
  if (status === 410) return true;
  if (status !== 400) return false;
  return (
    location === 'syncToken' ||
    location === 'pageToken' ||
    /\binvalid (sync|page) ?token/i.test(message ?? '')
  );
}

const isWrite = (operation: GoogleOperation): operation is keyof EventWriter =>
  operation === 'createEvent' || operation === 'updateEvent' || operation === 'deleteEvent';

/** A creation names no version, so a 412 to it comes of nothing and goes away by itself. */
const isConflict = ({ status }: GoogleFailure, operation: keyof EventWriter): boolean =>
  status === 409 || (status === 412 && operation !== 'createEvent');

function waitOf(failure: GoogleFailure, code: SyncErrorCode, now: Date): number | undefined {
  const told = retryAfterMs(failure.retryAfter, now);
  if (code === 'rate_limited') return told ?? waits[failure.reason ?? ''] ?? RATE_WINDOW_MS;
  return code === 'provider_unavailable' ? told : undefined;
}

function describe({ status, reason, cause }: GoogleFailure, operation: GoogleOperation): string {
  if (status === null) return `Google did not answer ${operation} (${cause ?? 'unknown'})`;
  return `Google answered ${operation} with ${status}${reason === null ? '' : ` ${reason}`}`;
}

/** Errors are read by shape, since the client's error class exists several times in one tree of modules. */
function readFailure(thrown: unknown): GoogleFailure {
  const response = field(thrown, 'response');
  const status = field(response, 'status');
  if (typeof status !== 'number') {
    const none = { status: null, reason: null, message: null, location: null, retryAfter: null };
    return { ...none, lacksScope: false, cause: networkCause(thrown) };
  }
  const error = field(field(response, 'data'), 'error');
  const details = field(error, 'errors');
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const reason = text(field(first, 'reason'));
  const infos = field(error, 'details');
  return {
    status,
    reason,
    message: text(field(first, 'message')) ?? text(field(error, 'message')),
    location: text(field(first, 'location')),
    retryAfter: header(field(response, 'headers'), 'retry-after'),
    lacksScope:
      reason === 'insufficientPermissions' ||
      (Array.isArray(infos) &&
        infos.some((info) => field(info, 'reason') === 'ACCESS_TOKEN_SCOPE_INSUFFICIENT')),
    cause: null,
  };
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const header = (headers: unknown, name: string): string | null => {
  const get = field(headers, 'get');
  return typeof get === 'function' ? text((headers as Headers).get(name)) : text(field(headers, name));
};
