/** Channels: our row first, then the provider's call, since the first message may come before the answer. */
import { asSyncError, newId, type CalendarId, type SyncError, type WatchId } from '@calfleet/domain';
import {
  activateWatch,
  failWatch,
  insertWatch,
  lockForWatch,
  readWatch,
  setWatchState,
  type WatchableCalendar,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { providerOf } from './pull.ts';

/** What the provider is asked for; it answers with what it grants. Google's own default for events is 7 days. */
const lifetimeMs = 7 * 86_400_000;
/** A channel with more life than this needs nothing; one with less is replaced before it falls silent. */
export const freshMs = 3_600_000;
/** An attempt younger than this may still be on its way. */
const creatingMs = 60_000;

export type WatchResult = 'watched' | 'already' | 'not_watchable';

/** @throws SyncError of the provider; `push_not_supported` is remembered and is no failure */
export async function ensureWatch(deps: SyncDeps, calendarId: CalendarId): Promise<WatchResult> {
  const watchId = newId<WatchId>();
  const { token, keyId } = deps.signer.sign(watchId);
  const begun = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const calendar = await lockForWatch(tx, calendarId);
    const at = deps.clock.now();
    const verdict = judge(calendar, at);
    if (verdict !== 'watch' || !calendar) return { verdict };
    await insertWatch(tx, calendar, { id: watchId, signingKeyId: keyId, at });
    return { verdict, calendar };
  });
  if (!begun.calendar) return begun.verdict === 'already' ? 'already' : 'not_watchable';
  const { calendar } = begun;
  try {
    const session = deps.sessions.open({ accountId: calendar.account_id, provider: calendar.provider });
    const channel = await providerOf(deps, calendar).watch(session, {
      providerCalendarId: calendar.provider_calendar_id,
      watchId,
      address: `${deps.settings.ingressUrl}/integrations/calendar/webhooks/${calendar.provider}`,
      token,
      expiresAt: new Date(deps.clock.now().getTime() + lifetimeMs).toISOString(),
    });
    await deps.db.transaction({ role: 'worker' }, (tx) =>
      activateWatch(tx, {
        id: watchId,
        resourceId: channel.resourceId,
        expiresAt: new Date(channel.expiresAt),
        at: deps.clock.now(),
      }),
    );
    return 'watched';
  } catch (thrown) {
    return refuse(deps, calendar, watchId, asSyncError(thrown));
  }
}

function judge(calendar: WatchableCalendar | null, at: Date): 'watch' | 'already' | 'not_watchable' {
  if (!calendar?.active || calendar.account_status !== 'active' || calendar.state === 'gone')
    return 'not_watchable';
  if (calendar.push_refused_at) return 'not_watchable';
  if (calendar.live_until && calendar.live_until.getTime() - at.getTime() > freshMs) return 'already';
  const since = calendar.creating_since;
  return since && at.getTime() - since.getTime() < creatingMs ? 'already' : 'watch';
}

/** A calendar that refuses push is polled and healthy; other refusals are told, and the calendar is polled till then. */
async function refuse(
  deps: SyncDeps,
  calendar: WatchableCalendar,
  watchId: WatchId,
  error: SyncError,
): Promise<WatchResult> {
  const forGood = error.code === 'push_not_supported';
  // The channel may have come to life although the answer was lost: it is stopped when it speaks.
  const mayLive = error.code === 'provider_unavailable' || error.code === 'bug';
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const at = deps.clock.now();
    if (mayLive) return setWatchState(tx, watchId, 'abandoned', at);
    return failWatch(tx, { id: watchId, calendarId: calendar.id, reason: error.code, forGood, at });
  });
  if (forGood) return 'not_watchable';
  throw error;
}

/** Stops a channel that speaks although nobody wants it any more. */
export async function stopWatch(
  deps: SyncDeps,
  watch: { watchId: WatchId; resourceId: string },
): Promise<void> {
  const row = await deps.db.transaction({ role: 'worker' }, (tx) => readWatch(tx, watch.watchId));
  if (!row || row.state === 'active' || row.state === 'creating') return;
  const session = deps.sessions.open({ accountId: row.account_id, provider: row.provider });
  await providerOf(deps, row).stopWatch(session, watch);
  await deps.db.transaction({ role: 'worker' }, (tx) =>
    setWatchState(tx, watch.watchId, 'stopped', deps.clock.now()),
  );
}
