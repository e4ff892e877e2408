/**
 * What a subscription may be about. Documented are `me/events` and `users/{id}/events`; the events of one calendar
 * work too. https://learn.microsoft.com/graph/outlook-change-notifications-overview
 */
import { badRequest } from './errors.ts';
import type { SignedCall } from './call.ts';
import type { Mailbox } from './mailbox.ts';
import { extensionError, forbiddenResource, invalidSubscription } from './subscriptions-errors.ts';

export interface SubscribedResource {
  mailbox: Mailbox;
  /** null: the whole mailbox. */
  folderId: string | null;
}

const EVENTS =
  /^\/?(?:me|users\/(?<user>[^/]+)|users\('(?<quoted>[^']+)'\))(?:\/calendars\/(?<calendar>[^/]+))?\/events\/?$/i;
const GROUP_EVENTS = /^\/?groups\/[^/]+(?:\/calendar)?\/events\/?$/i;

/** @throws GraphError */
export function findResource(call: SignedCall, resource: string): SubscribedResource {
  // Group calendars cannot be subscribed.
  if (GROUP_EVENTS.test(resource)) throw notInStore(400);
  const match = EVENTS.exec(resource);
  if (match === null) {
    throw invalidSubscription(`The resource '${resource.slice(0, 200)}' is not supported for subscriptions.`);
  }
  const { user, quoted, calendar } = match.groups ?? {};
  const mailbox = mailboxOf(call, user ?? quoted);
  if (!mailbox.isRestEnabled) {
    throw extensionError(404, 'Create', { status: 'NotFound', reason: 'MailboxNotEnabledForRESTAPI' });
  }
  if (calendar === undefined) return { mailbox, folderId: null };
  const id = unescaped(calendar);
  const entry = mailbox.calendars.get(id) ?? [...mailbox.calendars.values()].find((known) => known.id === id);
  if (entry === undefined) throw notInStore(404);
  // Delegated permissions reach the signed-in user's own mailbox alone, also where a calendar is shared.
  if (entry.owner !== mailbox) throw forbiddenResource();
  return { mailbox, folderId: entry.folderId };
}

function mailboxOf({ world, access }: SignedCall, user: string | undefined): Mailbox {
  const own = access.oid === null ? undefined : world.mailboxes.get(access.oid);
  if (user === undefined) {
    if (own === undefined) {
      throw badRequest('/me request is only valid with delegated authentication flow.');
    }
    return own;
  }
  const named = world.mailbox(unescaped(user));
  if (named === undefined || named.tenantId !== access.tenantId) throw notInStore(404);
  if (access.oid !== null && named !== own) throw forbiddenResource();
  return named;
}

const notInStore = (status: 400 | 404): ReturnType<typeof extensionError> =>
  extensionError(status, 'Create', {
    status: 'NotFound',
    reason: 'The specified object was not found in the store.',
  });

/** Resources come with and without escapes. */
function unescaped(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
