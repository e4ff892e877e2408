/** Operation → the function that answers it. */
import type { Reply } from '../reply.ts';
import type { SignedCall } from './call.ts';
import { notFound } from './errors.ts';
import type { GraphRequest } from './handle.ts';
import type { Mailbox } from './mailbox.ts';
import type { Route } from './routes.ts';
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  reauthorizeSubscription,
  updateSubscription,
} from './subscriptions.ts';
import type { MicrosoftWorld } from './world.ts';

export function findMailbox(world: MicrosoftWorld, name: string): Mailbox | undefined {
  return world.mailbox(name);
}

/** @throws GraphError */
export async function operate(call: SignedCall, route: Route, _request: GraphRequest): Promise<Reply> {
  const id = route.id ?? '';
  switch (route.operation) {
    case 'graph.subscription.list':
      return listSubscriptions(call);
    case 'graph.subscription.create':
      return createSubscription(call);
    case 'graph.subscription.get':
      return getSubscription(call, id);
    case 'graph.subscription.update':
      return updateSubscription(call, id);
    case 'graph.subscription.delete':
      return deleteSubscription(call, id);
    case 'graph.subscription.reauthorize':
      return reauthorizeSubscription(call, id);
    default:
      throw notFound();
  }
}
