import type { SyncErrorCode } from '@calfleet/domain';
import { isTokenRefused, toSyncError, type GraphAnswer, type GraphOperation } from './errors.ts';

const now = new Date('2026-11-20T12:00:00Z');

interface Said {
  status: number;
  code?: string;
  /** A code that only `innerError` names. */
  inner?: string;
  message?: string;
  retryAfter?: string;
  /** Instead of Graph's envelope. */
  body?: unknown;
}

const answerOf = ({ status, code, inner, message = '', retryAfter, body }: Said): GraphAnswer => ({
  status,
  body: body ?? {
    error: { code, message, innerError: { code: inner, date: '2026-11-20T12:00:00', 'request-id': 'req-1' } },
  },
  header: (name) => (name === 'retry-after' ? (retryAfter ?? null) : null),
});

const extension = (inner: string) => `Operation: Create; Exception: [Status Code: ${inner}; Reason: secret]`;
const handshake = 'Subscription validation request failed. HTTP status code is NotFound.';

const table: [GraphOperation, Said, SyncErrorCode][] = [
  ['listChanges', { status: 410, code: 'SyncStateNotFound' }, 'cursor_expired'],
  ['listChanges', { status: 410, code: 'syncStateNotFound' }, 'cursor_expired'],
  ['listChanges', { status: 410, body: '<html>Gone' }, 'cursor_expired'],
  ['listChanges', { status: 400, code: 'InvalidDeltaToken' }, 'cursor_expired'],
  ['listChanges', { status: 404, code: 'SyncStateNotFound' }, 'cursor_expired'],
  ['listChanges', { status: 400, code: 'badRequest', inner: 'resyncRequired' }, 'cursor_expired'],
  ['listChanges', { status: 400, code: 'ErrorInvalidParameter' }, 'provider_unavailable'],
  ['readEvents', { status: 410, code: 'SyncStateNotFound' }, 'provider_unavailable'],
  ['listChanges', { status: 429, code: 'ApplicationThrottled' }, 'rate_limited'],
  ['listChanges', { status: 429, body: '' }, 'rate_limited'],
  ['readEvents', { status: 503, code: 'activityLimitReached' }, 'rate_limited'],
  ['readEvents', { status: 403, code: 'MailboxConcurrency' }, 'rate_limited'],
  ['listChanges', { status: 401, code: 'InvalidAuthenticationToken' }, 'credentials_revoked'],
  ['listChanges', { status: 401, body: 'no JSON' }, 'credentials_revoked'],
  ['listChanges', { status: 403, code: 'ErrorAccessDenied' }, 'permission_denied'],
  ['listCalendars', { status: 403, code: 'Authorization_RequestDenied' }, 'permission_denied'],
  ['listChanges', { status: 403, body: '<html>unusual traffic' }, 'provider_unavailable'],
  ['listChanges', { status: 404, code: 'MailboxNotEnabledForRESTAPI' }, 'permission_denied'],
  ['listCalendars', { status: 404, code: 'MailboxNotEnabledForRESTAPI' }, 'permission_denied'],
  ['watch', { status: 404, code: 'MailboxNotEnabledForRESTAPI' }, 'permission_denied'],
  ['listChanges', { status: 404, code: 'ErrorItemNotFound' }, 'remote_missing'],
  ['readEvents', { status: 404, code: 'ResourceNotFound' }, 'remote_missing'],
  ['readEvents', { status: 400, code: 'ErrorInvalidIdMalformed' }, 'remote_missing'],
  ['listCalendars', { status: 404, code: 'ErrorItemNotFound' }, 'provider_unavailable'],
  ['listChanges', { status: 404, code: 'SomethingNew' }, 'provider_unavailable'],
  ['listChanges', { status: 404, body: '<html>' }, 'provider_unavailable'],
  [
    'watch',
    { status: 403, code: 'ExtensionError', message: extension('ServiceUnavailable') },
    'provider_unavailable',
  ],
  ['watch', { status: 403, code: 'ExtensionError', message: extension('Gone') }, 'provider_unavailable'],
  ['watch', { status: 400, code: 'ExtensionError', message: extension('Timeout') }, 'provider_unavailable'],
  [
    'watch',
    { status: 403, code: 'ExtensionError', message: extension('Unauthorized') },
    'provider_unavailable',
  ],
  ['watch', { status: 403, code: 'ExtensionError', message: extension('Forbidden') }, 'push_not_supported'],
  ['watch', { status: 400, code: 'ExtensionError', message: extension('NotFound') }, 'remote_missing'],
  ['watch', { status: 400, code: 'ExtensionError', message: 'not found in the store' }, 'push_not_supported'],
  ['watch', { status: 403, code: 'ErrorAccessDenied' }, 'push_not_supported'],
  ['watch', { status: 409, code: 'Conflict' }, 'push_not_supported'],
  ['watch', { status: 400, code: 'InvalidRequest', message: handshake }, 'misconfigured'],
  [
    'watch',
    { status: 400, code: 'InvalidRequest', message: 'notificationUrl must be an https URL.' },
    'misconfigured',
  ],
  [
    'watch',
    {
      status: 404,
      code: 'ExtensionError',
      message: extension('NotFound; Reason: MailboxNotEnabledForRESTAPI'),
    },
    'permission_denied',
  ],
  ['watch', { status: 400, code: 'InvalidRequest', message: 'clientState is too long' }, 'request_rejected'],
  ['watch', { status: 404, code: 'ResourceNotFound' }, 'remote_missing'],
  ['renewWatch', { status: 404, code: 'ResourceNotFound' }, 'remote_missing'],
  [
    'renewWatch',
    { status: 403, code: 'ExtensionError', message: extension('ServiceUnavailable') },
    'provider_unavailable',
  ],
  ['stopWatch', { status: 404, code: 'SomethingNew' }, 'remote_missing'],
  ['updateEvent', { status: 412, code: 'ErrorIrresolvableConflict' }, 'version_conflict'],
  ['updateEvent', { status: 409, code: 'ErrorIrresolvableConflict' }, 'version_conflict'],
  ['updateEvent', { status: 500, code: 'ErrorIrresolvableConflict' }, 'version_conflict'],
  ['deleteEvent', { status: 412, body: '' }, 'version_conflict'],
  ['deleteEvent', { status: 409, code: 'Conflict' }, 'version_conflict'],
  // Nothing that is new has a version: it is over when it is asked for again.
  ['createEvent', { status: 409, code: 'ErrorIrresolvableConflict' }, 'provider_unavailable'],
  ['createEvent', { status: 400, code: 'ErrorDuplicateTransactionId' }, 'request_rejected'],
  ['createEvent', { status: 409, code: 'ErrorDuplicateTransactionId' }, 'request_rejected'],
  ['createEvent', { status: 400, code: 'ErrorInvalidRequest' }, 'request_rejected'],
  ['createEvent', { status: 400, code: 'TimeZoneNotSupportedException' }, 'request_rejected'],
  ['createEvent', { status: 400, code: 'RequestBodyRead' }, 'request_rejected'],
  ['createEvent', { status: 413, code: 'RequestEntityTooLarge' }, 'request_rejected'],
  ['createEvent', { status: 400, body: '<html>Bad Request' }, 'provider_unavailable'],
  ['createEvent', { status: 404, code: 'ErrorFolderNotFound' }, 'remote_missing'],
  ['updateEvent', { status: 400, code: 'ErrorOccurrenceCrossingBoundary' }, 'request_rejected'],
  [
    'updateEvent',
    { status: 400, code: 'badRequest', inner: 'ErrorPropertyValidationFailure' },
    'request_rejected',
  ],
  ['updateEvent', { status: 400, code: 'ErrorServerBusy' }, 'provider_unavailable'],
  ['updateEvent', { status: 400, code: 'ErrorInvalidIdMalformed' }, 'remote_missing'],
  ['updateEvent', { status: 404, code: 'ErrorItemNotFound' }, 'remote_missing'],
  ['updateEvent', { status: 404, body: '<html>' }, 'provider_unavailable'],
  ['updateEvent', { status: 403, code: 'ErrorAccessDenied' }, 'permission_denied'],
  ['updateEvent', { status: 403, body: '<html>unusual traffic' }, 'provider_unavailable'],
  ['deleteEvent', { status: 404, code: 'MailboxNotEnabledForRESTAPI' }, 'permission_denied'],
  ['updateEvent', { status: 401, code: 'InvalidAuthenticationToken' }, 'credentials_revoked'],
  ['updateEvent', { status: 409, code: 'ApplicationThrottled' }, 'rate_limited'],
  ['deleteEvent', { status: 503, code: 'UnknownError' }, 'provider_unavailable'],
  ['listChanges', { status: 500, code: 'ErrorInternalServerError' }, 'provider_unavailable'],
  ['listChanges', { status: 503, code: 'UnknownError' }, 'provider_unavailable'],
  ['listChanges', { status: 504, code: 'UnknownError' }, 'provider_unavailable'],
  ['listChanges', { status: 509, code: 'BandwidthLimitExceeded' }, 'provider_unavailable'],
  ['listChanges', { status: 302, body: '' }, 'provider_unavailable'],
];

it.each(table)('%s: %j is %3$s', (operation, said, code) => {
  expect(toSyncError(answerOf(said), operation, now).code).toBe(code);
});

it.each([
  [{ status: 429, retryAfter: '17' }, 17_000],
  [{ status: 429, retryAfter: 'Fri, 20 Nov 2026 12:02:00 GMT' }, 120_000],
  [{ status: 429 }, 10_000],
  [{ status: 503, retryAfter: '30' }, 30_000],
  [{ status: 503 }, undefined],
  [{ status: 410, retryAfter: '30' }, undefined],
])('waits after %j for %p ms', (said, ms) => {
  expect(toSyncError(answerOf(said), 'listChanges', now).retryAfterMs).toBe(ms);
});

it('names the request, and keeps what Graph says about people to itself', () => {
  const message = 'ada@example.com may not see the party';
  const error = toSyncError(answerOf({ status: 403, code: 'ErrorAccessDenied', message }), 'readEvents', now);
  expect(error.context).toMatchObject({ reason: 'ErrorAccessDenied', status: 403, requestId: 'req-1' });
  expect(JSON.stringify([error.message, error.context])).not.toMatch(/ada|party/);
});

it.each([
  ['listCalendars', 'ErrorAccessDenied', true],
  ['listCalendars', 'Authorization_RequestDenied', true],
  ['listCalendars', 'MailboxNotEnabledForRESTAPI', false],
  ['listCalendars', 'SomethingNew', false],
  // Of a calendar that somebody shared.
  ['listChanges', 'ErrorAccessDenied', false],
] as const)('%s refused with %s: a scope is missing: %p', (operation, code, scopeMissing) => {
  const error = toSyncError(answerOf({ status: 403, code }), operation, now);
  expect([error.code, error.scopeMissing]).toEqual(['permission_denied', scopeMissing]);
});

it('takes no sentence for a code', () => {
  const error = toSyncError(answerOf({ status: 400, code: 'the party of ada' }), 'readEvents', now);
  expect(error.context['reason']).toBeNull();
});

it('sees a refused token behind the message of a subscription, too', () => {
  expect(isTokenRefused(answerOf({ status: 401 }))).toBe(true);
  expect(isTokenRefused(answerOf({ status: 403, message: extension('Unauthorized') }))).toBe(true);
  expect(isTokenRefused(answerOf({ status: 403, message: extension('Forbidden') }))).toBe(false);
});
