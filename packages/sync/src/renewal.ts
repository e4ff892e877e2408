/** What channels and calendar lists need, found once an hour: renewals half a day ahead, and whatever is missing. */
import type { AccountId, CalendarId } from '@calfleet/domain';
import {
  accountsListedBefore,
  accountsOfHour,
  channelsOnKey,
  expiringChannels,
  oldSigningKeys,
  refusedCalendars,
  unwatchedCalendars,
  type ExpiringChannel,
  type KeyedChannel,
  type Transaction,
} from '@calfleet/db';
import type { JobRequest } from '@calfleet/jobs';
import type { SyncDeps } from './deps.ts';
import { firstKeySince } from './first-key.ts';
import { ringMany } from './ring.ts';
import { planStops } from './stop-watches.ts';
import { aheadMs, partOf, refusalMs } from './watch-due.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const pageSize = 500;
/** Per kind and tick; Google grants a project 10,000 requests a minute. The next tick goes on. */
const plannedMax = 20_000;
/** What has hours left is spread over this time, so that it never waits behind the next tick's work. */
const spreadMs = 50 * minuteMs;
/** A calendar without a channel waits no longer than this. */
const soonMs = minuteMs;
/** An attempt younger than this may still be answered. */
export const answeredMs = 2 * minuteMs;
/** In its own hour an account is listed once, also when the tick comes more often. */
const listedLatelyMs = 2 * hourMs;
/** Its hour was missed: a day, and the time in which it is not listed again. */
const missedMs = dayMs + listedLatelyMs;

/** The tick `watch-renewal`. */
export async function planWatches(deps: SyncDeps): Promise<Record<string, number>> {
  const stops = await planStops(deps, plannedMax / pageSize);
  return {
    ...stops,
    expiring: await planExpiring(deps),
    old_key: await planOldKeys(deps),
    missing: await planMissing(deps),
    refused: await planRefused(deps),
    lists: await planLists(deps),
  };
}

function planExpiring(deps: SyncDeps): Promise<number> {
  const at = deps.clock.now();
  const until = new Date(at.getTime() + aheadMs);
  return inPages<ExpiringChannel>(
    deps,
    (tx, page) => expiringChannels(tx, { ...page, until, at }),
    ensureAhead,
  );
}

/**
 * Channels on an old key are replaced over the day after the rotation, each calendar in its own part of it. Later ones
 * (a worker that did not know yet) at once.
 */
async function planOldKeys(deps: SyncDeps): Promise<number> {
  const at = deps.clock.now();
  const { signingKeyId } = deps.signer;
  const { slots, old } = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const since = await firstKeySince(deps, tx, at);
    if (since === null) return { slots: 0, old: [] };
    const spent = (at.getTime() - since.getTime() + hourMs) / dayMs;
    return { slots: Math.min(256, Math.ceil(spent * 256)), old: await oldSigningKeys(tx, signingKeyId) };
  });
  let planned = 0;
  for (const keyId of old) {
    planned += await inPages<KeyedChannel>(
      deps,
      (tx, page) => channelsOnKey(tx, { ...page, keyId, slots, at }),
      ensureAhead,
    );
  }
  return planned;
}

function planMissing(deps: SyncDeps): Promise<number> {
  const at = deps.clock.now();
  const triedBefore = new Date(at.getTime() - answeredMs);
  return inPages<{ id: CalendarId }>(
    deps,
    (tx, page) => unwatchedCalendars(tx, { ...page, triedBefore, at }),
    ({ id: calendarId }) => ({
      name: 'ensure-watch',
      payload: { calendarId },
      options: { delayMs: Math.floor(partOf(calendarId) * soonMs) },
    }),
  );
}

function planRefused(deps: SyncDeps): Promise<number> {
  const at = deps.clock.now();
  const refusedBefore = new Date(at.getTime() - refusalMs);
  return inPages<{ id: CalendarId; at: Date }>(
    deps,
    (tx, page) => refusedCalendars(tx, { ...page, refusedBefore, at }),
    ensureAhead,
  );
}

/** Each account's calendar list once a day, in the hour that its id names; what was missed then, with the next tick. */
async function planLists(deps: SyncDeps): Promise<number> {
  const at = deps.clock.now();
  const before = (ms: number): Date => new Date(at.getTime() - ms);
  const list = ({ id: accountId }: ListedAccount): JobRequest => ({
    name: 'discover-account',
    payload: { accountId, daily: true },
    options: { delayMs: Math.floor(partOf(accountId) * spreadMs) },
  });
  const ofHour = { hour: at.getUTCHours(), listedBefore: before(listedLatelyMs) };
  const missed = { listedBefore: before(missedMs) };
  return (
    (await inPages<ListedAccount>(deps, (tx, page) => accountsOfHour(tx, { ...page, ...ofHour }), list)) +
    (await inPages<ListedAccount>(deps, (tx, page) => accountsListedBefore(tx, { ...page, ...missed }), list))
  );
}

interface ListedAccount {
  id: AccountId;
  at: Date;
}

const ensureAhead = ({ id: calendarId }: { id: CalendarId }): JobRequest => ({
  name: 'ensure-watch',
  payload: { calendarId, ahead: true },
  options: { delayMs: Math.floor(partOf(calendarId) * spreadMs) },
});

/** Plans one small job per row, a page at a time. @returns how many */
async function inPages<Row>(
  deps: SyncDeps,
  read: (tx: Transaction, page: { after: Row | null; limit: number }) => Promise<Row[]>,
  request: (row: Row) => JobRequest,
): Promise<number> {
  let planned = 0;
  let after: Row | null = null;
  while (planned < plannedMax) {
    const position: Row | null = after;
    const rows: Row[] = await deps.db.transaction({ role: 'worker' }, (tx) =>
      read(tx, { after: position, limit: pageSize }),
    );
    await ringMany(deps, rows.map(request));
    planned += rows.length;
    after = rows.at(-1) ?? null;
    if (rows.length < pageSize) break;
  }
  return planned;
}
