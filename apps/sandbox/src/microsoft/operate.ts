/** Operation → the function that answers it. */
import type { Reply } from '../reply.ts';
import { getCalendar, listCalendars } from './calendars.ts';
import type { GraphCall, SignedCall } from './call.ts';
import { delta } from './delta.ts';
import { badRequest, mailboxNotEnabled, notFound, noSuchUser } from './errors.ts';
import { calendarView, listEvents, listInstances } from './event-list.ts';
import { create, getEvent, remove, update } from './events.ts';
import type { Mailbox } from './mailbox.ts';
import type { Route } from './routes.ts';
import { getMailboxSettings, getUser, listTimeZones } from './settings.ts';
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  reauthorizeSubscription,
  updateSubscription,
} from './subscriptions.ts';
import { translateIds } from './translate.ts';

/** @throws GraphError */
export async function operate(call: SignedCall, route: Route): Promise<Reply> {
  if (route.user === null) return operateOutside(call, route);
  const mailbox = mailboxOf(call, route.user);
  if (route.operation !== 'graph.me' && !mailbox.isRestEnabled) throw mailboxNotEnabled();
  const userPath = route.user === 'me' ? 'me' : `users/${encodeURIComponent(route.user)}`;
  const reply = operateInside({ ...call, mailbox, userPath }, route);
  const { applied } = call.prefer;
  if (applied.length === 0) return reply;
  const already = reply.headers?.['Preference-Applied'];
  const value = [...applied, ...(already === undefined ? [] : [already])].join(', ');
  return { ...reply, headers: { ...reply.headers, 'Preference-Applied': value } };
}

async function operateOutside(call: SignedCall, route: Route): Promise<Reply> {
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

function operateInside(call: GraphCall, route: Route): Reply {
  switch (route.operation) {
    case 'graph.me':
      return getUser(call);
    case 'graph.mailboxSettings':
      return getMailboxSettings(call, route);
    case 'graph.timeZones':
      return listTimeZones(call, route);
    case 'graph.translateIds':
      return translateIds(call);
    case 'graph.calendar.list':
      return listCalendars(call);
    case 'graph.calendar.get':
      return getCalendar(call, route.calendarId);
    case 'graph.event.list':
      return listEvents(call, route);
    case 'graph.event.create':
      return create(call, route);
    case 'graph.event.get':
      return getEvent(call, route);
    case 'graph.event.update':
      return update(call, route);
    case 'graph.event.delete':
      return remove(call, route);
    case 'graph.event.instances':
      return listInstances(call, route);
    case 'graph.calendarView':
      return calendarView(call, route);
    case 'graph.delta':
      return delta(call, route);
    default:
      throw notFound();
  }
}

function mailboxOf({ world, access }: SignedCall, user: string): Mailbox {
  if (user !== 'me') {
    const named = world.mailbox(user);
    if (named === undefined) throw noSuchUser(user);
    return named;
  }
  if (access.oid === null) throw badRequest('/me request is only valid with delegated authentication flow.');
  const own = world.mailboxes.get(access.oid);
  if (own === undefined) throw mailboxNotEnabled();
  return own;
}
