/** A provider rang: the hint becomes a number in the calendar's row, and the pull queue is told. */
import type { CalendarId, WatchId } from '@calfleet/domain';
import {
  activateWatch,
  loseWatch,
  markDirty,
  noteNotification,
  noteUnwanted,
  type NotifiedWatch,
} from '@calfleet/db';
import type { NotificationEvent } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';
import { isReplaced } from './watch.ts';

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
    isToStop = false,
    isFirst = false,
  } = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const at = deps.clock.now();
    const watch = await noteNotification(tx, notification.watchId, at);
    const verdict = judge(watch, notification);
    const isHint = verdict === 'marked' || verdict === 'unwanted_watch';
    if (!isHint || !watch?.calendar_id) return { result: verdict, watch };
    // A word about the channel itself is no hint.
    if (notification.event === 'reauthorization_required') return { result: verdict, watch };
    if (watch.state === 'creating' && notification.resourceId !== null && notification.expiresAt) {
      const { watchId: id, resourceId, expiresAt } = notification;
      const provider = deps.providers.get(watch.provider);
      const sharesResource = provider !== undefined && isReplaced(provider);
      await activateWatch(tx, { id, resourceId, expiresAt, sharesResource, at });
    }
    const isToStop = verdict === 'unwanted_watch' && (await noteSpeaker(tx, notification, at));
    const marked = await markDirty(tx, watch.calendar_id);
    const { lastAskedAt = null, isFirst = false } = marked ?? {};
    return { result: verdict, watch, isToStop, isFirst, delayMs: pace(lastAskedAt, at) };
  });
  if (result === 'marked' && watch?.calendar_id && isAboutChannel(notification.event)) {
    await mendChannel(deps, notification, watch.id, watch.calendar_id);
  }
  // What an unwanted channel says is as true as what a wanted one says.
  const isHint = notification.event !== 'reauthorization_required';
  if (isHint && (result === 'marked' || result === 'unwanted_watch') && watch?.calendar_id) {
    await deps.jobs.enqueue(
      'pull-calendar',
      {
        calendarId: watch.calendar_id,
        // A first mirror stands before nobody's changes, whoever rings for it: a new channel speaks at once.
        reason: isFirst ? 'backfill' : 'notify',
        requestedAt: notification.receivedAt.toISOString(),
      },
      { delayMs },
    );
  }
  if (isToStop && watch && notification.resourceId !== null) {
    await deps.jobs.enqueue('stop-watch', { watchId: watch.id, resourceId: notification.resourceId });
  }
  return result;
}

/** A channel that speaks although nobody wants it can be named now. @returns whether to stop it at once */
async function noteSpeaker(
  tx: Parameters<typeof noteUnwanted>[0],
  { watchId: id, resourceId, expiresAt }: Notification,
  at: Date,
): Promise<boolean> {
  return resourceId !== null && noteUnwanted(tx, { id, resourceId, expiresAt, at });
}

const isAboutChannel = (event: NotificationEvent): boolean =>
  event === 'reauthorization_required' || event === 'subscription_removed';

/** Graph asks to prolong a subscription, or has dropped it. https://learn.microsoft.com/graph/change-notifications-lifecycle-events */
async function mendChannel(
  deps: SyncDeps,
  { event }: Notification,
  watchId: WatchId,
  calendarId: CalendarId,
): Promise<void> {
  if (event === 'subscription_removed') {
    await deps.db.transaction({ role: 'worker' }, (tx) => loseWatch(tx, watchId, deps.clock.now()));
  }
  await deps.jobs.enqueue('ensure-watch', { calendarId, renew: event === 'reauthorization_required' });
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
