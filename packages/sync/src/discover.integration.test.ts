/** The daily look at an account's calendar list: what is new, back, renamed, seen with other eyes, or gone. */
import type { AccountId } from '@calfleet/domain';
import { discoverAccount } from './discover.ts';
import { planWatches } from './renewal.ts';
import { calendarFacts, countFeed, pullNow, putMeetings, shownEvents, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const calendarOf = (world: World) => {
  const calendar = world.cloud.calendars.get(world.providerCalendarId);
  if (!calendar) throw new Error('no calendar');
  return calendar;
};
const list = (world: World): Promise<number> => discoverAccount(world.deps, world.accountId);
const one = async <Row>(world: World, statement: string): Promise<Row> => {
  const [row] = await world.real.transaction({ role: 'worker' }, (tx) =>
    tx.$queryRawUnsafe<Row[]>(statement, world.calendarId),
  );
  if (row === undefined) throw new Error('no row');
  return row;
};
const work = async (world: World): Promise<void> => {
  while (world.jobs.length > 0) await world.runJob();
};

test('each account is listed once a day, in its own hour of it', async () => {
  const world = await newWorld();
  const hour = Number.parseInt(world.accountId.slice(-2), 16) % 24;
  const hours: number[] = [];
  const at: number[] = [];
  for (let step = 0; step < 5 * 24; step += 1) {
    world.clock.advance(hourMs);
    world.jobs.length = 0;
    await planWatches(world.deps);
    const own = world.jobs.filter(
      (job) => job.name === 'discover-account' && (job.payload.accountId as AccountId) === world.accountId,
    );
    expect(own.length).toBeLessThanOrEqual(1);
    if (own.length === 0) continue;
    expect(own[0]?.payload).toMatchObject({ daily: true });
    hours.push(world.clock.now().getUTCHours());
    at.push(world.clock.now().getTime());
    await list(world);
  }
  expect(hours).toEqual(hours.map(() => hour));
  expect(at.length).toBeGreaterThanOrEqual(4);
  for (const [n, time] of at.slice(1).entries()) expect(time - (at[n] ?? 0)).toBe(dayMs);
});

test('an hour that was missed is made good with the next tick', async () => {
  const world = await newWorld();
  world.clock.advance(3 * dayMs);
  world.clock.set(new Date(Math.floor(world.clock.now().getTime() / dayMs) * dayMs));
  const hour = Number.parseInt(world.accountId.slice(-2), 16) % 24;
  world.clock.advance(((hour + 3) % 24) * hourMs);
  await planWatches(world.deps);
  expect(world.jobs.some((job) => job.name === 'discover-account')).toBe(true);
});

test('a calendar that the list leaves out is gone, told, and not pulled; one that is back is read whole', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  world.cloud.createCalendar({ providerCalendarId: 'another', accountId: world.accountId });
  const told = await countFeed(world);
  const calendar = calendarOf(world);
  world.cloud.removeCalendar(world.providerCalendarId);
  expect(await list(world)).toBe(1);
  expect((await calendarFacts(world)).state).toBe('gone');
  expect(await countFeed(world)).toBe(told + 1);
  // What was mirrored stays: nobody said that it was deleted.
  expect((await shownEvents(world)).live).toHaveLength(3);
  world.jobs.length = 0;
  world.clock.advance(dayMs);
  await world.tick();
  expect(world.jobs.map((job) => job.name)).not.toContain('pull-calendar');

  world.cloud.calendars.set(world.providerCalendarId, calendar);
  expect(await list(world)).toBe(0);
  expect((await calendarFacts(world)).state).toBe('resyncing');
  expect(world.jobs.map((job) => job.name)).toEqual(['ensure-watch', 'pull-calendar']);
  await work(world);
  expect(await calendarFacts(world)).toMatchObject({ state: 'active', coverage: 'push' });
  expect(
    (await one<{ mode: string }>(world, 'select last_mode as mode from calendars where id = $1::uuid')).mode,
  ).toBe('full');
});

test('a round that runs while its calendar is found gone cannot say that all is well', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  world.cloud.createCalendar({ providerCalendarId: 'another', accountId: world.accountId });
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');

  const during: typeof provider = {
    ...provider,
    listChanges: async (session, request) => {
      const page = await provider.listChanges(session, request);
      world.cloud.removeCalendar(world.providerCalendarId);
      await list(world);
      return page;
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', during]]) });
  expect(await pullNow(world)).toBe('lease_lost');
  expect((await calendarFacts(world)).state).toBe('gone');
});

test('a list without any calendar proves nothing', async () => {
  const world = await newWorld();
  await pullNow(world);
  const calendar = calendarOf(world);
  world.cloud.calendars.clear();
  await list(world);
  expect((await calendarFacts(world)).state).toBe('active');
  world.cloud.calendars.set(world.providerCalendarId, { ...calendar, removed: true });
  await list(world);
  expect((await calendarFacts(world)).state).toBe('gone');
});

test('a renamed calendar is told once; one that shows only free and busy is read whole again, and so back', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  await list(world);
  const told = await countFeed(world);
  const calendar = calendarOf(world);
  calendar.name = 'Renamed';
  await list(world);
  await list(world);
  expect(await countFeed(world)).toBe(told + 1);
  expect(world.jobs.filter((job) => job.name === 'pull-calendar')).toEqual([]);
  for (const role of ['free_busy_reader', 'writer'] as const) {
    calendar.accessRole = role;
    world.jobs.length = 0;
    await list(world);
    expect(world.jobs.map((job) => job.name)).toContain('pull-calendar');
    await work(world);
    const row = await one<{ role: string; mode: string }>(
      world,
      'select access_role as role, last_mode as mode from calendars where id = $1::uuid',
    );
    expect(row).toEqual({ role, mode: 'full' });
  }
});

test('calendars that are found while their account needs its user are not asked for until it is back', async () => {
  const world = await newWorld();
  await pullNow(world);
  world.cloud.createCalendar({ providerCalendarId: 'found late', accountId: world.accountId });
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  const say = (status: string) =>
    world.real.transaction(
      { role: 'worker' },
      (tx) =>
        tx.$executeRaw`update calendar_accounts set status = ${status} where id = ${world.accountId}::uuid`,
    );
  const meanwhile: typeof provider = {
    ...provider,
    listCalendars: async (session, request) => {
      const page = await provider.listCalendars(session, request);
      await say('reauth_needed');
      return page;
    },
  };
  Object.assign(world.deps, { providers: new Map([['memory', meanwhile]]) });
  expect(await list(world)).toBe(1);
  const actives = () =>
    world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ active: boolean }[]>`
        select account_active as active from calendars where account_id = ${world.accountId}::uuid`,
    );
  expect(await actives()).toEqual([{ active: false }, { active: false }]);
  await say('active');
  expect(await actives()).toEqual([{ active: true }, { active: true }]);
});

const accountOf = (world: World) =>
  one<{ status: string; reason: string | null }>(
    world,
    `select a.status, a.status_reason as reason from calendar_accounts a join calendars c on c.account_id = a.id
      where c.id = $1::uuid`,
  );

test('a daily list that is refused leaves a working account as it is: pulls go on, and the next list clears the reason', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  await list(world);
  world.cloud.fail({ code: 'permission_denied', operation: 'listCalendars', count: 2 });
  for (let days = 0; days < 2; days += 1) {
    await expect(list(world)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(await accountOf(world)).toEqual({ status: 'active', reason: 'planned permission_denied' });
    // Whichever its hour was: the hourly plan comes back to it by itself.
    world.clock.advance(27 * hourMs);
    world.jobs.length = 0;
    await planWatches(world.deps);
    expect(world.jobs.map((job) => job.name)).toContain('discover-account');
  }
  putMeetings(world, 3);
  await world.tick();
  await work(world);
  expect((await shownEvents(world)).live).toHaveLength(3);
  await list(world);
  expect(await accountOf(world)).toEqual({ status: 'active', reason: null });
});

test('a refusal for want of a scope, or of the first list, needs the account’s user', async () => {
  const [lapsed, fresh] = [await newWorld(), await newWorld()];
  lapsed.cloud.fail({ code: 'permission_denied', operation: 'listCalendars', scopeMissing: true });
  await expect(list(lapsed)).rejects.toMatchObject({ code: 'permission_denied' });
  expect((await accountOf(lapsed)).status).toBe('reauth_needed');
  await one(
    fresh,
    `update calendar_accounts set calendars_listed_at = null
      where id = (select account_id from calendars where id = $1::uuid) returning id`,
  );
  fresh.cloud.fail({ code: 'permission_denied', operation: 'listCalendars' });
  await expect(list(fresh)).rejects.toMatchObject({ code: 'permission_denied' });
  expect((await accountOf(fresh)).status).toBe('reauth_needed');
});

test('a paused calendar is tried again once with each list that shows it', async () => {
  const world = await newWorld();
  await pullNow(world);
  world.cloud.fail({ code: 'permission_denied', operation: 'listChanges', count: Infinity });
  await world.real.transaction({ role: 'worker' }, (tx) =>
    tx.$executeRawUnsafe(`update calendars set dirty_seq = dirty_seq + 1 where id = '${world.calendarId}'`),
  );
  await pullNow(world);
  expect((await calendarFacts(world)).state).toBe('paused');
  world.jobs.length = 0;
  world.clock.advance(dayMs);
  await world.tick();
  expect(world.jobs.map((job) => job.name)).not.toContain('pull-calendar');
  await list(world);
  await work(world);
  expect((await calendarFacts(world)).state).toBe('paused');
  world.cloud.faults.clear();
  await list(world);
  await work(world);
  expect(await calendarFacts(world)).toMatchObject({ state: 'active', error: null });
});
