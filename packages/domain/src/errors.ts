/**
 * One error class, one closed union of codes. Code → queue outcome lives in the worker, code → HTTP problem in the
 * API; both tables are exhaustive, so a new code does not compile until both say what happens.
 */
export const syncErrorCodes = [
  'provider_unavailable',
  'rate_limited',
  'cursor_expired',
  'credentials_revoked',
  'permission_denied',
  'remote_missing',
  'version_conflict',
  'request_rejected',
  'push_not_supported',
  'misconfigured',
  'deletes_held',
  'lease_lost',
  'invalid_input',
  'not_authenticated',
  'not_allowed',
  'not_found',
  'gone',
  'idempotency_mismatch',
  'outside_window',
  'bug',
] as const;

export type SyncErrorCode = (typeof syncErrorCodes)[number];

export interface SyncErrorOptions {
  /** How long to stay away, milliseconds. Only with `rate_limited` and `provider_unavailable`. */
  retryAfterMs?: number;
  /** Facts for the log: ids, statuses, reasons. Never tokens, never event contents. */
  context?: Record<string, string | number | boolean | null>;
  /** Only with `permission_denied`: the grant lacks a scope, which only its person can give. */
  scopeMissing?: boolean;
  cause?: unknown;
}

/**
 * A provider that wants to be left alone for longer is asked again after this time, whoever would ask it: a wrong header
 * must not silence a calendar or a mailbox for days.
 */
export const stayAwayMaxMs = 3_600_000;

export class SyncError extends Error {
  readonly code: SyncErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly context: Record<string, string | number | boolean | null>;
  readonly scopeMissing: boolean;

  constructor(code: SyncErrorCode, message: string, options: SyncErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SyncError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.context = options.context ?? {};
    this.scopeMissing = options.scopeMissing ?? false;
  }
}

/**
 * The provider was not asked: our own budget is used up for now, or Redis, which keeps it, is away. Says nothing about a
 * calendar, an account or the provider, and nothing of it is told to users.
 */
export class NotAsked extends SyncError {
  constructor(code: 'rate_limited' | 'provider_unavailable', message: string, options?: SyncErrorOptions) {
    super(code, message, options);
    this.name = 'NotAsked';
  }
}

/** Anything thrown, as a SyncError; what nobody foresaw is a `bug`. */
export function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SyncError('bug', message, { cause: thrown });
}
