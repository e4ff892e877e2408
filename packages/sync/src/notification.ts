/** A provider rang: the hint becomes a number in the calendar's row, and the pull queue is told. */
import type { WatchId } from '@calfleet/domain';
import { activateWatch, markDirty, noteNotification, type NotifiedWatch } from '@calfleet/db';
import type { NotificationEvent } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';

export interface Notification {
  watchId: WatchId;
  event: NotificationEvent;
  resourceId: string | null;
  expiresAt: Date | null;
  receivedAt: Date;
}

export type NotificationResult = 'marked' | 'unknown_watch' | 'unwanted_watch' | 'other_resource';

/**
 * Any message marks its calendar dirty; `sync` too, since something may have changed between the first round and the
 * channel. What it says is never taken as data: the pull asks the provider.
 */
export async function receiveNotification(
  deps: SyncDeps,
  notification: Notification,
): Promise<NotificationResult> {
  const {
    result,
    watch,
    delayMs = 0,
  } = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const at = deps.clock.now();
    const watch = await noteNotification(tx, notification.watchId, at);
    const verdict = judge(watch, notification);
    const isHint = verdict === 'marked' || verdict === 'unwanted_watch';
    if (!isHint || !watch?.calendar_id) return { result: verdict, watch };
    if (watch.state === 'creating' && notification.resourceId !== null && notification.expiresAt) {
      const { watchId: id, resourceId, expiresAt } = notification;
      await activateWatch(tx, { id, resourceId, expiresAt, at });
    }
    const marked = await markDirty(tx, watch.calendar_id);
    return { result: verdict, watch, delayMs: pace(marked?.lastAskedAt ?? null, at) };
  });
  // What an unwanted channel says is as true as what a wanted one says.
  if ((result === 'marked' || result === 'unwanted_watch') && watch?.calendar_id) {
    await deps.jobs.enqueue(
      'pull-calendar',
      {
        calendarId: watch.calendar_id,
        reason: 'notify',
        requestedAt: notification.receivedAt.toISOString(),
      },
      { delayMs },
    );
  }
  if (result === 'unwanted_watch' && watch && notification.resourceId !== null) {
    await deps.jobs.enqueue('stop-watch', { watchId: watch.id, resourceId: notification.resourceId });
  }
  return result;
}

/** A calendar that changes without pause is asked twice a second; one that changes now and then at once. */
const paceMs = 500;

const pace = (lastAskedAt: Date | null, at: Date): number =>
  lastAskedAt === null ? 0 : Math.min(paceMs, Math.max(0, lastAskedAt.getTime() + paceMs - at.getTime()));

function judge(watch: NotifiedWatch | null, notification: Notification): NotificationResult {
  if (!watch?.calendar_id) return 'unknown_watch';
  if (watch.state === 'abandoned' || watch.state === 'stopped' || watch.state === 'failed')
    return 'unwanted_watch';
  const { resource_id: known } = watch;
  if (known !== null && notification.resourceId !== null && known !== notification.resourceId) {
    return 'other_resource';
  }
  return 'marked';
}
