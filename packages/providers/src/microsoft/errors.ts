/**
 * Graph's errors as ours. The code decides, the outer one or one nested in `innerError`, in any case of letters;
 * messages are read only where Graph hides the true status in them. What nobody has seen before counts as temporary,
 * so that an unknown answer never kills a calendar or an account. https://learn.microsoft.com/graph/errors
 */
import { SyncError, type SyncErrorCode } from '@calfleet/domain';
import { retryAfterMs } from '../http.ts';
import { isJson, textOf, type Json } from '../json.ts';

export type GraphOperation =
  | 'listCalendars'
  | 'listChanges'
  | 'readEvents'
  | 'createEvent'
  | 'updateEvent'
  | 'deleteEvent'
  | 'watch'
  | 'renewWatch'
  | 'stopWatch';

/** An answer of Graph, or of one part of a batch. */
export interface GraphAnswer {
  status: number;
  /** Undefined: no JSON. */
  body: unknown;
  header: (name: string) => string | null;
}

/** What an error answer says, as far as it says anything. */
interface GraphFailure {
  status: number;
  /** The outer code first, as Graph wrote it; null: not Graph's envelope. */
  reason: string | null;
  /** All codes in small letters. */
  codes: string[];
  /** `Status Code:` of what an `ExtensionError` wraps, in small letters. */
  innerStatus: string | null;
  /** It is about the address that notifications should go to. */
  isAboutAddress: boolean;
  retryAfter: string | null;
  requestId: string | null;
}

/** Graph states a Retry-After with its 429s; this is for answers without. https://learn.microsoft.com/graph/throttling */
const RETRY_AFTER_DEFAULT_MS = 10_000;

const throttled = ['applicationthrottled', 'activitylimitreached', 'mailboxconcurrency', 'toomanyrequests'];

/** https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset */
const cursorDead = ['syncstatenotfound', 'invaliddeltatoken', 'resyncrequired'];

/** What Graph says of a mailbox's own list when the token lacks a scope; of one calendar the first one may mean its owner. */
const scopeMissing = ['erroraccessdenied', 'authorization_requestdenied'];

/** Codes that mean the same on every endpoint. */
const codes: Record<string, SyncErrorCode> = {
  // No mailbox in the cloud: on the customer's own servers, or without a licence. A person has to act.
  mailboxnotenabledforrestapi: 'permission_denied',
  erroritemnotfound: 'remote_missing',
  resourcenotfound: 'remote_missing',
  // An id that Graph cannot read names nothing.
  errorinvalididmalformed: 'remote_missing',
};

/** An answer that is no success, as a SyncError. No message of Graph is kept: it may name people and things. */
export function toSyncError(answer: GraphAnswer, operation: GraphOperation, now: Date): SyncError {
  const failure = readFailure(answer);
  const code = codeOf(failure, operation);
  const wait = waitOf(failure, code, now);
  const { status, reason, innerStatus, requestId } = failure;
  return new SyncError(
    code,
    `Graph answered ${operation} with ${status}${reason === null ? '' : ` ${reason}`}`,
    {
      ...(wait !== undefined && { retryAfterMs: wait }),
      scopeMissing:
        code === 'permission_denied' &&
        operation === 'listCalendars' &&
        failure.codes.some((said) => scopeMissing.includes(said)),
      context: { operation, status, reason, innerStatus, requestId },
    },
  );
}

/** True when the access token was refused; a subscription's creation hides that in its message. */
export function isTokenRefused(answer: GraphAnswer): boolean {
  return (
    answer.status === 401 || (answer.status >= 400 && readFailure(answer).innerStatus === 'unauthorized')
  );
}

/** What would be refused by Graph, and is not sent. @param why for the person who wrote it */
export const rejected = (why: string): SyncError => new SyncError('request_rejected', why);

/**
 * The answer to a creation whose transactionId was used before, as 400 or 409; null for any other answer. Some of these
 * answers name the event that came of it. https://learn.microsoft.com/graph/api/resources/event (transactionId)
 */
export function earlierCreation(answer: GraphAnswer): { eventId: string | null } | null {
  const { status, codes: said } = readFailure(answer);
  if (status < 400 || !said.includes(DUPLICATE)) return null;
  const { body } = answer;
  const error = isJson(body) && isJson(body['error']) ? body['error'] : {};
  return { eventId: textOf(error['@event.existingEventId']) };
}

const DUPLICATE = 'errorduplicatetransactionid';

function codeOf(failure: GraphFailure, operation: GraphOperation): SyncErrorCode {
  const { status, codes: said } = failure;
  if (status === 429 || said.some((code) => throttled.includes(code))) return 'rate_limited';
  if (operation === 'listChanges' && isCursorDead(failure)) return 'cursor_expired';
  if (isAboutChannels(operation)) {
    const code = channelCode(failure, operation);
    if (code) return code;
  }
  const known = said.map((code) => codes[code]).find((code) => code !== undefined);
  if (isWrite(operation)) return known ?? writeCode(failure, operation);
  // A list that belongs to the mailbox itself cannot be gone.
  if (known && !(known === 'remote_missing' && operation === 'listCalendars')) return known;
  return usualCode(failure);
}

function usualCode({ status, reason }: GraphFailure): SyncErrorCode {
  if (status === 401) return 'credentials_revoked';
  // A 403 that is not Graph's envelope comes from something in between and says nothing about this user.
  if (status === 403 && reason !== null) return 'permission_denied';
  return 'provider_unavailable';
}

const isWrite = (operation: GraphOperation): boolean =>
  operation === 'createEvent' || operation === 'updateEvent' || operation === 'deleteEvent';

/** The mailbox is busy or on its way to another server: seen with several statuses, and never about what was sent. */
const passing = [
  'errorserverbusy',
  'errormailboxstoreunavailable',
  'errormailboxmoveinprogress',
  'errorinternalservertransienterror',
  'errortimeoutexpired',
];

/**
 * Graph says that an event has changed with 412 and with 409, also without an If-Match, and sometimes in passing:
 * https://learn.microsoft.com/graph/errors. A creation has no version, so there it is only that.
 */
function writeCode(failure: GraphFailure, operation: GraphOperation): SyncErrorCode {
  const { status, reason, codes: said } = failure;
  if (said.includes(DUPLICATE)) return 'request_rejected';
  if (said.some((code) => passing.includes(code))) return 'provider_unavailable';
  if (status === 412 || status === 409 || said.includes('errorirresolvableconflict')) {
    return operation === 'createEvent' ? 'provider_unavailable' : 'version_conflict';
  }
  if (reason === null) return usualCode(failure);
  if (status === 404) return 'remote_missing';
  // Never accepted as it is, however often it is sent: its times, its recurrence, its size, …
  return status === 400 || status === 413 || status === 422 ? 'request_rejected' : usualCode(failure);
}

/** Statuses differ between texts and years, hence the codes; a bare 410 on a list says it openly. */
function isCursorDead({ status, codes: said }: GraphFailure): boolean {
  return (
    status === 410 || ((status === 400 || status === 404) && said.some((code) => cursorDead.includes(code)))
  );
}

const isAboutChannels = (operation: GraphOperation): boolean =>
  operation === 'watch' || operation === 'renewWatch' || operation === 'stopWatch';

/** The status inside counts more than the one outside: a mailbox that is being moved shows as a 403 around a 503. */
const innerCodes: Record<string, SyncErrorCode> = {
  serviceunavailable: 'provider_unavailable',
  gone: 'provider_unavailable',
  timeout: 'provider_unavailable',
  gatewaytimeout: 'provider_unavailable',
  requesttimeout: 'provider_unavailable',
  internalservererror: 'provider_unavailable',
  // A token that is seconds old can be refused by a host whose clock is behind.
  unauthorized: 'provider_unavailable',
  toomanyrequests: 'rate_limited',
  notfound: 'remote_missing',
};

function channelCode(failure: GraphFailure, operation: GraphOperation): SyncErrorCode | undefined {
  const { status, codes: said, innerStatus, isAboutAddress } = failure;
  if (said.includes('mailboxnotenabledforrestapi')) return undefined;
  const inner = innerStatus === null ? undefined : innerCodes[innerStatus];
  if (inner) return inner;
  // A subscription that ended is deleted, whatever its 404 is called.
  if (status === 404 && operation !== 'watch') return 'remote_missing';
  if (operation !== 'watch') return undefined;
  if (status === 400 && isAboutAddress) return 'misconfigured';
  // Calendars of other people and of groups cannot be subscribed to on behalf of a user; reading them goes on.
  if (status === 403 && failure.reason !== null) return 'push_not_supported';
  if (status === 400 && said.includes('extensionerror')) return 'push_not_supported';
  // The subscription is somebody else's: this calendar is theirs to hear about.
  if (status === 409) return 'push_not_supported';
  // Never accepted as it is, however often it is sent.
  return status === 400 && failure.reason !== null && !(said[0] ?? '').startsWith('error')
    ? 'request_rejected'
    : undefined;
}

function waitOf(failure: GraphFailure, code: SyncErrorCode, now: Date): number | undefined {
  const told = retryAfterMs(failure.retryAfter, now);
  if (code === 'rate_limited') return told ?? RETRY_AFTER_DEFAULT_MS;
  return code === 'provider_unavailable' ? told : undefined;
}

/** Deeper nesting has not been seen. */
const NESTING_MAX = 5;

function readFailure({ status, body, header }: GraphAnswer): GraphFailure {
  const error = isJson(body) && isJson(body['error']) ? body['error'] : {};
  const words: string[] = [];
  let inner: Json | null = error;
  for (let depth = 0; inner !== null && depth < NESTING_MAX; depth += 1) {
    const code = wordOf(inner['code']);
    if (code !== null) words.push(code);
    const next: unknown = inner['innerError'] ?? inner['innererror'];
    inner = isJson(next) ? next : null;
  }
  const message = textOf(error['message']) ?? '';
  // A subscription's creation wraps this one like a status.
  if (/\bMailboxNotEnabledForRESTAPI\b/i.test(message)) words.push('MailboxNotEnabledForRESTAPI');
  const first = isJson(error['innerError']) ? error['innerError'] : {};
  return {
    status,
    reason: wordOf(error['code']),
    codes: words.map((code) => code.toLowerCase()),
    innerStatus: /\bStatus Code:\s*(\w{1,40})/i.exec(message)?.[1]?.toLowerCase() ?? null,
    isAboutAddress: /\bvalidation request\b|notification ?url\b/i.test(message),
    retryAfter: header('retry-after'),
    requestId: wordOf(header('request-id')) ?? wordOf(first['request-id']),
  };
}

/** One short word; anything longer is no code and might say something about somebody. */
const wordOf = (value: unknown): string | null =>
  typeof value === 'string' && /^[\w.:-]{1,80}$/.test(value) ? value : null;
