/**
 * Errors in Graph's envelope. The code decides what a client has to do; messages change without notice.
 * https://learn.microsoft.com/graph/errors
 */
import type { Reply } from '../reply.ts';

/** What an error repeats of its request, so that a support call can name it. */
export interface RequestMarks {
  /** Instant without a zone, as Graph writes it. */
  date: string;
  requestId: string;
  clientRequestId: string;
}

export class GraphError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: {
      headers?: Record<string, string>;
      /** Further members of `error`. */
      members?: Record<string, unknown>;
    } = {},
  ) {
    super(message);
    this.name = 'GraphError';
  }

  reply(marks: RequestMarks): Reply {
    const innerError = {
      date: marks.date,
      'request-id': marks.requestId,
      'client-request-id': marks.clientRequestId,
    };
    const error = { code: this.code, message: this.message, ...this.more.members, innerError };
    return { status: this.status, headers: this.more.headers ?? {}, body: JSON.stringify({ error }) };
  }
}

const make = (status: number, code: string, message: string): GraphError =>
  new GraphError(status, code, message);

export const unauthorized = (message = 'Access token is empty.'): GraphError =>
  new GraphError(401, 'InvalidAuthenticationToken', message, {
    headers: {
      'WWW-Authenticate':
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    },
  });

export const accessDenied = (): GraphError =>
  make(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');

export const insufficientPrivileges = (): GraphError =>
  make(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');

export const notFound = (): GraphError =>
  make(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');

export const noSuchUser = (user: string): GraphError =>
  make(404, 'ErrorInvalidUser', `The requested user '${user}' is invalid.`);

export const mailboxNotEnabled = (): GraphError =>
  make(
    404,
    'MailboxNotEnabledForRESTAPI',
    'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
  );

export const noSuchSegment = (segment: string): GraphError =>
  make(400, 'BadRequest', `Resource not found for the segment '${segment}'.`);

export const badRequest = (message: string, code = 'BadRequest'): GraphError => make(400, code, message);

export const invalidRequest = (message: string): GraphError => make(400, 'ErrorInvalidRequest', message);

export const invalidParameter = (message: string): GraphError => make(400, 'ErrorInvalidParameter', message);

export const invalidId = (): GraphError => make(400, 'ErrorInvalidIdMalformed', 'Id is malformed.');

/** The body names something that an event does not have, or gives it a wrong kind. */
export const unreadableBody = (message: string): GraphError => make(400, 'RequestBodyRead', message);

export const invalidProperty = (message: string): GraphError =>
  make(400, 'ErrorPropertyValidationFailure', message);

export const zoneNotSupported = (): GraphError =>
  make(400, 'TimeZoneNotSupportedException', 'A valid TimeZone value must be specified.');

/** Seen as 409 and as 412, and without an If-Match in the request. */
export const conflict = (status: 409 | 412 = 412): GraphError =>
  make(
    status,
    'ErrorIrresolvableConflict',
    'The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.',
  );

export const crossingBoundary = (): GraphError =>
  make(
    400,
    'ErrorOccurrenceCrossingBoundary',
    'Cannot modify the occurrence to a time that is on the same day as, or past, a neighbouring occurrence.',
  );

export const duplicateTransaction = (status: 400 | 409, existingEventId: string | null): GraphError =>
  new GraphError(
    status,
    'ErrorDuplicateTransactionId',
    'The TransactionId specified in the request has already been used to create a different event.',
    existingEventId === null ? {} : { members: { '@event.existingEventId': existingEventId } },
  );

const usual: Record<number, [code: string, message: string]> = {
  400: ['BadRequest', 'Bad request.'],
  401: ['InvalidAuthenticationToken', 'Access token has expired or is not yet valid.'],
  403: ['ErrorAccessDenied', 'Access is denied. Check credentials and try again.'],
  404: ['ErrorItemNotFound', 'The specified object was not found in the store.'],
  409: ['ErrorIrresolvableConflict', 'The item has been changed by another call.'],
  410: [
    'SyncStateNotFound',
    'The sync state generation is not found; generation=149;[highest=157][157][155][156].',
  ],
  412: ['ErrorIrresolvableConflict', 'The change key passed in the request does not match.'],
  429: ['ApplicationThrottled', 'Application is over its MailboxConcurrency limit.'],
  500: ['ErrorInternalServerError', 'An internal server error occurred. The operation failed.'],
  // Gateway errors come with an empty message.
  502: ['UnknownError', ''],
  503: ['UnknownError', ''],
  504: ['UnknownError', ''],
  509: ['BandwidthLimitExceeded', 'Application is over its bandwidth limit.'],
};

/** The error a planned fault stands for; code and message default to the usual ones of the status. */
export function plannedError(fault: {
  status: number;
  reason?: string | undefined;
  message?: string | undefined;
  retryAfterSeconds?: number | undefined;
}): GraphError {
  const [code, message] = usual[fault.status] ?? ['UnknownError', ''];
  const retryAfter = fault.retryAfterSeconds ?? (fault.status === 429 ? 1 : undefined);
  return new GraphError(fault.status, fault.reason ?? code, fault.message ?? message, {
    headers: retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) },
  });
}
