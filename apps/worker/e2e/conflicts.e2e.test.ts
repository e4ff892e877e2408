/**
 * Conflicts over HTTP, with both providers: an owner who is faster each time is given way to, and the tick ends what needs no
 * person any more.
 */
import { orThrow } from '@calfleet/client';
import { systemClock } from '@calfleet/domain';
import { createQueueMonitor, type QueueMonitor } from '@calfleet/jobs';
import { eventually } from '@calfleet/testkit';
import {
  openTwoWayHouse,
  tomorrow,
  type ProviderUnderTest,
  type Strategy,
  type TwoWay,
} from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
let monitor: QueueMonitor;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  const { redisUrl, redisPrefix: prefix } = fleet.house.services;
  monitor = createQueueMonitor({ redisUrl, prefix, onError: () => undefined });
  await fleet.house.startWorker();
});
afterEach(() => {
  fleet.house.sandbox.faults.clear();
  fleet.hushProviders(false);
});
afterAll(async () => {
  await monitor.close();
  await fleet.close();
});

const writing = {
  google: { PATCH: 'events.patch', DELETE: 'events.delete' },
  microsoft: { PATCH: 'graph.event.update', DELETE: 'graph.event.delete' },
} as const;

const at = (hour: string) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });

/** A mirrored calendar with one event, "Planning". */
async function planned(
  provider: ProviderUnderTest,
  strategy: Strategy,
): Promise<{ side: TwoWay; id: string }> {
  const side = await fleet.connect(provider, strategy);
  const event = { calendar_id: side.calendarId, summary: 'Planning', start: at('14'), end: at('15') };
  const { id } = await orThrow(side.client.POST('/events', { body: event }));
  await rest(side);
  return { side, id };
}

/** No write is on its way and none has a job, and both sides are the same. */
async function rest({ client, elsewhere }: TwoWay): Promise<void> {
  await eventually(async () => {
    const { items } = await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }));
    expect(items.filter(({ state }) => state === 'pending' || state === 'pushing')).toEqual([]);
    await elsewhere.expectMirrored();
    const readings = await monitor.read(systemClock.now());
    expect(readings.find(({ queue }) => queue === 'push')?.jobs).toMatchObject({
      waiting: 0,
      prioritized: 0,
      delayed: 0,
      active: 0,
      failed: 0,
    });
  });
}

const conflictsOf = async ({ client }: TwoWay, status: 'open' | 'resolved') =>
  (await orThrow(client.GET('/conflicts', { params: { query: { status } } }))).items;

const tick = (): Promise<unknown> => fleet.house.producer.enqueue('conflict-resolution', {});

/** Somebody else writes before each request of ours. @returns how often so far */
function race(provider: ProviderUnderTest, method: 'PATCH' | 'DELETE'): () => number {
  const { faults } = fleet.house.sandbox;
  const operation = writing[provider][method];
  const id = faults.add({ operation, count: null, effect: { kind: 'overtaken' } });
  return () => faults.list().find((fault) => fault.id === id)?.struck ?? 0;
}

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('a racing owner who edits at each write ends after 3 rounds as an open conflict, and the queue is clean', async () => {
    const { side, id } = await planned(provider, 'local_wins');
    const raced = race(provider, 'PATCH');
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'here' } }));
    const [conflict] = await eventually(async () => {
      const open = await conflictsOf(side, 'open');
      return open.length > 0 && open;
    });
    expect(conflict).toMatchObject({
      event_id: id,
      fields: ['summary'],
      local: { summary: 'here' },
      provider: { summary: 'Planning' },
      strategy: 'local_wins',
    });
    await rest(side);
    expect([raced(), side.elsewhere.titles()]).toEqual([4, ['Planning']]);
    expect(
      (await orThrow(side.client.GET('/writes', { params: { query: { limit: 1 } } }))).items,
    ).toMatchObject([{ state: 'conflict' }]);
    expect(await orThrow(side.client.GET('/events/{id}', { params: { path: { id } } }))).toMatchObject({
      summary: 'Planning',
      description: expect.stringContaining('Changed') as unknown,
    });
    // The owner is done: by the strategy, the write leaves again.
    fleet.house.sandbox.faults.clear();
    await tick();
    await eventually(() => side.elsewhere.titles().includes('here'));
    await rest(side);
    expect(await conflictsOf(side, 'open')).toEqual([]);
    expect(await conflictsOf(side, 'resolved')).toMatchObject([
      { id: conflict?.id, resolution: 'local', resolved_by: 'strategy' },
    ]);
    expect(
      (await orThrow(side.client.GET('/writes', { params: { query: { state: 'conflict' } } }))).items,
    ).toEqual([]);
  });

  test('a racing owner of what we delete: it is there until a person decides', async () => {
    const { side, id } = await planned(provider, 'local_wins');
    const raced = race(provider, 'DELETE');
    await orThrow(side.client.DELETE('/events/{id}', { params: { path: { id } } }));
    const [conflict] = await eventually(async () => {
      const open = await conflictsOf(side, 'open');
      return open.length > 0 && open;
    });
    await rest(side);
    expect([raced(), side.elsewhere.titles()]).toEqual([4, ['Planning']]);
    expect(conflict).toMatchObject({ fields: ['deleted'], local: { deleted: null } });
    expect(await orThrow(side.client.GET('/events/{id}', { params: { path: { id } } }))).toMatchObject({
      deleted_at: null,
    });
    fleet.house.sandbox.faults.clear();
    const params = { path: { id: conflict?.id ?? '' } };
    await orThrow(side.client.POST('/conflicts/{id}/resolve', { params, body: { resolution: 'local' } }));
    await rest(side);
    expect(side.elsewhere.titles()).toEqual([]);
  });

  test('a calendar that goes by another strategy from now on: the tick decides what was open', async () => {
    fleet.hushProviders(true);
    const { side, id } = await planned(provider, 'manual');
    side.elsewhere.rename('Planning', 'there');
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'here' } }));
    await eventually(async () => (await conflictsOf(side, 'open')).length === 1);
    await tick();
    await orThrow(
      side.client.PATCH('/calendars/{id}', {
        params: { path: { id: side.calendarId } },
        body: { conflict_strategy: 'provider_wins' },
      }),
    );
    await eventually(async () => {
      await tick();
      return (await conflictsOf(side, 'resolved')).length === 1;
    });
    await rest(side);
    expect(side.elsewhere.titles()).toEqual(['there']);
    expect(
      (await orThrow(side.client.GET('/writes', { params: { query: { limit: 1 } } }))).items,
    ).toMatchObject([{ state: 'discarded' }]);
  });
});
