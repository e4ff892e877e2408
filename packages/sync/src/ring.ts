import { asSyncError, type CalendarId } from '@calfleet/domain';
import type { PullReason } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';

/** The doorbell. When Redis does not hear it, the drain will: the row says that there is work. */
export async function ring(
  deps: Pick<SyncDeps, 'clock' | 'jobs' | 'logger'>,
  calendarId: CalendarId,
  reason: PullReason,
  options: { delayMs?: number } = {},
): Promise<void> {
  const requestedAt = deps.clock.now().toISOString();
  try {
    await deps.jobs.enqueue('pull-calendar', { calendarId, reason, requestedAt }, options);
  } catch (error) {
    deps.logger.warn('Nobody heard the ring; the drain will find the calendar', {
      calendar_id: calendarId,
      error: asSyncError(error).message,
    });
  }
}
