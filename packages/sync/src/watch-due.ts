/** Whether a calendar's channel needs something now, and when an attempt that failed is made again. */
import { NotAsked, stayAwayMaxMs, type CalendarId, type SyncError } from '@calfleet/domain';
import type { WatchableCalendar } from '@calfleet/db';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** A channel with more life than this needs nothing; one with less is renewed at once, whoever finds it. */
export const freshMs = hourMs;
/** The hourly plan renews this long before the end: ten attempts and more fit in. */
export const aheadMs = 12 * hourMs;
/** What a provider says about a calendar that cannot be watched may change; it is asked again after this time. */
export const refusalMs = 30 * 24 * hourMs;
/** An attempt younger than this may still be on its way. */
const creatingMs = minuteMs;

/** `have`: one with some life in it. `ahead`: one with half a day in it and the first key. `renew`: a renewed one. */
export type WatchWish = 'have' | 'ahead' | 'renew';

export function judgeWatch(
  calendar: WatchableCalendar,
  { at, wish, keyId }: { at: Date; wish: WatchWish; keyId: string },
): 'watch' | 'already' | 'later' | 'not_watchable' {
  const { push_refused_at: refusedAt, watch_after: putOffUntil, creating_since: creatingSince } = calendar;
  if (!calendar.active || calendar.account_status !== 'active' || calendar.state === 'gone')
    return 'not_watchable';
  if (refusedAt && since(refusedAt, at) < refusalMs) return 'not_watchable';
  if (calendar.live_until && wish !== 'renew') {
    const lifeMs = calendar.live_until.getTime() - at.getTime();
    const isOldKey = wish === 'ahead' && calendar.live_key_id !== keyId;
    if (lifeMs > (wish === 'ahead' ? aheadMs : freshMs) && !isOldKey) return 'already';
  }
  if (creatingSince && since(creatingSince, at) < creatingMs) return 'already';
  // A provider that asks for a renewal gets it: the queue bounds these attempts.
  return putOffUntil && putOffUntil > at && wish !== 'renew' ? 'later' : 'watch';
}

const since = (then: Date, at: Date): number => at.getTime() - then.getTime();

/** Asking for patience, or not being asked at all, says nothing against a calendar or its channel. */
export const isPutOff = (error: SyncError): boolean =>
  error.code === 'rate_limited' || error instanceof NotAsked;

const transient: ReadonlySet<string> = new Set(['provider_unavailable', 'rate_limited', 'bug']);

/**
 * 1 min, 2, 4 … to an hour after what may pass by itself; 10 min, 20 … to six hours after a refusal. Up to a quarter
 * later, each calendar by a part of its own, so that a fleet does not come back in step.
 */
export function watchAgainAt(failure: {
  at: Date;
  error: Pick<SyncError, 'code' | 'retryAfterMs'>;
  failures: number;
  calendarId: CalendarId;
}): Date {
  const { at, error, failures, calendarId } = failure;
  if (error.retryAfterMs !== undefined)
    return new Date(at.getTime() + Math.min(error.retryAfterMs, stayAwayMaxMs));
  const [firstMs, longestMs] = transient.has(error.code) ? [minuteMs, hourMs] : [10 * minuteMs, 6 * hourMs];
  const waitMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 10));
  return new Date(at.getTime() + Math.round(waitMs * (1 + partOf(calendarId) / 4)));
}

/** 0 up to 1, always the same for an id: the last digits of our ids are random. */
export const partOf = (id: string): number => Number.parseInt(id.slice(-4), 16) / 0x10000;
