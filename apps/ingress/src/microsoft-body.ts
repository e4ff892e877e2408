/**
 * Graph sends its notifications as the items of one JSON body; items of several subscriptions and tenants may share
 * it. https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 * Each item is judged on its own (I4). Nothing of an item but these fields is looked at: what changed is asked of
 * Graph itself.
 */
import { z } from 'zod';

export interface MicrosoftNotification {
  /** Unchecked; undefined when none was sent. */
  clientState: string | undefined;
  event: 'change' | 'reauthorization_required' | 'subscription_removed' | 'missed';
  subscriptionId: string;
  /** ISO instant; null when none was sent, or none that can be read: the hint is as good without it. */
  expiresAt: string | null;
}

export type MicrosoftItem =
  | { notification: MicrosoftNotification }
  /** `unknown_event`: a lifecycle event that Graph did not have when this was written. */
  | { problem: 'malformed' | 'unknown_event' };

/** `path` is the field's name, or `body`. */
export interface BodyProblem {
  path: string;
  message: string;
}

/** The shortest item that can be ours has more than 180 bytes, so a body within its cap has fewer than 1,460. */
export const itemsMax = 2000;

export function readMicrosoftBody(
  bytes: Uint8Array,
): { items: MicrosoftItem[] } | { problems: BodyProblem[] } {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return { problems: [{ path: 'body', message: 'is not JSON' }] };
  }
  const read = bodyShape.safeParse(json);
  if (read.success) return { items: read.data.value.map(readItem) };
  return {
    problems: read.error.issues.map(({ path, message }) => ({ path: path.join('.') || 'body', message })),
  };
}

function readItem(item: unknown): MicrosoftItem {
  const read = itemShape.safeParse(item);
  if (!read.success) return { problem: 'malformed' };
  const {
    clientState,
    subscriptionId,
    subscriptionExpirationDateTime: expiresAt,
    lifecycleEvent,
  } = read.data;
  const event = lifecycleEvent == null ? 'change' : lifecycleEvents.get(lifecycleEvent);
  if (event === undefined) return { problem: 'unknown_event' };
  // A lifecycle item says nothing of a change; everything else has to.
  if (event === 'change' && read.data.changeType == null) return { problem: 'malformed' };
  return { notification: { clientState, event, subscriptionId, expiresAt } };
}

/** https://learn.microsoft.com/graph/change-notifications-lifecycle-events */
const lifecycleEvents = new Map<string, MicrosoftNotification['event']>([
  ['reauthorizationRequired', 'reauthorization_required'],
  ['subscriptionRemoved', 'subscription_removed'],
  ['missed', 'missed'],
]);

const bodyShape = z.object(
  {
    value: z
      .array(z.unknown(), { error: 'is not a list of notifications' })
      .max(itemsMax, { error: `has more than ${itemsMax} items` }),
  },
  { error: 'is not an object' },
);

/** Seven digits of a second and an offset are usual. Past the year 9999 in UTC it is no instant of ours. */
const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text).toISOString())
  .pipe(z.iso.datetime());

/** https://learn.microsoft.com/graph/api/resources/changenotification */
const itemShape = z.object({
  subscriptionId: z.string().regex(/^[\x21-\x7e]{1,512}$/),
  // A client state of another type is as wrong as a missing one, and is counted as such.
  clientState: z.string().optional().catch(undefined),
  changeType: z.enum(['created', 'updated', 'deleted']).nullish(),
  lifecycleEvent: z.string().nullish(),
  subscriptionExpirationDateTime: instant.nullable().catch(null),
});
