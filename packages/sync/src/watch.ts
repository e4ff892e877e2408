/** Channels: our row first, then the provider's call, since the first message may come before the answer. */
import { asSyncError, newId, type CalendarId, type SyncError, type WatchId } from '@calfleet/domain';
import {
  activateWatch,
  failWatch,
  insertWatch,
  lockForWatch,
  loseWatch,
  markDirty,
  prolongWatch,
  readWatch,
  setWatchState,
  type WatchableCalendar,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { providerOf } from './provider-of.ts';
import { ring } from './ring.ts';

/** What the provider is asked for; it answers with what it grants. Google's own default for events is 7 days. */
const lifetimeMs = 7 * 86_400_000;
/** A channel with more life than this needs nothing; one with less is replaced before it falls silent. */
export const freshMs = 3_600_000;
/** An attempt younger than this may still be on its way. */
const creatingMs = 60_000;

export type WatchResult = 'watched' | 'renewed' | 'already' | 'not_watchable';

/**
 * Makes sure that a calendar has a live channel. Where the provider can prolong one, one that runs out, or that
 * `mustRenew`, is prolonged; else a new one is opened, and the old one is heard until it falls silent.
 * @throws SyncError of the provider; `push_not_supported` is remembered and is no failure
 */
export async function ensureWatch(
  deps: SyncDeps,
  calendarId: CalendarId,
  options: { mustRenew?: boolean } = {},
): Promise<WatchResult> {
  const watchId = newId<WatchId>();
  const begun = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const calendar = await lockForWatch(tx, calendarId);
    const at = deps.clock.now();
    const verdict = judge(calendar, at, options.mustRenew ?? false);
    if (verdict !== 'watch' || !calendar) return { verdict };
    const channel = channelToRenew(deps, calendar);
    if (channel) return { verdict: 'renew' as const, calendar, channel };
    const { token, keyId } =
      calendar.provider === 'microsoft' ? deps.signer.signClientState(watchId) : deps.signer.sign(watchId);
    await insertWatch(tx, calendar, { id: watchId, signingKeyId: keyId, at });
    return { verdict, calendar, watch: { id: watchId, token } };
  });
  if (!begun.calendar) return begun.verdict === 'already' ? 'already' : 'not_watchable';
  if (begun.watch) return openWatch(deps, begun.calendar, begun.watch);
  if (await renewed(deps, begun.calendar, begun.channel)) return 'renewed';
  // It is gone, and said to be: what is opened now is new.
  return ensureWatch(deps, calendarId);
}

interface LiveChannel {
  id: WatchId;
  resourceId: string;
}

function channelToRenew(deps: SyncDeps, calendar: WatchableCalendar): LiveChannel | null {
  const { live_id: id, live_resource_id: resourceId } = calendar;
  return providerOf(deps, calendar).renewWatch && id && resourceId ? { id, resourceId } : null;
}

/** @returns whether the live channel goes on; false: the provider has dropped it */
async function renewed(
  deps: SyncDeps,
  calendar: WatchableCalendar,
  { id, resourceId }: LiveChannel,
): Promise<boolean> {
  try {
    const session = deps.sessions.open({ accountId: calendar.account_id, provider: calendar.provider });
    const request = { resourceId, expiresAt: wantedExpiry(deps) };
    const channel = await providerOf(deps, calendar).renewWatch?.(session, request);
    if (!channel) return false;
    const at = deps.clock.now();
    const expiresAt = new Date(channel.expiresAt);
    await deps.db.transaction({ role: 'worker' }, (tx) => prolongWatch(tx, { id, expiresAt, at }));
    return true;
  } catch (thrown) {
    const error = asSyncError(thrown);
    if (error.code !== 'remote_missing') throw error;
    await loseChannel(deps, id, calendar.id);
    return false;
  }
}

/** Whatever came while nobody was told: a pull finds it. */
async function loseChannel(deps: SyncDeps, watchId: WatchId, calendarId: CalendarId): Promise<void> {
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    await loseWatch(tx, watchId, deps.clock.now());
    await markDirty(tx, calendarId);
  });
  await ring(deps, calendarId, 'notify');
}

async function openWatch(
  deps: SyncDeps,
  calendar: WatchableCalendar,
  { id: watchId, token }: { id: WatchId; token: string },
): Promise<WatchResult> {
  try {
    const session = deps.sessions.open({ accountId: calendar.account_id, provider: calendar.provider });
    const channel = await providerOf(deps, calendar).watch(session, {
      providerCalendarId: calendar.provider_calendar_id,
      watchId,
      address: addressOf(deps, calendar),
      token,
      expiresAt: wantedExpiry(deps),
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

const wantedExpiry = (deps: SyncDeps): string =>
  new Date(deps.clock.now().getTime() + lifetimeMs).toISOString();

/**
 * Graph lists a subscription with its address and without its secret: the calendar in the address says which one is
 * ours. Google's addresses are allow-listed and stay as they are.
 */
const addressOf = ({ settings }: SyncDeps, calendar: WatchableCalendar): string => {
  const base = `${settings.ingressUrl}/integrations/calendar/webhooks/${calendar.provider}`;
  return calendar.provider === 'microsoft' ? `${base}?calendar=${calendar.id}` : base;
};

function judge(
  calendar: WatchableCalendar | null,
  at: Date,
  mustRenew: boolean,
): 'watch' | 'already' | 'not_watchable' {
  if (!calendar?.active || calendar.account_status !== 'active' || calendar.state === 'gone')
    return 'not_watchable';
  if (calendar.push_refused_at) return 'not_watchable';
  const isFresh = calendar.live_until && calendar.live_until.getTime() - at.getTime() > freshMs;
  if (isFresh && !mustRenew) return 'already';
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
