/** Channels: our row first, then the provider's call, since the first message may come before the answer. */
import {
  asSyncError,
  newId,
  type CalendarId,
  type CalendarProvider,
  type ProviderSession,
  type SyncError,
  type WatchId,
} from '@calfleet/domain';
import {
  activateWatch,
  endWatch,
  failWatch,
  forgetWatch,
  insertWatch,
  isDatabaseUnavailable,
  lockForWatch,
  loseWatch,
  markDirty,
  markUnheard,
  markReauthNeeded,
  prolongWatch,
  putWatchOff,
  refusePush,
  retireWatch,
  type Transaction,
  type WatchableCalendar,
} from '@calfleet/db';
import type { metricLabels } from '@calfleet/telemetry';
import type { SyncDeps } from './deps.ts';
import { countInvalidated } from './provider-counts.ts';
import { providerOf } from './provider-of.ts';
import { ring } from './ring.ts';
import { isPutOff, judgeWatch, watchAgainAt, type WatchWish } from './watch-due.ts';

/** What the provider is asked for; it answers with what it grants. Google's own default for events is 7 days. */
const lifetimeMs = 7 * 86_400_000;

export type WatchResult =
  | 'watched'
  | 'renewed'
  | 'already'
  /** Put off after a failure. */
  | 'later'
  | 'not_watchable';

type RenewalResult = (typeof metricLabels.renewalResults)[number];

interface WatchOptions {
  /** The provider wants it renewed now. */
  mustRenew?: boolean;
  /** The hourly plan: renews what runs out within half a day, and replaces what is on an old key. */
  ahead?: boolean;
}

interface LiveChannel {
  id: WatchId;
  resourceId: string;
}

type Step =
  | { do: 'nothing'; result: WatchResult }
  | { do: 'prolong'; calendar: WatchableCalendar; channel: LiveChannel }
  | {
      do: 'open';
      calendar: WatchableCalendar;
      watch: { id: WatchId; token: string };
      stopFirst: LiveChannel | null;
    };

/**
 * Makes sure that a calendar has a live channel. Where the provider can prolong one, one that runs out, or that
 * `mustRenew`, is prolonged. Else a new one is opened, and the old one is stopped once the new one lives. Only where
 * the provider allows no second one (Graph) and the key of the first is old, is the old one stopped first.
 * @throws SyncError of the provider; `push_not_supported` is remembered and is no failure
 */
export async function ensureWatch(
  deps: SyncDeps,
  calendarId: CalendarId,
  { mustRenew = false, ahead = false }: WatchOptions = {},
): Promise<WatchResult> {
  const wish = mustRenew ? 'renew' : ahead ? 'ahead' : 'have';
  const step = await deps.db
    .transaction({ role: 'worker' }, (tx) => begin(deps, tx, calendarId, wish))
    .catch((thrown: unknown) => failBegin(deps, calendarId, thrown));
  if (step.do === 'nothing') return step.result;
  if (step.do === 'open') return openWatch(deps, step);
  if (await prolonged(deps, step)) return 'renewed';
  // It is gone, and said to be: what is opened now is new.
  return ensureWatch(deps, calendarId);
}

async function begin(
  deps: SyncDeps,
  tx: Transaction,
  calendarId: CalendarId,
  wish: WatchWish,
): Promise<Step> {
  const calendar = await lockForWatch(tx, calendarId);
  const at = deps.clock.now();
  const watchId = newId<WatchId>();
  if (!calendar) return { do: 'nothing', result: 'not_watchable' };
  const sign = calendar.provider === 'microsoft' ? 'signClientState' : 'sign';
  const { token, keyId } = deps.signer[sign](watchId);
  const verdict = judgeWatch(calendar, { at, wish, keyId });
  if (verdict !== 'watch') return { do: 'nothing', result: verdict };
  const live = liveChannel(calendar);
  const isOldKey = live !== null && calendar.live_key_id !== keyId;
  const canProlong = !isReplaced(providerOf(deps, calendar));
  if (live && canProlong && !(isOldKey && wish === 'ahead'))
    return { do: 'prolong', calendar, channel: live };
  const stopFirst = canProlong ? live : null;
  if (stopFirst) await retireWatch(tx, stopFirst.id, at);
  await insertWatch(tx, calendar, { id: watchId, replacesId: live?.id ?? null, signingKeyId: keyId, at });
  return { do: 'open', calendar, watch: { id: watchId, token }, stopFirst };
}

/** What cannot even begin is put off, too: else each tick would try it again. */
async function failBegin(deps: SyncDeps, calendarId: CalendarId, thrown: unknown): Promise<never> {
  if (!isDatabaseUnavailable(thrown)) {
    await deps.db.transaction({ role: 'worker' }, async (tx) => {
      const calendar = await lockForWatch(tx, calendarId);
      if (calendar) await noteFailure(deps, tx, calendar, asSyncError(thrown));
    });
  }
  throw thrown;
}

const liveChannel = ({ live_id: id, live_resource_id: resourceId }: WatchableCalendar): LiveChannel | null =>
  id && resourceId ? { id, resourceId } : null;

/**
 * Where channels are replaced and never prolonged (Google), a new one begins with a message, and the resource id names
 * the calendar: all its channels share it.
 */
export const isReplaced = (provider: CalendarProvider): boolean => provider.renewWatch === undefined;

/** @returns whether the live channel goes on; false: the provider has dropped it */
async function prolonged(
  deps: SyncDeps,
  { calendar, channel: { id, resourceId } }: Extract<Step, { do: 'prolong' }>,
): Promise<boolean> {
  try {
    const session = sessionFor(deps, calendar);
    const request = { resourceId, expiresAt: wantedExpiry(deps) };
    const channel = await providerOf(deps, calendar).renewWatch?.(session, request);
    if (!channel) return false;
    const at = deps.clock.now();
    const expiresAt = new Date(channel.expiresAt);
    await deps.db.transaction({ role: 'worker' }, (tx) => prolongWatch(tx, { id, expiresAt, at }));
    count(deps, calendar, 'renewed');
    return true;
  } catch (thrown) {
    const error = asSyncError(thrown);
    count(deps, calendar, error.code === 'remote_missing' ? 'lost' : isPutOff(error) ? 'put_off' : 'failed');
    if (error.code === 'remote_missing') {
      await loseChannel(deps, id, calendar.id);
      return false;
    }
    await deps.db.transaction({ role: 'worker' }, (tx) => noteFailure(deps, tx, calendar, error));
    throw error;
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
  { calendar, watch: { id, token }, stopFirst }: Extract<Step, { do: 'open' }>,
): Promise<WatchResult> {
  const provider = providerOf(deps, calendar);
  const sharesResource = isReplaced(provider);
  try {
    const session = sessionFor(deps, calendar);
    if (stopFirst) {
      await provider.stopWatch(session, { watchId: stopFirst.id, resourceId: stopFirst.resourceId });
    }
    const { resourceId, expiresAt } = await provider.watch(session, {
      providerCalendarId: calendar.provider_calendar_id,
      watchId: id,
      address: addressOf(deps, calendar),
      token,
      expiresAt: wantedExpiry(deps),
    });
    const isUnheard = await deps.db.transaction({ role: 'worker' }, async (tx) => {
      const at = deps.clock.now();
      await activateWatch(tx, { id, resourceId, expiresAt: new Date(expiresAt), sharesResource, at });
      if (stopFirst) await endWatch(tx, stopFirst.id, at);
      // Where no first message says so.
      return !sharesResource && markUnheard(tx, calendar.id);
    });
    if (isUnheard) await ring(deps, calendar.id, 'backfill');
  } catch (thrown) {
    return refuse(deps, calendar, id, asSyncError(thrown));
  }
  count(deps, calendar, calendar.live_id === null ? 'created' : 'replaced');
  const old = sharesResource ? liveChannel(calendar) : null;
  if (old) await deps.jobs.enqueue('stop-watch', { watchId: old.id, resourceId: old.resourceId });
  return 'watched';
}

const count = ({ metrics }: SyncDeps, { provider }: WatchableCalendar, result: RenewalResult): void =>
  metrics.channelRenewals.inc({ provider, result });

/** A channel that comes late costs notifications: it is as urgent as they are. */
const sessionFor = (
  deps: SyncDeps,
  { account_id: accountId, provider }: WatchableCalendar,
): ProviderSession => deps.sessions.open({ accountId, provider, urgency: 'notify' });

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
  const isAlive = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const at = deps.clock.now();
    const state = mayLive ? 'abandoned' : 'failed';
    const ended = isPutOff(error)
      ? await forgetWatch(tx, watchId)
      : await failWatch(tx, { id: watchId, state, reason: error.code, at });
    if (ended.isAlive) return true;
    if (forGood) await refusePush(tx, calendar.id, at);
    else await noteFailure(deps, tx, calendar, error);
    return false;
  });
  const opened = calendar.live_id === null ? 'created' : 'replaced';
  count(deps, calendar, isAlive ? opened : forGood ? 'refused' : isPutOff(error) ? 'put_off' : 'failed');
  // Its first message was here before the answer got lost.
  if (isAlive) return 'watched';
  if (forGood) return 'not_watchable';
  if (error.code === 'remote_missing') await ring(deps, calendar.id, 'schedule');
  throw error;
}

/** The row remembers when there may be a further attempt; a grant that is dead ends them all. */
async function noteFailure(
  deps: SyncDeps,
  tx: Transaction,
  calendar: WatchableCalendar,
  error: SyncError,
): Promise<void> {
  const at = deps.clock.now();
  const counts = !isPutOff(error);
  const failures = counts ? calendar.watch_failures + 1 : 1;
  const until = watchAgainAt({ at, error, failures, calendarId: calendar.id });
  await putWatchOff(tx, calendar.id, { until, counts });
  if (error.code === 'credentials_revoked') {
    const isNews = await markReauthNeeded(tx, calendar.account_id, error.message, at);
    if (isNews) countInvalidated(deps.metrics, calendar.provider, error);
  }
  // The calendar seems to be gone: a pull finds out.
  if (error.code === 'remote_missing') await markDirty(tx, calendar.id);
}
