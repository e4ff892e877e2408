import { SyncError } from '@calfleet/domain';
import { acquireLease, openRound, type LeasedCalendar } from '@calfleet/db';
import { applyPage, type CalendarInRound } from './apply.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import {
  calendarFacts,
  countFeed,
  hint,
  meeting,
  pullNow,
  putMeetings,
  shownEvents,
  useWorlds,
} from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

async function leaseAndOpen(world: World): Promise<CalendarInRound> {
  const opened = await world.real.transaction({ role: 'worker' }, async (tx) => {
    const leased = (await acquireLease(tx, world.calendarId)) as LeasedCalendar;
    const at = world.clock.now();
    const window = { windowStart: new Date(at.getTime() - 1e9), windowEnd: new Date(at.getTime() + 1e9) };
    const mode = leased.cursor === null ? 'full' : 'incremental';
    const round = { id: crypto.randomUUID(), mode, trigger: 'test', reading: 'changes', at } as const;
    return openRound(tx, leased, { ...round, ...window });
  });
  return opened as CalendarInRound;
}

const ask = (world: World, calendar: CalendarInRound) => {
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  return provider.listChanges(world.deps.sessions.open(calendar), {
    providerCalendarId: calendar.providerCalendarId,
    cursor: calendar.round.cursor,
    pageCursor: calendar.round.pageCursor,
    window: { start: '', end: '' },
    pageSize: 100,
    calendarTimeZone: 'UTC',
  });
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof SyncError ? error.code : String(error)),
  );

test('I6: a second worker is turned away while the lease lives, and takes over when it has run out', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await leaseAndOpen(world);
  expect(await pullNow(world)).toBe('busy');
  await world.expireLease();
  expect(await pullNow(world)).toBe('pulled');
  await expectExactMirror(world);
});

test('I6: a worker that lost its lease writes nothing, also when it wakes up in the middle', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  const sleeper = await leaseAndOpen(world);
  const page = await ask(world, sleeper);
  await world.expireLease();
  world.cloud.patch(world.providerCalendarId, 'm0', { summary: 'Newer than the sleeper knows' });
  await hint(world);
  // The round is resumed, and the hint that came after its opening brings one more.
  expect([await pullNow(world), await world.runJob()]).toEqual(['pulled', 'pulled']);
  const feed = await countFeed(world);
  expect(await codeOf(applyPage(world.deps, sleeper, page, 1))).toBe('lease_lost');
  expect(await countFeed(world)).toBe(feed);
  await expectExactMirror(world);
});

test('I6: two workers at the same page of the same round: the older lease is turned away', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  // Not the last page: nothing but the epoch tells the two apart.
  world.cloud.quirks.pageSizeMax = 2;
  const older = await leaseAndOpen(world);
  const page = await ask(world, older);
  await world.expireLease();
  const newer = await world.real.transaction({ role: 'worker' }, (tx) => acquireLease(tx, world.calendarId));
  expect(newer?.round?.id).toBe(older.round.id);
  expect(await codeOf(applyPage(world.deps, older, page, 1))).toBe('lease_lost');
  expect((await shownEvents(world)).live).toEqual([]);
});

test('I8: a page applied twice within its lease changes nothing the second time', async () => {
  const world = await newWorld();
  putMeetings(world, 4);
  world.cloud.quirks.pageSizeMax = 2;
  const calendar = await leaseAndOpen(world);
  const page = await ask(world, calendar);
  await applyPage(world.deps, calendar, page, 1);
  const before = {
    feed: await countFeed(world),
    shown: await shownEvents(world),
    facts: await calendarFacts(world),
  };
  expect(await codeOf(applyPage(world.deps, calendar, page, 1))).toBe('lease_lost');
  expect({
    feed: await countFeed(world),
    shown: await shownEvents(world),
    facts: await calendarFacts(world),
  }).toEqual(before);
});

test('I8: the same items in a later round add no change', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  const feed = await countFeed(world);
  await hint(world, { full: true });
  expect(await pullNow(world)).toBe('pulled');
  expect(await countFeed(world)).toBe(feed);
});

test('a worker that takes over asks for no page twice but the one that was not stored', async () => {
  const world = await newWorld();
  for (let n = 0; n < 10; n += 1) world.cloud.put(world.providerCalendarId, meeting(`e${n}`, n));
  world.cloud.quirks.pageSizeMax = 1;
  const signal = AbortSignal.abort();
  // Every call hands back before its first page: only opening the round is done, again and again.
  expect(await pullNow(world, signal)).toBe('handed_back');
  expect(await pullNow(world, signal)).toBe('handed_back');
  expect(world.pagesAsked).toBe(0);
  expect(await pullNow(world)).toBe('pulled');
  expect(world.pagesAsked).toBe(10);
});
