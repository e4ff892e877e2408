import { ControlClient } from '../control/client.ts';
import type { ChannelControl } from './channel-control-client.ts';
import { Graph } from './graph.fixture.ts';
import { startGraphReceiver, type GraphReceiver } from './notifications-receiver.ts';

let graph: Graph;
let receiver: GraphReceiver;
let control: ChannelControl;

beforeEach(async () => {
  receiver = await startGraphReceiver();
  graph = await Graph.open();
  control = new ControlClient(graph.sandbox.url).microsoft.channels;
});

afterEach(async () => {
  await graph.close();
  await receiver.close();
});

it('shows subscriptions without secrets, and sends lifecycle events', async () => {
  const { body } = await graph.call('POST', 'subscriptions', {
    body: {
      changeType: 'updated',
      notificationUrl: receiver.url,
      lifecycleNotificationUrl: receiver.url,
      resource: 'me/events',
      expirationDateTime: new Date(graph.sandbox.clock.now() + 86_400_000).toISOString(),
      clientState: 'secret',
    },
  });
  const subscriptions = await control.subscriptions();
  expect(subscriptions).toMatchObject([{ id: body.id, state: 'active', mailbox: 'noor@example.test' }]);
  expect(JSON.stringify(subscriptions)).not.toContain('secret');
  expect(await control.sendLifecycle('noor@example.test', 'subscriptionRemoved')).toBe(1);
  expect(await control.settle()).toMatchObject({ acceptedItems: 1, byStatus: { 202: 1 } });
  expect(receiver.items()).toMatchObject([{ lifecycleEvent: 'subscriptionRemoved', clientState: 'secret' }]);
  expect(await control.subscriptions()).toMatchObject([{ state: 'removed', deliveredLifecycle: 1 }]);
  const { notifications } = await control.notifications();
  expect(notifications).toMatchObject([{ event: 'subscriptionRemoved', status: 'delivered' }]);
  await control.tick();
  expect(await control.release()).toMatchObject({ items: 1 });
});

it('reads, resets and plans throttling', async () => {
  const mailbox = 'noor@example.test';
  await control.refuseNext(mailbox, { requests: 1, retryAfterSeconds: 9 });
  const refused = await graph.get('subscriptions');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '9']);
  expect(await control.throttle(mailbox)).toMatchObject({ requests: 1, rejected: 1 });
  await control.resetThrottle(mailbox);
  expect(await control.throttle(mailbox)).toMatchObject({ requests: 0, rejected: 0 });
});

it.each([
  ['throttle of a stranger', () => control.throttle('nobody'), /404/],
  ['an event that is none', () => control.sendLifecycle('x', 'gone' as 'missed'), /400/],
])('refuses %s', async (_, ask, status) => {
  await expect(ask()).rejects.toThrow(status);
});
