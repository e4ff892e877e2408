/** What a failed pull leaves behind: the lease given back, the reason in the row, the round for whoever resumes. */
import { asSyncError, NotAsked, stayAwayMaxMs, type CalendarId, type SyncError } from '@calfleet/domain';
import {
  isDatabaseUnavailable,
  markReauthNeeded,
  noteUnbegun,
  releaseLease,
  sqlStateOf,
  type PullFailure,
} from '@calfleet/db';
import type { CalendarInRound } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import { retryAt } from './next-pull.ts';
import { countInvalidated } from './provider-counts.ts';

/** @throws the error it was given, for the queue to decide */
export async function failPull(deps: SyncDeps, calendar: CalendarInRound, error: SyncError): Promise<never> {
  // For whoever says what becomes of the job.
  Object.assign(error.context, { account_id: calendar.accountId });
  if (error.code === 'lease_lost') throw error;
  // The provider was not asked: nobody failed, nothing of it is shown, and what is due stays due.
  const isOurs = error instanceof NotAsked;
  const facts = { code: error.code };
  if (isOurs) deps.logger.debug('A pull waits for its budget', { ...facts, error: error.message });
  else deps.logger.warn('A pull failed', { ...facts, error: error.message, ...error.context });
  try {
    const failure = isOurs ? null : failureOf(deps, calendar, error);
    // A new state is told to the feed, which wants the calendar's lock.
    const calendars = failure?.state ? [calendar.id] : [];
    await deps.db.transaction({ role: 'worker', calendars }, (tx) => releaseLease(tx, calendar, failure));
    if (error.code === 'credentials_revoked') await revoke(deps, calendar, error);
  } catch (thrown) {
    // The lease runs out by itself, and the drain finds the round.
    const { message } = asSyncError(thrown);
    deps.logger.warn('The lease could not be given back', { calendar_id: calendar.id, error: message });
  }
  throw error;
}

/**
 * What cannot even begin is said in the row, too: else each tick would try it again, and nobody would be told.
 * @throws the error it was given, for the queue to decide
 */
export async function failBegin(deps: SyncDeps, calendarId: CalendarId, thrown: unknown): Promise<never> {
  const error = asSyncError(thrown);
  const isOfRow = error.code !== 'rate_limited' && error.code !== 'lease_lost';
  if (!isOfRow || isDatabaseUnavailable(thrown)) throw error;
  deps.logger.warn('A pull could not begin', {
    calendar_id: calendarId,
    code: error.code,
    error: error.message,
    ...error.context,
  });
  const at = deps.clock.now();
  await deps.db.transaction({ role: 'worker' }, (tx) =>
    noteUnbegun(tx, calendarId, {
      code: error.code,
      message: sayable(error),
      at,
      retryAt: (failures) => retryAt({ at, failures }),
    }),
  );
  throw error;
}

/** Apart: it writes all calendars of the account, of which others may fail at this moment and hold their rows. */
async function revoke(
  deps: SyncDeps,
  { accountId, provider }: CalendarInRound,
  error: SyncError,
): Promise<void> {
  const isNews = await deps.db.transaction({ role: 'worker' }, (tx) =>
    markReauthNeeded(tx, accountId, error.message, deps.clock.now()),
  );
  if (isNews) countInvalidated(deps.metrics, provider, error);
}

function failureOf(deps: SyncDeps, calendar: CalendarInRound, error: SyncError): PullFailure {
  const at = deps.clock.now();
  // A snooze, and a database that went away, say nothing against the calendar.
  const counts = error.code !== 'rate_limited' && !isDatabaseUnavailable(error.cause);
  const failures = calendar.failures + (counts ? 1 : 0);
  const next =
    error.retryAfterMs === undefined
      ? retryAt({ at, failures })
      : new Date(at.getTime() + Math.min(error.retryAfterMs, stayAwayMaxMs));
  const failure = { code: error.code, message: sayable(error), at, counts, nextPullAt: next, calls: 1 };
  if (error.code === 'permission_denied') return { ...failure, state: 'paused' };
  if (error.code === 'remote_missing') return { ...failure, state: 'gone' };
  return failure;
}

const sayableMax = 1_000;

/** What a user may read. What nobody foresaw may quote statements and values: it stays in the log. */
export function sayable(error: SyncError): string {
  // Postgres keeps no U+0000, and a reason that cannot be kept would leave no trace at all.
  if (error.code !== 'bug') return error.message.replaceAll('\u0000', '\uFFFD').slice(0, sayableMax);
  const state = sqlStateOf(error.cause);
  return state === null
    ? 'An unexpected error; see the log.'
    : `An unexpected error (SQLSTATE ${state}); see the log.`;
}
