/**
 * What an error does to its job: a table, exhaustive over the codes. A notification that was acknowledged
 * to its provider must outlive any outage of Postgres, so such an outage costs a job time and never an attempt.
 */
import { isDatabaseUnavailable } from '@calfleet/db';
import { stayAwayMaxMs, SyncError, type SyncErrorCode } from '@calfleet/domain';
import type { Outcome } from '@calfleet/jobs';

const retry: Outcome = { action: 'retry' };
const drop: Outcome = { action: 'drop' };
const park: Outcome = { action: 'park' };

/** What a code leads to when the error names no time of its own. */
export const outcomes: Record<SyncErrorCode, Outcome> = {
  provider_unavailable: retry,
  /** Google's quotas are counted per minute: https://developers.google.com/workspace/calendar/api/guides/quota */
  rate_limited: { action: 'snooze', ms: 60_000 },
  /** The next run finds no cursor and begins a full round. */
  cursor_expired: retry,
  // Said in the account's or the calendar's row, where a person finds it; no further try would change anything.
  credentials_revoked: drop,
  permission_denied: drop,
  remote_missing: drop,
  request_rejected: drop,
  push_not_supported: drop,
  deletes_held: drop,
  version_conflict: retry,
  /** An operator has to act: parked, where the queue board and the metric of failed jobs show it. */
  misconfigured: park,
  /** Somebody else has the calendar. */
  lease_lost: drop,
  bug: retry,
  // The API's own: a job that meets one was made wrongly.
  invalid_input: park,
  not_authenticated: park,
  not_allowed: park,
  not_found: park,
  gone: park,
  idempotency_mismatch: park,
  outside_window: park,
};

/** Between looks for a Postgres that is away; half of it to one and a half of it, so that the jobs come apart. */
const databaseLookMs = 1_000;

/** @param random 0 up to 1 */
export function outcomeOf(error: unknown, random: () => number = Math.random): Outcome {
  if (isOfDatabase(error)) return { action: 'snooze', ms: Math.round(databaseLookMs * (0.5 + random())) };
  if (!(error instanceof SyncError)) return outcomes.bug;
  const { code, retryAfterMs } = error;
  if (retryAfterMs !== undefined && (code === 'rate_limited' || code === 'provider_unavailable')) {
    return { action: 'snooze', ms: Math.min(retryAfterMs, stayAwayMaxMs) };
  }
  return outcomes[code];
}

/** A provider's or Redis' refused connection reads like Postgres' own, but comes with a code that already decided. */
function isOfDatabase(error: unknown): boolean {
  if (error instanceof SyncError && error.code !== 'bug') return false;
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; depth += 1, cause = cause.cause) {
    if (isDatabaseUnavailable(cause)) return true;
  }
  return false;
}
