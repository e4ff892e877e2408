/** The shapes of notifications. https://learn.microsoft.com/graph/api/resources/changenotification */
import type { Random } from '../random.ts';
import { guid } from './guid.ts';
import type { ChangeType, MailboxChange } from './mailbox.ts';
import type { Subscription } from './subscriptions-store.ts';

export const lifecycleEvents = ['reauthorizationRequired', 'subscriptionRemoved', 'missed'] as const;
export type LifecycleEvent = (typeof lifecycleEvents)[number];

/** Type (0x0F: event) and length (22) before the changeKey, little-endian: not the form that reads have. */
const ETAG_PREFIX = Buffer.from('0f00000016000000', 'hex');

export function changeItem(
  subscription: Subscription,
  change: MailboxChange,
  more: { changeType: ChangeType; clientState: string | null; random: Random },
): Record<string, unknown> {
  const id = subscription.immutableIds ? change.immutableEventId : change.eventId;
  const resource = `Users/${change.mailbox.oid}/Events/${id}`;
  const etag = `W/"${Buffer.concat([ETAG_PREFIX, change.changeKey]).toString('base64')}"`;
  return {
    // Optional in the schema, and not always there.
    ...(more.random.chance(0.5) ? { id: guid(more.random) } : {}),
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: offsetForm(subscription.expiresAtMs),
    changeType: more.changeType,
    resource,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Event',
      '@odata.id': resource,
      '@odata.etag': etag,
      id,
    },
    clientState: more.clientState,
    tenantId: subscription.mailbox.tenantId,
  };
}

/** https://learn.microsoft.com/graph/change-notifications-lifecycle-events */
export function lifecycleItem(subscription: Subscription, event: LifecycleEvent): Record<string, unknown> {
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: offsetForm(subscription.expiresAtMs),
    tenantId: subscription.mailbox.tenantId,
    clientState: subscription.clientState,
    lifecycleEvent: event,
  };
}

/** An instant as notifications carry it: seven fractional digits and an offset instead of `Z`. */
const offsetForm = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}0000+00:00`;
