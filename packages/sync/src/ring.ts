import { asSyncError, type CalendarId } from '@calfleet/domain';
import type { JobRequest, PullReason } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';

/** The doorbell. When Redis does not hear it, the drain will: the row says that there is work. */
export function ring(
  deps: Pick<SyncDeps, 'clock' | 'jobs' | 'logger'>,
  calendarId: CalendarId,
  reason: PullReason,
  options: { delayMs?: number } = {},
): Promise<void> {
  const requestedAt = deps.clock.now().toISOString();
  return enqueueOrWarn(deps, calendarId, () =>
    deps.jobs.enqueue('pull-calendar', { calendarId, reason, requestedAt }, options),
  );
}

/** As {@link ring}, for what was written here. */
export const ringPush = (
  deps: Pick<SyncDeps, 'jobs' | 'logger'>,
  calendarId: CalendarId,
  options: { delayMs?: number } = {},
): Promise<void> =>
  enqueueOrWarn(deps, calendarId, () => deps.jobs.enqueue('push-calendar', { calendarId }, options));

/** As {@link ring}, for events that are to be read one by one. */
export const ringRecheck = (deps: Pick<SyncDeps, 'jobs' | 'logger'>, calendarId: CalendarId): Promise<void> =>
  enqueueOrWarn(deps, calendarId, () => deps.jobs.enqueue('recheck-events', { calendarId }));

async function enqueueOrWarn(
  { logger }: Pick<SyncDeps, 'logger'>,
  calendarId: CalendarId,
  enqueue: () => Promise<unknown>,
): Promise<void> {
  try {
    await enqueue();
  } catch (error) {
    logger.warn('Nobody heard the ring; the drain will find the calendar', {
      calendar_id: calendarId,
      error: asSyncError(error).message,
    });
  }
}

/**
 * What a tick plans: a job that the catalogue refuses is named and counted, and stops no other.
 * @returns how many were added
 */
export async function ringMany(
  deps: Pick<SyncDeps, 'jobs' | 'logger' | 'metrics'>,
  requests: readonly JobRequest[],
): Promise<number> {
  let refused = 0;
  await deps.jobs.enqueueMany(requests, ({ name, payload }, error) => {
    refused += 1;
    deps.metrics.jobRefused.inc({ name });
    deps.logger.error('A job cannot be planned', {
      job: name,
      code: error.code,
      error: error.message,
      ...idsIn(payload),
    });
  });
  return requests.length - refused;
}

const idsIn = (payload: object): Record<string, unknown> => ({
  calendar_id: 'calendarId' in payload ? payload.calendarId : undefined,
  account_id: 'accountId' in payload ? payload.accountId : undefined,
  watch_id: 'watchId' in payload ? payload.watchId : undefined,
});
