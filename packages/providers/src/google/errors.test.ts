import type { SyncErrorCode } from '@calfleet/domain';
import { isTokenRefused, parkOf, toSyncError, type GoogleOperation } from './errors.ts';

const now = new Date('2026-11-20T12:00:00Z');

interface Said {
  status: number;
  reason?: string;
  message?: string;
  location?: string;
  retryAfter?: string;
  /** Instead of Google's envelope. */
  data?: unknown;
}

/** An error of the client, as far as anybody looks at it. */
const clientError = ({ status, reason, message, location, retryAfter, data }: Said) => ({
  config: {},
  response: {
    status,
    headers: new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    data: data ?? {
      error: { errors: [{ domain: 'global', reason, message, location }], code: status, message },
    },
  },
});

test.each<[string, Said, boolean]>([
  ['a scope', { status: 403, reason: 'insufficientPermissions' }, true],
  [
    'a scope, in the newer words alone',
    {
      status: 403,
      data: {
        error: {
          errors: [{ reason: 'forbidden' }],
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
              reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
            },
          ],
        },
      },
    },
    true,
  ],
  ['something else', { status: 403, reason: 'forbidden' }, false],
  ['a quota', { status: 403, reason: 'rateLimitExceeded' }, false],
])('a refusal for want of %s', (_, said, scopeMissing) => {
  expect(toSyncError(clientError(said), 'listCalendars', now).scopeMissing).toBe(scopeMissing);
});

const table: [GoogleOperation, Said, SyncErrorCode][] = [
  ['listChanges', { status: 400, reason: 'invalid', message: 'Invalid sync token value.' }, 'cursor_expired'],
  ['listChanges', { status: 400, reason: 'invalid', location: 'syncToken' }, 'cursor_expired'],
  ['listChanges', { status: 400, reason: 'invalid', location: 'pageToken' }, 'cursor_expired'],
  ['listChanges', { status: 400, reason: 'badRequest', message: 'Bad Request' }, 'provider_unavailable'],
  ['listChanges', { status: 400, reason: 'timeRangeEmpty', location: 'timeMax' }, 'provider_unavailable'],
  ['listChanges', { status: 410, reason: 'fullSyncRequired' }, 'cursor_expired'],
  ['listChanges', { status: 410, reason: 'updatedMinTooLongAgo' }, 'cursor_expired'],
  ['listChanges', { status: 410, data: '<html>Gone' }, 'cursor_expired'],
  ['listChanges', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['readEvents', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['readEvents', { status: 410, reason: 'deleted' }, 'remote_missing'],
  ['watch', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['stopWatch', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['listCalendars', { status: 404, reason: 'notFound' }, 'provider_unavailable'],
  ['listCalendars', { status: 400, reason: 'invalid', location: 'pageToken' }, 'provider_unavailable'],
  ['listChanges', { status: 401, reason: 'authError' }, 'credentials_revoked'],
  ['listChanges', { status: 401, data: 'no JSON' }, 'credentials_revoked'],
  ['listChanges', { status: 403, reason: 'userRateLimitExceeded' }, 'rate_limited'],
  ['listChanges', { status: 403, reason: 'rateLimitExceeded' }, 'rate_limited'],
  ['listChanges', { status: 429, reason: 'rateLimitExceeded' }, 'rate_limited'],
  ['listChanges', { status: 429, data: '' }, 'rate_limited'],
  ['listChanges', { status: 403, reason: 'quotaExceeded' }, 'rate_limited'],
  ['listChanges', { status: 403, reason: 'dailyLimitExceeded' }, 'rate_limited'],
  ['watch', { status: 403, reason: 'subscriptionRateLimitExceeded' }, 'rate_limited'],
  ['listChanges', { status: 403, reason: 'insufficientPermissions' }, 'permission_denied'],
  ['listChanges', { status: 403, reason: 'forbidden' }, 'permission_denied'],
  ['watch', { status: 403, reason: 'notACalendarUser' }, 'permission_denied'],
  ['listChanges', { status: 403, reason: 'forbiddenForNonOrganizer' }, 'permission_denied'],
  ['listChanges', { status: 403, reason: 'somethingNew' }, 'permission_denied'],
  ['listChanges', { status: 403, data: '<html>unusual traffic' }, 'provider_unavailable'],
  ['listChanges', { status: 403, reason: 'accessNotConfigured' }, 'misconfigured'],
  ['watch', { status: 400, reason: 'pushNotSupportedForRequestedResource' }, 'push_not_supported'],
  ['watch', { status: 401, reason: 'push.webhookUrlUnauthorized' }, 'misconfigured'],
  ['watch', { status: 400, reason: 'push.webhookUrlNotHttps' }, 'misconfigured'],
  ['watch', { status: 400, reason: 'channelIdNotUnique' }, 'request_rejected'],
  ['watch', { status: 400, reason: 'push.channelTypeNotSupported' }, 'request_rejected'],
  ['watch', { status: 400, reason: 'invalid', message: 'Invalid ttl value' }, 'request_rejected'],
  ['listChanges', { status: 409, reason: 'conflict' }, 'provider_unavailable'],
  ['listChanges', { status: 412, reason: 'conditionNotMet' }, 'provider_unavailable'],
  ['createEvent', { status: 400, reason: 'timeRangeEmpty' }, 'request_rejected'],
  ['updateEvent', { status: 400, data: '' }, 'request_rejected'],
  ['createEvent', { status: 409, reason: 'duplicate' }, 'version_conflict'],
  ['createEvent', { status: 412, reason: 'conditionNotMet' }, 'provider_unavailable'],
  ['updateEvent', { status: 409, reason: 'conflict' }, 'version_conflict'],
  ['updateEvent', { status: 412, reason: 'conditionNotMet' }, 'version_conflict'],
  ['deleteEvent', { status: 412, reason: 'conditionNotMet' }, 'version_conflict'],
  ['createEvent', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['updateEvent', { status: 404, reason: 'notFound' }, 'remote_missing'],
  ['deleteEvent', { status: 410, reason: 'deleted' }, 'remote_missing'],
  ['updateEvent', { status: 403, reason: 'forbiddenForNonOrganizer' }, 'permission_denied'],
  ['createEvent', { status: 403, reason: 'requiredAccessLevel' }, 'permission_denied'],
  ['createEvent', { status: 403, reason: 'quotaExceeded' }, 'rate_limited'],
  ['updateEvent', { status: 403, reason: 'rateLimitExceeded' }, 'rate_limited'],
  ['updateEvent', { status: 503, reason: 'backendError' }, 'provider_unavailable'],
  ['listChanges', { status: 500, reason: 'backendError' }, 'provider_unavailable'],
  ['listChanges', { status: 502, data: '<html>' }, 'provider_unavailable'],
  ['listChanges', { status: 503, reason: 'backendError' }, 'provider_unavailable'],
  ['listChanges', { status: 302, data: '' }, 'provider_unavailable'],
];

it.each(table)('%s: %j is %3$s', (operation, said, code) => {
  expect(toSyncError(clientError(said), operation, now).code).toBe(code);
});

it.each([
  [{ status: 403, reason: 'rateLimitExceeded' }, 60_000],
  [{ status: 403, reason: 'quotaExceeded' }, 3_600_000],
  [{ status: 403, reason: 'quotaExceeded', retryAfter: '5' }, 5_000],
  [{ status: 429, retryAfter: 'Fri, 20 Nov 2026 12:02:00 GMT' }, 120_000],
  [{ status: 429 }, 60_000],
  [{ status: 503, retryAfter: '30' }, 30_000],
  [{ status: 503 }, undefined],
])('waits after %j for %p ms', (said, ms) => {
  expect(toSyncError(clientError(said), 'listChanges', now).retryAfterMs).toBe(ms);
});

const exceeded = (limit: string): string =>
  `Quota exceeded for quota metric 'Queries' and limit '${limit}' of service 'calendar-json.googleapis.com' for consumer 'project_number:1'.`;

it.each([
  [{ status: 403, reason: 'rateLimitExceeded', message: 'Rate Limit Exceeded' }, 60_000, 'account'],
  [
    { status: 403, reason: 'rateLimitExceeded', message: exceeded('Queries per minute per user') },
    60_000,
    'account',
  ],
  [{ status: 429, reason: 'rateLimitExceeded', message: exceeded('Queries per minute') }, 60_000, 'project'],
  [{ status: 403, reason: 'userRateLimitExceeded' }, 60_000, 'account'],
  [
    { status: 403, reason: 'quotaExceeded', message: 'Calendar usage limits exceeded.' },
    3_600_000,
    'account',
  ],
  [{ status: 403, reason: 'dailyLimitExceeded' }, 3_600_000, 'project'],
  [{ status: 503, retryAfter: '30' }, 30_000, 'account'],
])('parks after %j for %p ms: the %s', (said, ms, whose) => {
  expect(parkOf(clientError(said), 'listChanges', now)).toEqual({ ms, whose });
});

it.each([{ status: 503 }, { status: 403, reason: 'forbidden' }, { status: 410 }])(
  'parks nobody after %j',
  (said) => {
    expect(parkOf(clientError(said), 'listChanges', now)).toBeNull();
  },
);

it('reads headers of either shape', () => {
  const thrown = { config: {}, response: { status: 429, headers: { 'retry-after': '9' }, data: '' } };
  expect(toSyncError(thrown, 'listChanges', now).retryAfterMs).toBe(9_000);
});

it('calls a missing answer provider_unavailable and names the network error', () => {
  const thrown = Object.assign(new Error('read ECONNRESET https://secret'), {
    config: {},
    code: 'ECONNRESET',
  });
  const error = toSyncError(thrown, 'listChanges', now);
  expect([error.code, error.context['cause']]).toEqual(['provider_unavailable', 'ECONNRESET']);
});

it('keeps messages and the client error out of ours', () => {
  const error = toSyncError(
    clientError({ status: 403, reason: 'forbidden', message: 'ada@example.com' }),
    'watch',
    now,
  );
  expect(JSON.stringify([error.message, error.context])).not.toContain('ada');
  expect(error.cause).toBeUndefined();
});

it('takes a refused address for no refused token', () => {
  expect(isTokenRefused(clientError({ status: 401, reason: 'authError' }))).toBe(true);
  expect(isTokenRefused(clientError({ status: 401, reason: 'push.webhookUrlUnauthorized' }))).toBe(false);
});
