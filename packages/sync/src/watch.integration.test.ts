import { newId, NotAsked, type WatchId } from '@calfleet/domain';
import { receiveNotification } from './notification.ts';
import { stopWatch } from './stop-watches.ts';
import { ensureWatch } from './watch.ts';
import { dieAt } from '../testing/dying.ts';
import { calendarFacts, hint, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import { Crash, type World } from '../testing/world.ts';

const newWorld = useWorlds();

const channels = (world: World): Promise<{ id: WatchId; state: string; resource_id: string | null }[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw`
      select id, state, resource_id from calendar_sync_channels where calendar_id = ${world.calendarId}::uuid
       order by created_at, id`,
  );

test('the row comes first: a message that arrives before the answer finds its watch', async () => {
  const world = await newWorld();
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  const states: string[] = [];
  const early: typeof provider = {
    ...provider,
    watch: async (session, request) => {
      const channel = await provider.watch(session, request);
      const letter = world.letters.shift();
      if (letter) await world.deliver(letter);
      states.push(...(await channels(world)).map((row) => row.state));
      return channel;
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', early]]) });
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('watched');
  expect(states).toEqual(['active']);
  expect((await channels(world)).map((row) => row.state)).toEqual(['active']);
  expect((await calendarFacts(world)).coverage).toBe('push');
});

test('a watch with life in it is left alone', async () => {
  const world = await newWorld();
  await ensureWatch(world.deps, world.calendarId);
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('already');
  expect(world.cloud.channels.size).toBe(1);
});

test('a channel that is about to run out is replaced before it does, and its last messages still count', async () => {
  const world = await newWorld();
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  const [old] = world.letters.splice(0);
  world.clock.advance(7 * 86_400_000 - 30 * 60_000);
  await world.tick();
  while (world.jobs.length > 0) await world.runJob();
  expect((await channels(world)).map((row) => row.state)).toEqual(['retired', 'active']);
  expect((await calendarFacts(world)).coverage).toBe('push');
  const { dirty } = await calendarFacts(world);
  if (old) await world.deliver(old);
  expect((await calendarFacts(world)).dirty).toBe(dirty + 1);
});

test('a calendar that refuses push is polled, healthy, and never asked again', async () => {
  const world = await newWorld();
  const calendar = world.cloud.calendars.get(world.providerCalendarId);
  if (calendar) calendar.refusesPush = true;
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('not_watchable');
  expect(await calendarFacts(world)).toMatchObject({ coverage: 'poll', error: null, failures: 0 });
  if (calendar) calendar.refusesPush = false;
  world.clock.advance(7 * 86_400_000);
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('not_watchable');
  expect(world.cloud.channels.size).toBe(0);
});

test('a channel whose answer was lost is stopped when it speaks', async () => {
  const world = await newWorld();
  world.cloud.fail({ code: 'provider_unavailable', operation: 'watch', when: 'after' });
  await expect(ensureWatch(world.deps, world.calendarId)).rejects.toMatchObject({
    code: 'provider_unavailable',
  });
  expect((await channels(world)).map((row) => row.state)).toEqual(['abandoned']);
  expect(world.cloud.channels.size).toBe(1);
  const [letter] = world.letters;
  if (!letter) throw new Error('no letter');
  await world.deliver(letter);
  expect(world.jobs.map((job) => job.name)).toContain('stop-watch');
  await stopWatch(world.deps, { watchId: letter.watchId as WatchId, resourceId: letter.resourceId });
  expect(world.cloud.channels.size).toBe(0);
  expect((await channels(world)).map((row) => row.state)).toEqual(['stopped']);
});

test('a process that dies between the call and its answer leaves a watch that its first message completes', async () => {
  const world = await newWorld();
  const meets = () => expect(ensureWatch(world.deps, world.calendarId)).rejects.toBeInstanceOf(Crash);
  expect(await dieAt(world, { point: 'before', nth: 2 }, meets)).toBe(true);
  expect((await channels(world)).map((row) => row.state)).toEqual(['creating']);
  const letter = world.letters.shift();
  if (letter) await world.deliver(letter);
  expect((await channels(world)).map((row) => row.state)).toEqual(['active']);
});

test('messages of unknown watches and of other resources mark nothing', async () => {
  const world = await newWorld();
  await ensureWatch(world.deps, world.calendarId);
  const [letter] = world.letters;
  if (!letter) throw new Error('no letter');
  const before = await calendarFacts(world);
  const message = { event: 'change' as const, expiresAt: null, receivedAt: world.clock.now() };
  const results = [
    await receiveNotification(world.deps, { ...message, watchId: newId<WatchId>(), resourceId: 'x' }),
    await receiveNotification(world.deps, {
      ...message,
      watchId: letter.watchId as WatchId,
      resourceId: 'foreign',
    }),
  ];
  expect(results).toEqual(['unknown_watch', 'other_resource']);
  expect((await calendarFacts(world)).dirty).toBe(before.dirty);
});

test('I3: a notification asks the provider nothing; the pull does', async () => {
  const world = await newWorld();
  putMeetings(world, 1);
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  const asked = world.pagesAsked;
  for (const letter of world.letters.splice(0)) await world.deliver(letter);
  expect(world.pagesAsked).toBe(asked);
  expect(world.jobs.map((job) => job.name)).toContain('pull-calendar');
});

test('when every notification is lost, the beat finds the change', async () => {
  const world = await newWorld();
  putMeetings(world, 1);
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  putMeetings(world, 3);
  world.letters.length = 0;
  world.clock.advance(20 * 60_000 + 1_000);
  await world.tick();
  const asked = world.pagesAsked;
  while (world.jobs.length > 0) await world.runJob();
  expect(world.pagesAsked).toBe(asked + 1);
  await hint(world);
});

test('a provider that cannot open a channel now is not asked with every tick, and is asked again later', async () => {
  const world = await newWorld();
  await pullNow(world);
  world.cloud.fail({ code: 'misconfigured', operation: 'watch', count: 2 });
  const tick = async (): Promise<void> => {
    await world.tick();
    while (world.jobs.length > 0) await world.runJob();
  };
  for (let n = 0; n < 10; n += 1) {
    world.clock.advance(30_000);
    await tick();
  }
  expect(await channels(world)).toHaveLength(1);
  // Ten minutes after the first refusal and twenty after the second, each up to a quarter later.
  world.clock.advance(13 * 60_000);
  await tick();
  world.clock.advance(26 * 60_000);
  await tick();
  expect((await channels(world)).map((row) => row.state)).toEqual(['failed', 'failed', 'active']);
  expect((await calendarFacts(world)).coverage).toBe('push');
});

test('coverage does not outlive its channel', async () => {
  const world = await newWorld();
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  world.clock.advance(8 * 86_400_000);
  world.cloud.fail({ code: 'provider_unavailable', operation: 'watch', count: Infinity });
  await world.tick();
  expect((await channels(world)).map((row) => row.state)).toEqual(['expired']);
  expect((await calendarFacts(world)).coverage).toBe('none');
});

test('an unwanted channel that speaks is stopped, and believed', async () => {
  const world = await newWorld();
  world.cloud.fail({ code: 'provider_unavailable', operation: 'watch', when: 'after' });
  await expect(ensureWatch(world.deps, world.calendarId)).rejects.toMatchObject({
    code: 'provider_unavailable',
  });
  const { dirty } = await calendarFacts(world);
  const letter = world.letters.shift();
  if (letter) await world.deliver(letter);
  expect((await calendarFacts(world)).dirty).toBe(dirty + 1);
  expect(world.jobs.map((job) => job.name).sort()).toEqual(['pull-calendar', 'stop-watch']);
});

describe('a channel that waits for a budget', () => {
  const withoutBudget = (world: World, error: NotAsked): World['deps'] => {
    const refuse = () => Promise.reject(error);
    const provider = world.deps.providers.get('memory');
    if (!provider) throw new Error('no provider');
    return {
      ...world.deps,
      providers: new Map([['memory', { ...provider, watch: refuse, stopWatch: refuse }]]),
    };
  };
  const failuresOf = async (world: World): Promise<number | undefined> => {
    const rows = await world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ failures: number }[]>`
        select watch_failures as failures from calendars where id = ${world.calendarId}::uuid`,
    );
    return rows[0]?.failures;
  };

  test.each([
    ['that is used up', new NotAsked('rate_limited', 'used up', { retryAfterMs: 5_000 })],
    ['that nobody can be asked for', new NotAsked('provider_unavailable', 'Redis is away')],
  ])('%s is put off: no failure, no orphan, and soon tried again', async (_, error) => {
    const world = await newWorld();
    await pullNow(world);
    for (let tries = 0; tries < 12; tries += 1) {
      await expect(ensureWatch(withoutBudget(world, error), world.calendarId)).rejects.toBe(error);
      world.clock.advance(90_000);
    }
    expect([await channels(world), await failuresOf(world)]).toEqual([[], 0]);
    const { values } = await world.deps.metrics.channelRenewals.get();
    expect(values.filter(({ value }) => value > 0)).toEqual([
      { labels: { provider: 'memory', result: 'put_off' }, value: 12 },
    ]);
    expect(await ensureWatch(world.deps, world.calendarId)).toBe('watched');
    expect((await channels(world)).map((row) => row.state)).toEqual(['active']);
  });

  test('costs no attempt to stop another one', async () => {
    const world = await newWorld();
    await ensureWatch(world.deps, world.calendarId);
    const [channel] = await channels(world);
    if (!channel?.resource_id) throw new Error('no channel');
    await world.real.transaction({ role: 'worker' }, (tx) =>
      tx.$executeRawUnsafe(
        `update calendar_sync_channels set state = 'retired', stop_after = created_at where id = '${channel.id}'`,
      ),
    );
    const away = withoutBudget(world, new NotAsked('provider_unavailable', 'Redis is away'));
    const watch = { watchId: channel.id, resourceId: channel.resource_id };
    for (let tries = 0; tries < 12; tries += 1) expect(await stopWatch(away, watch)).toBe('later');
    expect(await stopWatch(world.deps, watch)).toBe('stopped');
  });
});
