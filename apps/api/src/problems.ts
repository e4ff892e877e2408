/** Errors of the outside surface: `application/problem+json`, one table, one shape. */
import { z } from 'zod';
import { SyncError, type SyncErrorCode } from '@calfleet/domain';
import { instant } from './answers/times.ts';

/** Exhaustive: a new code does not compile until it says here what a client sees. */
const problems: Record<SyncErrorCode, { status: number; title: string }> = {
  provider_unavailable: { status: 503, title: 'A service that is needed does not answer' },
  rate_limited: { status: 503, title: 'Too many requests' },
  // These two never leave the workers; whoever meets them here has found a fault of ours.
  cursor_expired: { status: 500, title: 'Something went wrong' },
  lease_lost: { status: 500, title: 'Something went wrong' },
  credentials_revoked: { status: 409, title: 'The account must be connected again' },
  permission_denied: { status: 403, title: 'The provider does not allow this' },
  remote_missing: { status: 404, title: 'It is gone at the provider' },
  version_conflict: { status: 412, title: 'It was changed in the meantime' },
  request_rejected: { status: 422, title: 'The provider rejects this' },
  // The calendar is polled instead, so that a client can do nothing about it and need not.
  push_not_supported: { status: 422, title: 'The provider does not push this calendar' },
  misconfigured: { status: 500, title: 'The installation is not set up for this' },
  deletes_held: { status: 409, title: 'Deletions wait for a decision' },
  invalid_input: { status: 422, title: 'The request is not valid' },
  not_authenticated: { status: 401, title: 'The caller is not known' },
  not_allowed: { status: 403, title: 'The caller may not do this' },
  not_found: { status: 404, title: 'There is nothing here' },
  gone: { status: 410, title: 'It is gone' },
  idempotency_mismatch: { status: 409, title: 'The idempotency key belongs to another request' },
  outside_window: { status: 422, title: 'The range reaches outside what is kept ready' },
  bug: { status: 500, title: 'Something went wrong' },
};

/** The problem as it is answered. */
export const problem = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('What programs go by.'),
    detail: z.string().describe('For people.'),
    request_id: z.string().describe('As in X-Request-Id; named in every log line about the call.'),
    errors: z
      .array(
        z.object({
          path: z
            .string()
            .describe('Field, parameter or header; inside a body with dots; empty: the body as such.'),
          message: z.string(),
        }),
      )
      .optional(),
    window: z
      .object({ start: instant, end: instant })
      .optional()
      .describe('Of `outside_window`: what is kept ready.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

export const problemStatus = (code: SyncErrorCode): number => problems[code].status;
export const problemTitle = (code: SyncErrorCode): string => problems[code].title;

export interface FieldError {
  /** Name of the field, parameter or header; inside a body with dots. Empty: the body as such. */
  path: string;
  message: string;
}

interface ProblemOptions {
  errors?: FieldError[];
  /** Where HTTP has a more exact answer than the code's: 413, 415. */
  status?: number;
  /** Members of the problem beyond the fixed ones. */
  members?: Record<string, unknown>;
}

/** A problem whose message is meant for the client. Other errors show their title only. */
export class RequestProblem extends SyncError {
  readonly errors: FieldError[];
  readonly status: number | undefined;
  readonly members: Record<string, unknown>;

  constructor(code: SyncErrorCode, detail: string, options: ProblemOptions = {}) {
    super(code, detail);
    this.errors = options.errors ?? [];
    this.status = options.status;
    this.members = options.members ?? {};
  }
}

/** 422 that names a field. */
export const invalid = (path: string, message: string): RequestProblem =>
  new RequestProblem('invalid_input', `${path === '' ? 'The body' : path} ${message}`, {
    errors: [{ path, message }],
  });

/** The same for an unknown id and for another user's. */
export const notFound = (): RequestProblem => new RequestProblem('not_found', 'There is nothing here');

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: SyncErrorCode;
  detail: string;
  request_id: string;
  errors?: FieldError[];
}

export function problemBody(error: SyncError, requestId: string): ProblemBody {
  const { status, title } = problems[error.code];
  const own = error instanceof RequestProblem ? error : null;
  return {
    type: 'about:blank',
    title,
    status: own?.status ?? status,
    code: error.code,
    detail: own ? own.message : title,
    request_id: requestId,
    ...(own && own.errors.length > 0 ? { errors: own.errors } : {}),
    ...own?.members,
  };
}
