import { PERSONAL_TENANT } from './grants.ts';
import { change, newMailbox, startGraph, type GraphFixture } from './subscriptions.fixture.ts';

let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
  fixture.owner.setQuirks({ notificationsPerChangeMin: 1, notificationsPerChangeMax: 1 });
});

afterEach(() => fixture.close());

const settled = (): Promise<void> => fixture.owner.notifications.settled();
const changeTypes = (): unknown[] => fixture.receiver.items().map(({ changeType }) => changeType);

describe('an item', () => {
  it('looks as Graph writes it', async () => {
    const { body } = await ada.visitor.subscribe();
    const changeKey = change(fixture.graph, ada.mailbox, { event: 'AAMk=' });
    await settled();
    const [post] = fixture.receiver.posts;
    expect(post).toMatchObject({ path: '/hook', contentType: 'application/json; charset=utf-8' });
    const { id: _, ...item } = post?.items[0] ?? {};
    const etag = Buffer.concat([Buffer.from([0x0f, 0, 0, 0, 0x16, 0, 0, 0]), changeKey]).toString('base64');
    const resource = `Users/${ada.mailbox.oid}/Events/AAMk=`;
    expect(item).toEqual({
      subscriptionId: body.id,
      subscriptionExpirationDateTime: expect.stringMatching(/\.\d{7}\+00:00$/) as string,
      changeType: 'updated',
      resource,
      resourceData: {
        '@odata.type': '#Microsoft.Graph.Event',
        '@odata.id': resource,
        '@odata.etag': `W/"${etag}"`,
        id: 'AAMk=',
      },
      clientState: 'secret',
      tenantId: ada.mailbox.tenantId,
    });
    expect(Date.parse(String(item.subscriptionExpirationDateTime))).toBe(
      Date.parse(String(body.expirationDateTime)),
    );
  });

  it('carries the immutable id when the creation asked for it', async () => {
    await ada.visitor.subscribe({}, 'IdType="ImmutableId"');
    change(fixture.graph, ada.mailbox);
    await settled();
    expect(fixture.receiver.items()).toMatchObject([{ resourceData: { id: 'immutable-event-1' } }]);
  });
});

describe('who is told', () => {
  it('is silent about further calendars on me/events, and hears them by their own subscription', async () => {
    const all = await ada.visitor.subscribe();
    const other = await ada.visitor.subscribe({ resource: 'me/calendars/ada-other/events' });
    const heardBy = async (calendar: 'default' | 'other'): Promise<unknown[]> => {
      const before = fixture.receiver.items().length;
      change(fixture.graph, ada.mailbox, { calendar });
      await settled();
      return fixture.receiver
        .items()
        .slice(before)
        .map(({ subscriptionId }) => subscriptionId);
    };
    expect(await heardBy('default')).toEqual([all.body.id]);
    expect(await heardBy('other')).toEqual([other.body.id]);
    fixture.owner.setQuirks({ defaultCalendarOnly: false });
    expect((await heardBy('other')).sort()).toEqual([all.body.id, other.body.id].sort());
  });

  it('asks for the change types', async () => {
    await ada.visitor.subscribe({ changeType: 'deleted' });
    change(fixture.graph, ada.mailbox, { changeType: 'created' });
    change(fixture.graph, ada.mailbox, { changeType: 'deleted' });
    await settled();
    expect(changeTypes()).toEqual(['deleted']);
  });

  it('forgets deleted and expired subscriptions', async () => {
    const { body } = await ada.visitor.subscribe();
    await ada.visitor.call('DELETE', `subscriptions/${String(body.id)}`);
    change(fixture.graph, ada.mailbox);
    await ada.visitor.subscribe();
    fixture.clock.advance(10_000 * 60_000);
    change(fixture.graph, ada.mailbox);
    await settled();
    expect(fixture.receiver.posts).toEqual([]);
  });

  it('puts items of several subscriptions and tenants into one request', async () => {
    const noor = newMailbox(fixture, 'noor', { tenantId: PERSONAL_TENANT });
    await ada.visitor.subscribe();
    await noor.visitor.subscribe({ clientState: 'hers' });
    change(fixture.graph, ada.mailbox);
    change(fixture.graph, noor.mailbox);
    await settled();
    expect(fixture.receiver.posts).toHaveLength(1);
    expect(fixture.receiver.items()).toMatchObject([
      { tenantId: ada.mailbox.tenantId, clientState: 'secret' },
      { tenantId: PERSONAL_TENANT, clientState: 'hers' },
    ]);
  });

  it('splits at the size of a batch', async () => {
    fixture.owner.setQuirks({ notificationBatchMax: 2 });
    await ada.visitor.subscribe();
    for (let i = 0; i < 5; i += 1) change(fixture.graph, ada.mailbox);
    await settled();
    expect(fixture.receiver.posts.map(({ items }) => items.length).sort()).toEqual([1, 2, 2]);
  });
});

describe('one change', () => {
  it.each([
    ['created', 3, ['created', 'updated', 'updated']],
    ['updated', 3, ['updated', 'updated', 'updated']],
    ['deleted', 3, ['updated', 'deleted']],
    ['created', 1, ['created']],
    ['deleted', 1, ['deleted']],
  ] as const)('%s, told %i times, is %j', async (changeType, times, expected) => {
    fixture.owner.setQuirks({ notificationsPerChangeMin: times, notificationsPerChangeMax: times });
    await ada.visitor.subscribe();
    change(fixture.graph, ada.mailbox, { changeType });
    await settled();
    expect(changeTypes()).toEqual(expected);
  });

  it('is told two to four times unless told otherwise', async () => {
    fixture.owner.setQuirks({ notificationsPerChangeMin: undefined, notificationsPerChangeMax: undefined });
    await ada.visitor.subscribe();
    for (let i = 0; i < 50; i += 1) change(fixture.graph, ada.mailbox, { event: `event-${i}` });
    await settled();
    const times = new Map<unknown, number>();
    for (const { resource } of fixture.receiver.items()) times.set(resource, (times.get(resource) ?? 0) + 1);
    expect([...new Set(times.values())].sort()).toEqual([2, 3, 4]);
  });

  it('can be told twice, reversed, lost, or with somebody else’s clientState', async () => {
    await ada.visitor.subscribe();
    const tell = async (quirks: Parameters<typeof fixture.owner.setQuirks>[0]): Promise<unknown[]> => {
      fixture.owner.setQuirks(quirks);
      const before = fixture.receiver.items().length;
      for (const event of ['1', '2']) change(fixture.graph, ada.mailbox, { event });
      await settled();
      return fixture.receiver
        .items()
        .slice(before)
        .map(({ resource, clientState }) => `${String(resource).at(-1)} ${String(clientState === 'secret')}`);
    };
    expect(await tell({ notificationDuplicateRate: 1 })).toEqual(['1 true', '1 true', '2 true', '2 true']);
    expect(await tell({ notificationDuplicateRate: 0, notificationReorderRate: 1 })).toEqual([
      '2 true',
      '1 true',
    ]);
    expect(await tell({ notificationReorderRate: 0, wrongClientStateRate: 1 })).toEqual([
      '1 false',
      '2 false',
    ]);
    expect(await tell({ wrongClientStateRate: 0, notificationLostRate: 1 })).toEqual([]);
    expect(fixture.owner.notifications.tally()).toMatchObject({ items: 10, lost: 2, acceptedItems: 8 });
    const records = fixture.owner.notifications.list();
    expect(records.filter(({ isForged }) => isForged)).toHaveLength(2);
    expect(records.filter(({ status }) => status === 'lost')).toHaveLength(2);
  });
});

describe('time', () => {
  it('waits for its release', async () => {
    await ada.visitor.subscribe();
    fixture.owner.setQuirks({ notificationHold: true });
    change(fixture.graph, ada.mailbox);
    await settled();
    expect(fixture.owner.notifications.list()).toMatchObject([{ status: 'held', attempts: 0 }]);
    fixture.owner.notifications.release();
    await settled();
    expect(fixture.owner.notifications.list()).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    expect(changeTypes()).toEqual(['updated']);
  });

  it('comes late by the sandbox clock', async () => {
    await ada.visitor.subscribe();
    fixture.owner.setQuirks({ notificationLateRate: 1, notificationLateMs: 180_000 });
    change(fixture.graph, ada.mailbox);
    fixture.clock.advance(179_999);
    fixture.owner.subscriptions.tick();
    await settled();
    expect(fixture.owner.notifications.list()).toMatchObject([{ status: 'deferred' }]);
    fixture.clock.advance(1);
    fixture.owner.subscriptions.tick();
    await settled();
    expect(changeTypes()).toEqual(['updated']);
  });

  it('can be delayed in real time, and hurried', async () => {
    await ada.visitor.subscribe();
    fixture.owner.setQuirks({ notificationDelayMs: 60_000, notificationJitterMs: 60_000 });
    change(fixture.graph, ada.mailbox);
    fixture.owner.setQuirks({ notificationBatchWaitMs: 0 });
    expect(fixture.owner.notifications.list()).toMatchObject([{ status: 'waiting', attempts: 0 }]);
    fixture.owner.notifications.release();
    await settled();
    expect(changeTypes()).toEqual(['updated']);
  });
});
