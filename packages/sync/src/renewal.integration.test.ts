/** The hourly plan of channels, step by step: what it renews, finds, stops, and leaves alone. */
import { countOrphans } from '@calfleet/db';
import { newId, type WatchId } from '@calfleet/domain';
import { receiveNotification } from './notification.ts';
import { planWatches } from './renewal.ts';
import { stopWatch } from './stop-watches.ts';
import { ensureWatch } from './watch.ts';
import { dieAt } from '../testing/dying.ts';
import { calendarFacts, pullNow, useWorlds } from '../testing/scene.ts';
import { Crash, type World } from '../testing/world.ts';

const newWorld = useWorlds();
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

interface Channel {
  id: WatchId;
  state: string;
  resource_id: string | null;
  replaces_id: WatchId | null;
  stop_attempts: number;
  stop_after: Date | null;
}

const channels = (world: World): Promise<Channel[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw`
      select id, state, resource_id, replaces_id, stop_attempts, stop_after from calendar_sync_channels
       where account_id = ${world.accountId}::uuid order by created_at, id`,
  );
const states = async (world: World): Promise<string[]> => (await channels(world)).map((row) => row.state);
const sql = (world: World, statement: string): Promise<unknown> =>
  world.real.transaction({ role: 'worker' }, (tx) => tx.$executeRawUnsafe(statement));
const orphans = (world: World) =>
  world.real.transaction({ role: 'worker' }, (tx) => countOrphans(tx, world.clock.now()));

/** Runs what waits; pulls and all. */
async function work(world: World): Promise<void> {
  for (let steps = 0; world.jobs.length > 0; steps += 1) {
    if (steps > 100) throw new Error('The queue never comes to rest.');
    const [job] = world.jobs;
    if (job?.name !== 'stop-watch') {
      await world.runJob();
      continue;
    }
    world.jobs.shift();
    const { watchId, resourceId } = job.payload;
    await stopWatch(world.deps, { watchId: watchId as WatchId, resourceId });
  }
}

async function watched(): Promise<World> {
  const world = await newWorld();
  await pullNow(world);
  await ensureWatch(world.deps, world.calendarId);
  world.letters.length = 0;
  return world;
}

/** Work on channels; the daily list of calendars is another matter. */
const planned = async (world: World): Promise<string[]> => {
  world.jobs.length = 0;
  await planWatches(world.deps);
  return world.jobs.map((job) => job.name).filter((name) => name !== 'discover-account');
};

test('a channel is renewed half a day ahead: the new one lives before the old one is stopped', async () => {
  const world = await watched();
  world.clock.advance(7 * dayMs - 12 * hourMs - minuteMs);
  expect(await planned(world)).toEqual([]);
  world.clock.advance(2 * minuteMs);
  expect(await planned(world)).toEqual(['ensure-watch']);
  const living: number[] = [];
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  const seen: typeof provider = {
    ...provider,
    stopWatch: async (session, channel) => {
      living.push(world.cloud.channels.size);
      await provider.stopWatch(session, channel);
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', seen]]) });
  await work(world);
  expect(living).toEqual([2]);
  const [old, fresh] = await channels(world);
  expect([old?.state, fresh?.state, fresh?.replaces_id]).toEqual(['stopped', 'active', old?.id]);
  expect(world.cloud.channels.size).toBe(1);
  expect((await calendarFacts(world)).coverage).toBe('push');
  // Planned twice, done once.
  expect(await ensureWatch(world.deps, world.calendarId, { ahead: true })).toBe('already');
});

test('a channel on a key that does not sign any more is replaced within a day, however much life it has', async () => {
  const world = await watched();
  const sign = (watchId: WatchId) => ({ token: `token-${watchId}`, keyId: 'next' });
  Object.assign(world.deps, { signer: { sign, signClientState: sign, signingKeyId: 'next' } });
  for (let hours = 0; hours < 24; hours += 1) {
    await planned(world);
    await work(world);
    world.clock.advance(hourMs);
  }
  await work(world);
  expect(await states(world)).toEqual(['stopped', 'active']);
  expect(world.cloud.channels.size).toBe(1);
  // The other tests' workers sign with another key.
  await sql(world, `update calendar_fleet set signing_key_id = null, signing_keys_past = '{}'`);
});

test('a renewal that fails is tried again at growing distances, and the old channel is heard all the time', async () => {
  const world = await watched();
  world.clock.advance(7 * dayMs - 11 * hourMs);
  world.cloud.fail({ code: 'provider_unavailable', operation: 'watch', count: Infinity });
  const tries = async (): Promise<number> =>
    (await states(world)).filter((state) => state === 'abandoned').length;
  for (let minute = 0; minute < 4 * 60; minute += 1) {
    await planWatches(world.deps);
    await work(world);
    world.clock.advance(minuteMs);
  }
  // 1 min, 2, 4 … 60: nine of them, up to a quarter later each, in four hours.
  expect(await tries()).toBeGreaterThan(5);
  expect(await tries()).toBeLessThan(12);
  expect((await calendarFacts(world)).coverage).toBe('push');
  expect(world.cloud.channels.size).toBe(1);
  world.cloud.faults.clear();
  world.clock.advance(2 * hourMs);
  await planWatches(world.deps);
  await work(world);
  await world.tick();
  await work(world);
  expect((await states(world)).filter((state) => state === 'active')).toHaveLength(1);
  // Those whose answers may have been lost were stopped as well: the calendar's resource names them.
  expect(new Set(await states(world))).toEqual(new Set(['stopped', 'active']));
});

test('lesson 8: a calendar that refused push is asked once more after a month, and is quiet and healthy before', async () => {
  const world = await newWorld();
  const calendar = world.cloud.calendars.get(world.providerCalendarId);
  if (!calendar) throw new Error('no calendar');
  calendar.refusesPush = true;
  await ensureWatch(world.deps, world.calendarId);
  for (let days = 0; days < 29; days += 1) {
    world.clock.advance(dayMs);
    expect(await planned(world)).toEqual([]);
  }
  world.clock.advance(2 * dayMs);
  expect(await planned(world)).toEqual(['ensure-watch']);
  await work(world);
  expect(await calendarFacts(world)).toMatchObject({ coverage: 'poll', error: null, failures: 0 });
  world.clock.advance(dayMs);
  expect(await planned(world)).toEqual([]);
  calendar.refusesPush = false;
  world.clock.advance(30 * dayMs);
  await planWatches(world.deps);
  await work(world);
  expect((await calendarFacts(world)).coverage).toBe('push');
});

test('a calendar that is switched off loses its channel with the next drain, and gets one when it is back', async () => {
  const world = await watched();
  await sql(world, `update calendars set active = false where id = '${world.calendarId}'`);
  await world.tick();
  await work(world);
  expect(await states(world)).toEqual(['stopped']);
  expect(world.cloud.channels.size).toBe(0);
  expect((await calendarFacts(world)).coverage).toBe('none');
  await sql(world, `update calendars set active = true where id = '${world.calendarId}'`);
  await world.tick();
  await work(world);
  expect(await states(world)).toEqual(['stopped', 'active']);
  expect((await calendarFacts(world)).coverage).toBe('push');
});

test('a calendar that is gone, and one whose row was deleted, lose their channels', async () => {
  const gone = await watched();
  gone.cloud.removeCalendar(gone.providerCalendarId);
  await gone.deps.jobs.enqueue('pull-calendar', {
    calendarId: gone.calendarId,
    reason: 'user',
    requestedAt: gone.clock.now().toISOString(),
  });
  await sql(gone, `update calendars set dirty_seq = dirty_seq + 1 where id = '${gone.calendarId}'`);
  await work(gone);
  expect((await calendarFacts(gone)).state).toBe('gone');
  await gone.tick();
  await work(gone);
  expect([await states(gone), gone.cloud.channels.size]).toEqual([['stopped'], 0]);

  const deleted = await watched();
  await sql(deleted, `delete from calendars where id = '${deleted.calendarId}'`);
  await deleted.tick();
  await work(deleted);
  expect([await states(deleted), deleted.cloud.channels.size]).toEqual([['stopped'], 0]);
});

test('lesson 7: a channel that cannot be stopped is tried ten times, counted, and runs out', async () => {
  const world = await watched();
  await sql(world, `update calendars set active = false where id = '${world.calendarId}'`);
  world.cloud.fail({ code: 'provider_unavailable', operation: 'stopWatch', count: Infinity });
  const attempts: number[] = [];
  for (let hours = 0; hours < 36; hours += 1) {
    await world.tick();
    await work(world);
    attempts.push((await channels(world))[0]?.stop_attempts ?? -1);
    world.clock.advance(hourMs);
  }
  expect(attempts[0]).toBe(1);
  expect(attempts.at(-1)).toBe(10);
  expect((await channels(world))[0]).toMatchObject({ state: 'retired', stop_after: null });
  expect(await orphans(world)).toEqual([{ provider: 'memory', orphans: 1 }]);
  world.clock.advance(6 * dayMs);
  await world.tick();
  expect([await states(world), await orphans(world)]).toEqual([['expired'], []]);
});

test('an account that needs its user is asked for nothing; its channels run out', async () => {
  const world = await watched();
  await sql(world, `update calendar_accounts set status = 'reauth_needed' where id = '${world.accountId}'`);
  const { faults } = world.cloud;
  let asked = 0;
  const strike = faults.strike.bind(faults);
  faults.strike = (operation, calendar) => {
    asked += 1;
    return strike(operation, calendar);
  };
  for (let hours = 0; hours < 8 * 24; hours += 1) {
    world.clock.advance(hourMs);
    // Neither is there a job, nor would one that was planned before do anything.
    expect(await planned(world)).toEqual([]);
    expect(await ensureWatch(world.deps, world.calendarId, { ahead: true })).toBe('not_watchable');
    await world.tick();
    await work(world);
  }
  expect(asked).toBe(0);
  expect(await states(world)).toEqual(['expired']);
  expect((await calendarFacts(world)).coverage).toBe('none');
});

test('a grant that turns out dead while a channel is opened is said once, and ends all attempts', async () => {
  const world = await newWorld();
  world.cloud.fail({ code: 'credentials_revoked', operation: 'watch' });
  await expect(ensureWatch(world.deps, world.calendarId)).rejects.toMatchObject({
    code: 'credentials_revoked',
  });
  world.clock.advance(dayMs);
  expect(await planned(world)).toEqual([]);
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('not_watchable');
});

test('lesson 7: a storm of messages that nobody knows costs no pull, and a stopped channel is not stopped again', async () => {
  const world = await watched();
  const message = { event: 'change' as const, expiresAt: null, receivedAt: world.clock.now() };
  for (let n = 0; n < 200; n += 1) {
    await receiveNotification(world.deps, { ...message, watchId: newId<WatchId>(), resourceId: 'x' });
  }
  expect(world.jobs).toEqual([]);
  const [channel] = await channels(world);
  if (!channel) throw new Error('no channel');
  await sql(world, `update calendars set active = false where id = '${world.calendarId}'`);
  await world.tick();
  await work(world);
  const late = { ...message, watchId: channel.id, resourceId: channel.resource_id };
  await receiveNotification(world.deps, late);
  expect(world.jobs.map((job) => job.name)).not.toContain('stop-watch');
  // An hour later it should have fallen silent.
  world.clock.advance(2 * hourMs);
  await receiveNotification(world.deps, late);
  expect(world.jobs.map((job) => job.name)).toContain('stop-watch');
});

test('an attempt that nobody answered is given up after ten minutes, and stopped once the calendar has a channel', async () => {
  const world = await newWorld();
  await pullNow(world);
  const meets = () => expect(ensureWatch(world.deps, world.calendarId)).rejects.toBeInstanceOf(Crash);
  expect(await dieAt(world, { point: 'before', nth: 2 }, meets)).toBe(true);
  world.letters.length = 0;
  expect([await states(world), world.cloud.channels.size]).toEqual([['creating'], 1]);
  world.clock.advance(9 * minuteMs);
  await planWatches(world.deps);
  expect((await states(world))[0]).toBe('creating');
  world.jobs.length = 0;
  world.clock.advance(2 * minuteMs);
  await planWatches(world.deps);
  expect((await states(world))[0]).toBe('abandoned');
  await work(world);
  await world.tick();
  await work(world);
  expect(await states(world)).toEqual(['stopped', 'active']);
  expect(world.cloud.channels.size).toBe(1);
});

test('an answer that comes after its attempt was given up names the channel, which is stopped', async () => {
  const world = await newWorld();
  await pullNow(world);
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  let isFirst = true;
  const slow: typeof provider = {
    ...provider,
    watch: async (session, request) => {
      const channel = await provider.watch(session, request);
      if (!isFirst) return channel;
      isFirst = false;
      // While this one waits for its answer, another worker gives it up.
      world.clock.advance(2 * minuteMs);
      await ensureWatch(world.deps, world.calendarId);
      return channel;
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', slow]]) });
  await ensureWatch(world.deps, world.calendarId);
  expect(world.cloud.channels.size).toBe(2);
  await world.tick();
  await work(world);
  expect(await states(world)).toEqual(['stopped', 'active']);
  expect(world.cloud.channels.size).toBe(1);
});

test('a message that came before its answer was lost has brought the channel to life: it stays', async () => {
  const world = await newWorld();
  await pullNow(world);
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  world.cloud.fail({ code: 'provider_unavailable', operation: 'watch', when: 'after' });
  const early: typeof provider = {
    ...provider,
    watch: async (session, request) => {
      try {
        return await provider.watch(session, request);
      } finally {
        const letter = world.letters.shift();
        if (letter) await world.deliver(letter);
      }
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', early]]) });
  expect(await ensureWatch(world.deps, world.calendarId)).toBe('watched');
  expect([await states(world), (await calendarFacts(world)).coverage]).toEqual([['active'], 'push']);
});
