/**
 * Subscriptions. Graph calls the address before it answers; one address takes changes and lifecycle events alike.
 * https://learn.microsoft.com/graph/api/subscription-post-subscriptions
 */
import {
  instantOf,
  SyncError,
  type Channel,
  type ProviderSession,
  type WatchRequest,
} from '@calfleet/domain';
import { isJson, objectsOf, textOf, type Json } from '../json.ts';
import { readDateTime } from '../wall-time.ts';
import { call, type GraphCalls } from './call.ts';
import type { GraphOperation } from './errors.ts';

/**
 * Documented are 10,080 minutes, live Graph is reported to refuse what lies above 10,070; the rest is for clocks that
 * differ. https://learn.microsoft.com/graph/api/resources/subscription#maximum-length-of-subscription-per-resource-type
 */
const LIFE_MAX_MS = 10_000 * 60_000;
/** What services allowed before 2025, and some may still: 4,230 minutes. */
const SHORT_LIFE_MAX_MS = 4_200 * 60_000;

/**
 * A subscription rests on the token that made or prolonged it: with the token's end, nothing is delivered any more.
 * Graph asks for a new one 15 minutes before; tokens live 60 to 90 minutes.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
const TOKEN_LIFE_MS = 40 * 60_000;

export async function watch(
  calls: GraphCalls,
  session: ProviderSession,
  request: WatchRequest,
): Promise<Channel> {
  try {
    return await create(calls, session, request);
  } catch (thrown) {
    if (!isDuplicate(thrown)) throw thrown;
    // Ours from before, whose answer was lost. Those of other houses with the same client id are theirs.
    const there = await subscriptionsTo(calls, session, request.providerCalendarId);
    const ours = there.filter(({ address }) => address === request.address);
    // One that is only just being made stands in no list yet: it says nothing against this calendar.
    if (there.length === 0) throw strange('watch', 'a duplicate of nothing');
    if (ours.length === 0) throw thrown;
    for (const { id } of ours) await remove(calls, session, id);
    return await create(calls, session, request).catch((again: unknown) => {
      throw isDuplicate(again) ? strange('watch', 'a duplicate of what was deleted') : again;
    });
  }
}

/** Prolongs and, in the same request, hands over a new token. @throws remote_missing it has ended */
export async function renewWatch(
  calls: GraphCalls,
  session: ProviderSession,
  channel: { resourceId: string; expiresAt: string },
): Promise<Channel> {
  return withLife(calls, channel.expiresAt, async (expirationDateTime) => {
    const subscription = await call(calls, session, {
      operation: 'renewWatch',
      method: 'PATCH',
      tokenLifeMs: TOKEN_LIFE_MS,
      at: subscriptionPath(channel.resourceId),
      body: { expirationDateTime },
    });
    return readChannel(subscription, 'renewWatch');
  });
}

/** Asks with the longest life, and once more with a shorter one where that is refused as a bad request. */
async function withLife(
  calls: GraphCalls,
  wanted: string,
  ask: (expirationDateTime: string) => Promise<Channel>,
): Promise<Channel> {
  try {
    return await ask(expiryOf(calls, wanted, LIFE_MAX_MS));
  } catch (thrown) {
    const isRefused = thrown instanceof SyncError && thrown.context['status'] === 400;
    // An address that is not accepted will not be with a shorter life.
    if (!isRefused || thrown.code === 'misconfigured') throw thrown;
    return ask(expiryOf(calls, wanted, SHORT_LIFE_MAX_MS));
  }
}

export const stopWatch = (
  calls: GraphCalls,
  session: ProviderSession,
  channel: { resourceId: string },
): Promise<void> => remove(calls, session, channel.resourceId);

const create = (calls: GraphCalls, session: ProviderSession, request: WatchRequest): Promise<Channel> =>
  withLife(calls, request.expiresAt, (expiry) => post(calls, session, request, expiry));

async function post(
  calls: GraphCalls,
  session: ProviderSession,
  request: WatchRequest,
  expirationDateTime: string,
): Promise<Channel> {
  const subscription = await call(calls, session, {
    operation: 'watch',
    method: 'POST',
    at: '/subscriptions',
    tokenLifeMs: TOKEN_LIFE_MS,
    body: {
      changeType: 'created,updated,deleted',
      // `me/events` is reported to speak of the default calendar alone.
      // https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/51
      resource: `/me/calendars/${resourceId(request.providerCalendarId)}/events`,
      notificationUrl: request.address,
      // It cannot be added later.
      lifecycleNotificationUrl: request.address,
      clientState: request.token,
      expirationDateTime,
    },
  });
  return readChannel(subscription, 'watch');
}

/** A subscription that is gone already is closed. */
async function remove(calls: GraphCalls, session: ProviderSession, id: string): Promise<void> {
  try {
    await call(calls, session, { operation: 'stopWatch', method: 'DELETE', at: subscriptionPath(id) });
  } catch (thrown) {
    if (thrown instanceof SyncError && thrown.code === 'remote_missing') return;
    throw thrown;
  }
}

/** The quota is 1,000 per mailbox; pages hold 100. */
const PAGES_MAX = 20;

/** All of this application's that speak of the calendar, whoever made them. */
async function subscriptionsTo(
  calls: GraphCalls,
  session: ProviderSession,
  providerCalendarId: string,
): Promise<{ id: string; address: string | null }[]> {
  const found: Json[] = [];
  let at: string | null = '/subscriptions';
  for (let pages = 0; at !== null && pages < PAGES_MAX; pages += 1) {
    const page: unknown = await call(calls, session, { operation: 'watch', method: 'GET', at });
    if (!isJson(page)) throw strange('watch', 'no list of subscriptions');
    found.push(...objectsOf(page['value']));
    at = textOf(page['@odata.nextLink']);
  }
  const name = resourceId(providerCalendarId);
  return found.flatMap((each) => {
    const id = textOf(each['id']);
    const isOfCalendar = textOf(each['resource'])?.includes(name) ?? false;
    return id !== null && isOfCalendar ? [{ id, address: textOf(each['notificationUrl']) }] : [];
  });
}

/** A resource is a name and no address: the padding of ids is written as it is everywhere else. */
const resourceId = (id: string): string => encodeURIComponent(id).replaceAll('%3D', '=');

const isDuplicate = (thrown: unknown): boolean =>
  thrown instanceof SyncError && thrown.code === 'push_not_supported' && thrown.context['status'] === 409;

const subscriptionPath = (id: string): string => `/subscriptions/${encodeURIComponent(id)}`;

const expiryOf = ({ clock }: GraphCalls, wanted: string, lifeMaxMs: number): string =>
  instantOf(new Date(Math.min(Date.parse(wanted), clock.now().getTime() + lifeMaxMs)));

/** Short lives are raised and long ones may be cut: what Graph says counts. */
function readChannel(subscription: unknown, operation: GraphOperation): Channel {
  const id = isJson(subscription) ? textOf(subscription['id']) : null;
  const expiry = isJson(subscription) ? textOf(subscription['expirationDateTime']) : null;
  if (id === null || expiry === null) throw strange(operation, 'no subscription');
  return { resourceId: id, expiresAt: readExpiry(expiry, operation) };
}

function readExpiry(expiry: string, operation: GraphOperation): string {
  try {
    const time = readDateTime(expiry);
    return 'instant' in time ? time.instant : `${time.local}Z`;
  } catch {
    throw strange(operation, 'an expiry that is no time');
  }
}

const strange = (operation: GraphOperation, what: string): SyncError =>
  new SyncError('provider_unavailable', `Graph answered ${operation} with ${what}`, {
    context: { operation },
  });
