/**
 * Errors of `/subscriptions`. What the mailbox says stands in the message, with a status of its own that counts
 * more than the outer one. https://learn.microsoft.com/graph/errors
 */
import { GraphError } from './errors.ts';

export type SubscriptionOperation = 'Create' | 'Update' | 'Delete';

export const extensionError = (
  status: number,
  operation: SubscriptionOperation,
  inner: { status: string; reason: string },
): GraphError =>
  new GraphError(
    status,
    'ExtensionError',
    `Operation: ${operation}; Exception: [Status Code: ${inner.status}; Reason: ${inner.reason}]`,
  );

export const invalidSubscription = (message: string): GraphError =>
  new GraphError(400, 'InvalidRequest', message);

export const validationFailed = (why: string): GraphError =>
  invalidSubscription(`Subscription validation request failed. ${why}`);

/** The mailbox database is being moved: a server's trouble in a client error's clothes. */
export const mailboxMoving = (operation: SubscriptionOperation): GraphError =>
  extensionError(403, operation, {
    status: 'ServiceUnavailable',
    reason: 'The mailbox database is temporarily unavailable.',
  });

export const forbiddenResource = (): GraphError =>
  extensionError(403, 'Create', {
    status: 'Forbidden',
    reason: 'Access is denied. Check credentials and try again.',
  });

export const subscriptionExists = (id: string): GraphError =>
  new GraphError(
    409,
    'Conflict',
    `Subscription Id <${id}> already exists for the requested combination of resource and changeType.`,
  );

export const subscriptionNotFound = (): GraphError =>
  new GraphError(404, 'ResourceNotFound', 'The object was not found.');
