/**
 * The operations of `/subscriptions`. https://learn.microsoft.com/graph/api/resources/subscription
 * The addresses are asked before the answer, so a client has to be ready for a subscription it has not heard about.
 */
import { json, noContent, type Reply } from '../reply.ts';
import type { SignedCall } from './call.ts';
import { guid } from './guid.ts';
import { readCreation, readUpdate, type WantedSubscription } from './subscriptions-body.ts';
import {
  extensionError,
  forbiddenResource,
  mailboxMoving,
  subscriptionExists,
  subscriptionNotFound,
  type SubscriptionOperation,
} from './subscriptions-errors.ts';
import { validateAddresses } from './subscriptions-handshake.ts';
import { findResource, type SubscribedResource } from './subscriptions-resource.ts';
import type { Subscription } from './subscriptions-store.ts';

export async function createSubscription(call: SignedCall): Promise<Reply> {
  const { world, access } = call;
  const wanted = readCreation(world, call.body);
  checkScopes(call);
  const resource = findResource(call, wanted.resource);
  checkRoom(call, resource, wanted);
  checkMailbox(call, 'Create');
  const { notificationUrl, lifecycleNotificationUrl } = wanted;
  await validateAddresses(world, [
    notificationUrl,
    ...(lifecycleNotificationUrl === null ? [] : [lifecycleNotificationUrl]),
  ]);
  // Another request may have come first while the addresses were asked.
  checkRoom(call, resource, wanted);
  const subscription: Subscription = {
    ...wanted,
    ...resource,
    id: guid(world.names),
    clientId: access.clientId,
    creatorId: access.oid ?? access.clientId,
    immutableIds: call.prefer.immutableIds,
    createdAtMs: world.clock.now(),
    access,
    ended: null,
    endedAtMs: null,
    askedAtMs: null,
    reauthorizedAtMs: null,
    doubleReauthorizations: 0,
    missed: 0,
    kept: [],
    delivered: { items: 0, lifecycle: 0, lastAtMs: null },
  };
  world.subscriptions.open(subscription);
  return json(entity(call, subscription, { clientState: subscription.clientState }), 201);
}

/** The app's own for the signed-in user, without their secrets. */
export async function listSubscriptions(call: SignedCall): Promise<Reply> {
  const { world, access, params, rootUrl } = call;
  const own = world.subscriptions.allLiving().filter((subscription) => isOwn(call, subscription));
  const skip = Math.max(0, Math.trunc(Number(params.get('$skiptoken') ?? 0)) || 0);
  const next = skip + world.quirks.subscriptionPageSize;
  const page = own.slice(skip, next);
  return json({
    '@odata.context': `${rootUrl}/$metadata#subscriptions`,
    ...(next < own.length ? { '@odata.nextLink': `${rootUrl}/subscriptions?$skiptoken=${next}` } : {}),
    value: page.map((subscription) => facts(subscription, { clientState: null, access })),
  });
}

export async function getSubscription(call: SignedCall, id: string): Promise<Reply> {
  return json(entity(call, find(call, id), { clientState: null }));
}

/** Extends and reauthorises; a changed address is asked first. */
export async function updateSubscription(call: SignedCall, id: string): Promise<Reply> {
  const { world, access } = call;
  const subscription = find(call, id);
  const { expiresAtMs, notificationUrl } = readUpdate(world, call.body, subscription);
  checkMailbox(call, 'Update');
  if (notificationUrl !== null && notificationUrl !== subscription.notificationUrl) {
    await validateAddresses(world, [notificationUrl]);
    // It may have ended while the address was asked.
    find(call, id);
    subscription.notificationUrl = notificationUrl;
  }
  if (expiresAtMs !== null) subscription.expiresAtMs = expiresAtMs;
  world.subscriptions.reauthorize(subscription, access);
  return json(entity(call, subscription, { clientState: null }));
}

export async function deleteSubscription(call: SignedCall, id: string): Promise<Reply> {
  call.world.subscriptions.end(find(call, id), 'deleted');
  return noContent;
}

/** A new token, but no further time. */
export async function reauthorizeSubscription(call: SignedCall, id: string): Promise<Reply> {
  const subscription = find(call, id);
  checkMailbox(call, 'Update');
  call.world.subscriptions.reauthorize(subscription, call.access);
  return noContent;
}

/** @throws GraphError 404, also for what belongs to others */
function find(call: SignedCall, id: string): Subscription {
  const subscription = call.world.subscriptions.living(id);
  if (subscription === undefined || !isOwn(call, subscription)) throw subscriptionNotFound();
  return subscription;
}

function isOwn({ access }: SignedCall, { clientId, mailbox }: Subscription): boolean {
  if (clientId !== access.clientId || mailbox.tenantId !== access.tenantId) return false;
  return access.oid === null || access.oid === mailbox.oid;
}

/** https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions */
function checkScopes({ world, access }: SignedCall): void {
  const sufficient = world.quirks.subscriptionNeedsReadScope
    ? ['calendars.read']
    : ['calendars.read', 'calendars.readwrite'];
  const has = access.scopes.some((scope) => sufficient.includes(scope.toLowerCase().split('/').at(-1) ?? ''));
  if (!has) throw forbiddenResource();
}

function checkRoom(
  call: SignedCall,
  { mailbox, folderId }: SubscribedResource,
  wanted: WantedSubscription,
): void {
  const { world, access } = call;
  const living = world.subscriptions.livingOf(mailbox);
  const { subscriptionsPerMailboxMax, duplicateSubscriptions } = world.quirks;
  if (duplicateSubscriptions === 'conflict') {
    const twin = living.find(
      (known) =>
        known.clientId === access.clientId &&
        known.folderId === folderId &&
        known.changeTypes.size === wanted.changeTypes.size &&
        [...known.changeTypes].every((type) => wanted.changeTypes.has(type)),
    );
    if (twin !== undefined) throw subscriptionExists(twin.id);
  }
  if (living.length >= subscriptionsPerMailboxMax) {
    throw extensionError(403, 'Create', {
      status: 'Forbidden',
      reason: `Maximum number of active subscriptions per mailbox (${subscriptionsPerMailboxMax}) has been reached.`,
    });
  }
}

function checkMailbox({ world }: SignedCall, operation: SubscriptionOperation): void {
  if (world.whims.chance(world.quirks.subscriptionUnavailableRate)) throw mailboxMoving(operation);
}

function entity(
  call: SignedCall,
  subscription: Subscription,
  shown: { clientState: string | null },
): Record<string, unknown> {
  return {
    '@odata.context': `${call.rootUrl}/$metadata#subscriptions/$entity`,
    ...facts(subscription, { ...shown, access: call.access }),
  };
}

/** Every documented property, also those that are null. */
const facts = (
  subscription: Subscription,
  shown: { clientState: string | null; access: { clientId: string } },
): Record<string, unknown> => ({
  id: subscription.id,
  resource: subscription.resource,
  applicationId: shown.access.clientId,
  changeType: subscription.changeType,
  clientState: shown.clientState,
  notificationUrl: subscription.notificationUrl,
  notificationQueryOptions: null,
  lifecycleNotificationUrl: subscription.lifecycleNotificationUrl,
  expirationDateTime: dotNetInstant(subscription.expiresAtMs),
  creatorId: subscription.creatorId,
  includeResourceData: null,
  latestSupportedTlsVersion: subscription.latestSupportedTlsVersion,
  encryptionCertificate: null,
  encryptionCertificateId: null,
  notificationUrlAppId: null,
});

/** Seven fractional digits, or none at a whole second. */
function dotNetInstant(ms: number): string {
  const text = new Date(ms).toISOString();
  return text.endsWith('.000Z') ? text.replace('.000Z', 'Z') : text.replace('Z', '0000Z');
}
