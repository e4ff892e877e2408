/**
 * Errors in Google's envelope. The reason decides what a client has to do, not the status: see the table at
 * https://developers.google.com/workspace/calendar/api/guides/errors
 */
import type { Reply } from '../reply.ts';

export interface ErrorShape {
  status: number;
  domain: string;
  reason: string;
  message: string;
  locationType?: 'parameter' | 'header';
  location?: string;
}

export class GoogleError extends Error {
  constructor(
    readonly shape: ErrorShape,
    readonly headers: Record<string, string> = {},
  ) {
    super(shape.message);
    this.name = 'GoogleError';
  }

  reply(): Reply {
    const { status, message, ...rest } = this.shape;
    const error = { errors: [{ ...rest, message }], code: status, message };
    return { status, headers: this.headers, body: JSON.stringify({ error }) };
  }
}

const make = (shape: ErrorShape): GoogleError => new GoogleError(shape);

const global = (status: number, reason: string, message: string): ErrorShape => ({
  status,
  domain: 'global',
  reason,
  message,
});

export const badRequest = (message = 'Bad Request'): GoogleError => make(global(400, 'badRequest', message));

export const invalid = (message = 'Invalid Value'): GoogleError => make(global(400, 'invalid', message));

export const required = (message: string): GoogleError => make(global(400, 'required', message));

export const invalidParameter = (location: string, message: string): GoogleError =>
  make({ ...global(400, 'invalidParameter', message), locationType: 'parameter', location });

export const timeRangeEmpty = (): GoogleError =>
  make({
    status: 400,
    domain: 'calendar',
    reason: 'timeRangeEmpty',
    message: 'The specified time range is empty.',
    locationType: 'parameter',
    location: 'timeMax',
  });

/** A malformed or foreign token is 400, not 410 (seen in Thunderbird's Google provider). */
export const invalidSyncToken = (): GoogleError =>
  make({
    ...global(400, 'invalid', 'Invalid sync token value.'),
    locationType: 'parameter',
    location: 'syncToken',
  });

export const invalidPageToken = (): GoogleError =>
  make({
    ...global(400, 'invalid', 'Invalid page token value.'),
    locationType: 'parameter',
    location: 'pageToken',
  });

export const fullSyncRequired = (): GoogleError =>
  make({
    status: 410,
    domain: 'calendar',
    reason: 'fullSyncRequired',
    message: 'Sync token is no longer valid, a full sync is required.',
    locationType: 'parameter',
    location: 'syncToken',
  });

export const authError = (): GoogleError =>
  make({
    ...global(401, 'authError', 'Invalid Credentials'),
    locationType: 'header',
    location: 'Authorization',
  });

export const notFound = (): GoogleError => make(global(404, 'notFound', 'Not Found'));

export const duplicate = (): GoogleError =>
  make(global(409, 'duplicate', 'The requested identifier already exists.'));

export const alreadyDeleted = (): GoogleError => make(global(410, 'deleted', 'Resource has been deleted'));

export const forbidden = (message = 'Forbidden'): GoogleError => make(global(403, 'forbidden', message));

export const insufficientPermissions = (): GoogleError =>
  make(global(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.'));

export const requiredAccessLevel = (): GoogleError =>
  make({
    status: 403,
    domain: 'calendar',
    reason: 'requiredAccessLevel',
    message: 'You need to have writer access to this calendar.',
  });

export const forbiddenForNonOrganizer = (): GoogleError =>
  make({
    status: 403,
    domain: 'calendar',
    reason: 'forbiddenForNonOrganizer',
    message: 'Shared properties can only be changed by the organizer of the event.',
  });

export const conditionNotMet = (): GoogleError =>
  make({
    ...global(412, 'conditionNotMet', 'Precondition Failed'),
    locationType: 'header',
    location: 'If-Match',
  });

export const rateLimitExceeded = (status: 403 | 429): GoogleError =>
  make({ status, domain: 'usageLimits', reason: 'rateLimitExceeded', message: 'Rate Limit Exceeded' });

export const pushNotSupported = (): GoogleError =>
  make({
    status: 400,
    domain: 'calendar',
    reason: 'pushNotSupportedForRequestedResource',
    message: 'Push notifications are not supported by this resource.',
  });

export const channelIdNotUnique = (id: string): GoogleError =>
  make(global(400, 'channelIdNotUnique', `Channel id ${id} not unique`));

export const webhookUrlNotHttps = (url: string): GoogleError =>
  make(global(400, 'push.webhookUrlNotHttps', `WebHook callback must be HTTPS: ${url}`));

export const webhookUrlUnauthorized = (url: string): GoogleError =>
  make(global(401, 'push.webhookUrlUnauthorized', `Unauthorized WebHook callback channel: ${url}`));

export const channelTypeNotSupported = (): GoogleError =>
  make(global(400, 'push.channelTypeNotSupported', 'Channel type not supported'));

/** Domain, message and place of the reasons that a planned fault may name. */
const planned: Record<string, Omit<ErrorShape, 'status' | 'reason'>> = {
  fullSyncRequired: {
    domain: 'calendar',
    message: 'Sync token is no longer valid, a full sync is required.',
    locationType: 'parameter',
    location: 'syncToken',
  },
  updatedMinTooLongAgo: {
    domain: 'calendar',
    message: 'The requested minimum modification time lies too far in the past.',
    locationType: 'parameter',
    location: 'updatedMin',
  },
  authError: {
    domain: 'global',
    message: 'Invalid Credentials',
    locationType: 'header',
    location: 'Authorization',
  },
  conditionNotMet: {
    domain: 'global',
    message: 'Precondition Failed',
    locationType: 'header',
    location: 'If-Match',
  },
  rateLimitExceeded: { domain: 'usageLimits', message: 'Rate Limit Exceeded' },
  userRateLimitExceeded: { domain: 'usageLimits', message: 'User Rate Limit Exceeded' },
  quotaExceeded: { domain: 'usageLimits', message: 'Calendar usage limits exceeded.' },
  insufficientPermissions: {
    domain: 'global',
    message: 'Request had insufficient authentication scopes.',
  },
  notACalendarUser: { domain: 'calendar', message: 'The user must be signed up for Google Calendar.' },
  notFound: { domain: 'global', message: 'Not Found' },
  duplicate: { domain: 'global', message: 'The requested identifier already exists.' },
  conflict: { domain: 'global', message: 'Conflict' },
  deleted: { domain: 'global', message: 'Resource has been deleted' },
  backendError: { domain: 'global', message: 'Backend Error' },
};

const usualReason: Record<number, string> = {
  400: 'badRequest',
  401: 'authError',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  410: 'fullSyncRequired',
  412: 'conditionNotMet',
  429: 'rateLimitExceeded',
};

/** The error a planned fault stands for; the reason defaults to the usual one of the status. */
export function plannedError(fault: {
  status: number;
  reason?: string | undefined;
  message?: string | undefined;
  retryAfterSeconds?: number | undefined;
}): GoogleError {
  const reason = fault.reason ?? usualReason[fault.status] ?? 'backendError';
  const known = planned[reason] ?? { domain: 'global', message: reason };
  const headers: Record<string, string> =
    fault.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(fault.retryAfterSeconds) };
  const message = fault.message ?? known.message;
  return new GoogleError({ ...known, status: fault.status, reason, message }, headers);
}
