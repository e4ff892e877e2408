import { eventually } from '../google/visitor.ts';
import { change, newMailbox, showCalendar, startGraph, type GraphFixture } from './subscriptions.fixture.ts';

const MINUTE_MS = 60_000;
let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
  fixture.owner.setQuirks({ notificationsPerChangeMin: 1, notificationsPerChangeMax: 1 });
});

afterEach(() => fixture.close());

const events = (): unknown[] => fixture.receiver.items('/lifecycle').map((item) => item.lifecycleEvent);
const pass = async (minutes: number): Promise<void> => {
  fixture.clock.advance(minutes * MINUTE_MS);
  fixture.owner.subscriptions.tick();
  await fixture.owner.notifications.settled();
};
const tell = async (): Promise<number> => {
  const before = fixture.receiver.items('/hook').length;
  change(fixture.graph, ada.mailbox);
  await fixture.owner.notifications.settled();
  return fixture.receiver.items('/hook').length - before;
};
const states = (): string[] => fixture.owner.subscriptions.report().map(({ state }) => state);
const subscribe = async (more: Record<string, unknown> = {}): Promise<string> => {
  const { status, body } = await ada.visitor.subscribe(more);
  expect(status).toBe(201);
  return `subscriptions/${String(body.id)}`;
};
const freshToken = (): void => {
  ada.visitor.accessToken = ada.owner.accessToken();
};

it('goes to its own address, in its own request, without a resource', async () => {
  const path = await subscribe({ lifecycleNotificationUrl: `${fixture.receiver.url}/hook` });
  change(fixture.graph, ada.mailbox);
  fixture.owner.subscriptions.sendLifecycle(path.slice('subscriptions/'.length), 'missed');
  await fixture.owner.notifications.settled();
  expect(fixture.receiver.posts).toHaveLength(2);
  expect(fixture.receiver.items().at(-1)).toEqual({
    subscriptionId: path.slice('subscriptions/'.length),
    subscriptionExpirationDateTime: expect.any(String) as string,
    tenantId: ada.mailbox.tenantId,
    clientState: 'secret',
    lifecycleEvent: 'missed',
  });
});

it('tells nobody without an address for it', async () => {
  const path = await subscribe({ lifecycleNotificationUrl: undefined });
  expect(fixture.owner.subscriptions.sendLifecycle(path.slice(14), 'subscriptionRemoved')).toBe(1);
  await fixture.owner.notifications.settled();
  expect(fixture.receiver.posts).toEqual([]);
  expect(states()).toEqual(['removed']);
});

it('can be sent to a calendar or a mailbox', async () => {
  await subscribe();
  await subscribe({ resource: 'me/calendars/ada-other/events' });
  const noor = newMailbox(fixture, 'noor');
  showCalendar(noor.mailbox, {
    id: 'ada-other-as-noor-sees-it',
    folderId: 'folder-ada-other',
    owner: ada.mailbox,
    isDefault: false,
  });
  const { subscriptions } = fixture.owner;
  expect(subscriptions.sendLifecycle('ada-default', 'missed')).toBe(1);
  expect(subscriptions.sendLifecycle('ada-other-as-noor-sees-it', 'missed')).toBe(1);
  expect(subscriptions.sendLifecycle('ada@example.test', 'missed')).toBe(2);
  expect(subscriptions.sendLifecycle('nowhere', 'missed')).toBe(0);
});

describe('subscriptionRemoved', () => {
  it('ends the subscription', async () => {
    const path = await subscribe();
    fixture.owner.subscriptions.sendLifecycle('ada@example.test', 'subscriptionRemoved');
    await fixture.owner.notifications.settled();
    expect(events()).toEqual(['subscriptionRemoved']);
    expect(await tell()).toBe(0);
    expect((await ada.visitor.call('GET', path)).status).toBe(404);
    expect(states()).toEqual(['removed']);
    await subscribe();
  });

  it('follows a revocation, unless told otherwise', async () => {
    await subscribe();
    ada.owner.revoke();
    await fixture.owner.notifications.settled();
    expect(events()).toEqual(['subscriptionRemoved']);
    fixture.owner.setQuirks({ revocationRemovesSubscriptions: false });
    await subscribe();
    ada.owner.revoke();
    expect(await tell()).toBe(1);
  });
});

describe('the token of a subscription', () => {
  it('is asked for before its end, again every quarter of an hour, until there is a new one', async () => {
    const path = await subscribe();
    await pass(44);
    expect(events()).toEqual([]);
    await pass(1);
    await pass(14);
    expect(events()).toEqual(['reauthorizationRequired']);
    freshToken();
    expect((await ada.visitor.call('POST', `${path}/reauthorize`)).status).toBe(204);
    await pass(44);
    expect(events()).toHaveLength(1);
    await pass(1);
    await pass(15);
    expect(events()).toEqual(Array(3).fill('reauthorizationRequired'));
  });

  it('does not get better by the same one', async () => {
    const path = await subscribe();
    await pass(50);
    await ada.visitor.call('POST', `${path}/reauthorize`);
    await pass(15);
    expect(states()).toEqual(['paused']);
  });

  it.each(['reauthorize', 'renewal'])('pauses delivery at its end; after a %s comes missed', async (how) => {
    const path = await subscribe();
    await pass(60);
    expect(states()).toEqual(['paused']);
    expect(await tell()).toBe(0);
    freshToken();
    if (how === 'reauthorize') await ada.visitor.call('POST', `${path}/reauthorize`);
    else {
      const expirationDateTime = new Date(fixture.clock.now() + 600 * MINUTE_MS).toISOString();
      await ada.visitor.call('PATCH', path, { body: { expirationDateTime } });
    }
    await fixture.owner.notifications.settled();
    expect(events()).toEqual(['reauthorizationRequired', 'missed']);
    expect(states()).toEqual(['active']);
    expect(await tell()).toBe(1);
    expect(events()).toHaveLength(2);
  });

  it('can keep what happened meanwhile, for four hours', async () => {
    fixture.owner.setQuirks({ pausedNotifications: 'kept' });
    const path = await subscribe();
    await pass(60);
    await tell();
    await pass(239);
    await tell();
    await pass(1);
    freshToken();
    await ada.visitor.call('POST', `${path}/reauthorize`);
    await fixture.owner.notifications.settled();
    expect(fixture.receiver.items('/hook')).toHaveLength(1);
    expect(events().at(-1)).toBe('missed');
  });

  it('ends with the access tokens of its user', async () => {
    await subscribe();
    ada.owner.expireAccessTokens();
    expect(states()).toEqual(['paused']);
    fixture.owner.setQuirks({ tokenCoupling: false });
    expect(await tell()).toBe(1);
  });

  it('is looked after without being told to', async () => {
    await subscribe();
    fixture.owner.setQuirks({ lifecycleTickMs: 5 });
    fixture.clock.advance(50 * MINUTE_MS);
    await eventually(() => events().length > 0);
    expect(events()).toEqual(['reauthorizationRequired']);
  });
});

it('asks before the expiry, which only a renewal moves', async () => {
  fixture.owner.setQuirks({ tokenCoupling: false });
  const path = await subscribe({
    expirationDateTime: new Date(fixture.clock.now() + 90 * MINUTE_MS).toISOString(),
  });
  await pass(29);
  expect(events()).toEqual([]);
  await pass(1);
  expect(events()).toHaveLength(1);
  await ada.visitor.call('POST', `${path}/reauthorize`);
  await pass(15);
  expect(events()).toHaveLength(2);
  const expirationDateTime = new Date(fixture.clock.now() + 600 * MINUTE_MS).toISOString();
  freshToken();
  await ada.visitor.call('PATCH', path, { body: { expirationDateTime } });
  await pass(15);
  expect(events()).toHaveLength(2);
});

it('counts a renewal and a reauthorisation within ten minutes', async () => {
  const path = await subscribe();
  const both = async (): Promise<void> => {
    await ada.visitor.call('POST', `${path}/reauthorize`);
    await ada.visitor.call('POST', `${path}/reauthorize`);
  };
  await both();
  expect(fixture.owner.subscriptions.report()).toMatchObject([{ doubleReauthorizations: 1 }]);
  await pass(11);
  await ada.visitor.call('POST', `${path}/reauthorize`);
  expect(fixture.owner.subscriptions.report()).toMatchObject([{ doubleReauthorizations: 1 }]);
});
