import { checkRedisMemory } from './redis-loss.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { calendarFacts, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import { ensureWatch } from './watch.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

/** A Redis that remembers one thing, until it does not. */
function memory() {
  const redis = { epoch: null as string | null, installed: 0 };
  return {
    redis,
    port: { read: async () => redis.epoch, write: async (epoch: string) => void (redis.epoch = epoch) },
    install: async () => void (redis.installed += 1),
  };
}

const check = (world: World, redis: ReturnType<typeof memory>): Promise<number | null> =>
  checkRedisMemory(world.deps, redis.port, redis.install);

test('I12: a Redis that forgot a notification is noticed, and every push-covered calendar is asked again', async () => {
  const world = await newWorld();
  const redis = memory();
  await check(world, redis);
  putMeetings(world, 3);
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  expect(await check(world, redis)).toBeNull();
  // Acknowledged, not yet marked: then Redis loses everything.
  putMeetings(world, 5);
  world.letters.length = 0;
  world.jobs.length = 0;
  redis.redis.epoch = null;
  world.clock.advance(1_000);
  expect(await check(world, redis)).toBeGreaterThanOrEqual(1);
  expect(redis.redis.installed).toBe(2);
  while (world.jobs.length > 0) await world.runJob();
  await expectExactMirror(world);
  expect(await check(world, redis)).toBeNull();
});

test('I12: a pass that its worker did not finish is carried on by the next one', async () => {
  const world = await newWorld();
  const redis = memory();
  await check(world, redis);
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  world.jobs.length = 0;
  redis.redis.epoch = 'another';
  world.clock.advance(1_000);
  let transactions = 0;
  world.hook = async (point) => {
    // The loss is announced and Redis has the new epoch; death before the first batch.
    if (point === 'before' && ++transactions === 4) throw new Error('died');
  };
  await expect(check(world, redis)).rejects.toThrow('died');
  world.hook = null;
  const before = await calendarFacts(world);
  expect(await check(world, redis)).toBe(1);
  expect((await calendarFacts(world)).dirty).toBe(before.dirty + 1);
});

test('two workers that notice at once leave one finished pass, and mark at most twice', async () => {
  const world = await newWorld();
  const redis = memory();
  await check(world, redis);
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  redis.redis.epoch = null;
  world.clock.advance(1_000);
  const before = await calendarFacts(world);
  await Promise.all([check(world, redis), check(world, redis)]);
  const { dirty } = await calendarFacts(world);
  expect(dirty - before.dirty).toBeGreaterThanOrEqual(1);
  expect(dirty - before.dirty).toBeLessThanOrEqual(2);
  expect(await check(world, redis)).toBeNull();
});

test('a calendar that was asked after the loss was noticed is left alone', async () => {
  const world = await newWorld();
  const redis = memory();
  await check(world, redis);
  await ensureWatch(world.deps, world.calendarId);
  redis.redis.epoch = null;
  world.clock.advance(1_000);
  let transactions = 0;
  world.hook = async (point) => {
    if (point !== 'before' || ++transactions !== 4) return;
    world.hook = null;
    world.clock.advance(1_000);
    await pullNow(world);
  };
  const facts = await calendarFacts(world);
  expect(await check(world, redis)).toBe(0);
  expect((await calendarFacts(world)).dirty).toBe(facts.dirty);
});

test('I12: schedules that could not be reinstalled are tried again with the next check', async () => {
  const world = await newWorld();
  const redis = memory();
  await check(world, redis);
  redis.redis.epoch = null;
  world.clock.advance(1_000);
  const failing = checkRedisMemory(world.deps, redis.port, async () => {
    throw new Error('Redis went away again');
  });
  await expect(failing).rejects.toThrow('went away');
  expect(await check(world, redis)).not.toBeNull();
  expect(redis.redis.installed).toBe(2);
});
