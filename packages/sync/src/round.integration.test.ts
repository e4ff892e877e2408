import { dieAt } from '../testing/dying.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import {
  calendarFacts,
  hint,
  meeting,
  pullNow,
  putMeetings,
  shownEvents,
  useWorlds,
} from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

/** Dies before the nth transaction from now; the lease is given back by time. */
const dieBefore = async (world: World, nth: number, step: () => Promise<string>): Promise<void> => {
  const died = dieAt(world, { point: 'before', nth }, async () => expect(await step()).toBe('crashed'));
  expect(await died).toBe(true);
};

test('I1: the cursor moves only with the last page of its round', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  const before = await calendarFacts(world);
  putMeetings(world, 6, 'n');
  world.cloud.quirks.pageSizeMax = 2;
  await hint(world);
  // Opening, page 1, page 2 … and death before page 3 is stored.
  await dieBefore(world, 4, () => pullNow(world));
  const between = await calendarFacts(world);
  expect(between.cursor).toBe(before.cursor);
  expect(between.synced).toBe(before.synced);
  expect((await shownEvents(world)).live).toHaveLength(7);
  await world.runJob();
  expect((await calendarFacts(world)).cursor).not.toBe(before.cursor);
  await world.settle();
  await expectExactMirror(world);
});

test('I1: a last page without a cursor is not believed', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  const provider = world.deps.providers.get('memory');
  if (!provider) throw new Error('no provider');
  let calls = 0;
  const lying = {
    ...provider,
    listChanges: async () => ({ items: [], nextPageCursor: null, nextCursor: null }),
  };
  Object.assign(world.deps, { providers: new Map([['memory', lying]]) });
  expect(await pullNow(world)).toBe('provider_unavailable');
  expect((await calendarFacts(world)).synced).toBe(0);
  const honest = {
    ...provider,
    listChanges: (...args: Parameters<typeof provider.listChanges>) => (
      (calls += 1),
      provider.listChanges(...args)
    ),
  };
  Object.assign(world.deps, { providers: new Map([['memory', honest]]) });
  await world.runJob();
  expect(calls).toBe(1);
  await expectExactMirror(world);
});

test('I2: an empty page is not the end, and an empty round saves its cursor', async () => {
  const world = await newWorld();
  putMeetings(world, 4);
  Object.assign(world.cloud.quirks, { pageSizeMax: 2, emptyPagesAt: [1, 2, 3] });
  await pullNow(world);
  await expectExactMirror(world);
  const { cursor } = await calendarFacts(world);
  world.cloud.put(world.providerCalendarId, meeting('later'));
  world.cloud.remove(world.providerCalendarId, 'later');
  // The owner's change and its undoing come to a tombstone of something never seen: a round without effect.
  await hint(world);
  await pullNow(world);
  expect((await calendarFacts(world)).cursor).not.toBe(cursor);
  await hint(world);
  await pullNow(world);
  const quiet = await calendarFacts(world);
  expect(quiet.synced).toBe(quiet.dirty);
});

test.each([1, 3])('a dead cursor on page %i is loud, repairs itself and ends exact', async (page) => {
  const world = await newWorld();
  putMeetings(world, 8);
  world.cloud.quirks.pageSizeMax = 2;
  await pullNow(world);
  for (let n = 0; n < 8; n += 1)
    world.cloud.patch(world.providerCalendarId, `m${n}`, { summary: `Changed ${n}` });
  world.cloud.remove(world.providerCalendarId, 'm5');
  world.cloud.fail({ code: 'cursor_expired', operation: 'listChanges', skip: page - 1 });
  const states = new Set<string>();
  world.hook = async (point) => {
    if (point === 'after') states.add((await calendarFacts(world)).state);
  };
  await hint(world);
  expect(await pullNow(world)).toBe('pulled');
  world.hook = null;
  expect(states).toContain('resyncing');
  expect((await calendarFacts(world)).state).toBe('active');
  await expectExactMirror(world);
});

test('what vanished while the cursor was dead goes after the last page only, exactly once', async () => {
  const world = await newWorld({ massDeletePercent: 50 });
  putMeetings(world, 40);
  await pullNow(world);
  for (let n = 0; n < 10; n += 1) world.cloud.remove(world.providerCalendarId, `m${n}`);
  world.cloud.expireCursors(world.providerCalendarId);
  world.cloud.quirks.pageSizeMax = 7;
  await hint(world);
  // Opening, the restart, page 1 … and death before page 2 is stored.
  await dieBefore(world, 4, () => pullNow(world));
  expect((await shownEvents(world)).live).toHaveLength(40);
  await world.runJob();
  expect((await shownEvents(world)).live).toHaveLength(30);
  await expectExactMirror(world);
});

test('a round whose last page is older than 15 minutes begins anew', async () => {
  const world = await newWorld();
  putMeetings(world, 6);
  world.cloud.quirks.pageSizeMax = 2;
  await dieBefore(world, 3, () => pullNow(world));
  const { round, generation } = await calendarFacts(world);
  world.clock.advance(16 * 60_000);
  await world.runJob();
  expect(round).not.toBeNull();
  expect((await calendarFacts(world)).generation).toBe(generation + 1);
  await expectExactMirror(world);
});

test('I5: a hint during a round leads to one more pull', async () => {
  const world = await newWorld();
  putMeetings(world, 4);
  world.cloud.quirks.pageSizeMax = 2;
  let transactions = 0;
  world.hook = async (point) => {
    if (point !== 'after' || ++transactions !== 2) return;
    world.cloud.patch(world.providerCalendarId, 'm0', { summary: 'Changed behind the first page' });
    await hint(world);
  };
  await pullNow(world);
  world.hook = null;
  expect(world.jobs.filter((job) => job.name === 'pull-calendar')).toHaveLength(1);
  expect(await world.runJob()).toBe('pulled');
  expect(world.jobs).toHaveLength(0);
  await expectExactMirror(world);
});

test('I5: a hint that falls between the death of a worker and the resumption of its round is not lost', async () => {
  const world = await newWorld();
  putMeetings(world, 6);
  Object.assign(world.cloud.quirks, { pageSizeMax: 2, changesJoinRounds: false });
  await dieBefore(world, 3, () => pullNow(world));
  world.cloud.patch(world.providerCalendarId, 'm0', { summary: 'Changed in the gap' });
  await hint(world);
  // The stalled job resumes the round; only one more pull can bring the change.
  expect(await world.runJob()).toBe('pulled');
  const resumed = await calendarFacts(world);
  expect(resumed.synced).toBeLessThan(resumed.dirty);
  expect(await world.runJob()).toBe('pulled');
  await expectExactMirror(world);
});

test('a stopping process gives its round back where it is, and rings', async () => {
  const world = await newWorld();
  putMeetings(world, 6);
  world.cloud.quirks.pageSizeMax = 2;
  const stop = new AbortController();
  let transactions = 0;
  world.hook = async (point) => {
    if (point === 'after' && ++transactions === 2) stop.abort();
  };
  expect(await pullNow(world, stop.signal)).toBe('handed_back');
  world.hook = null;
  const asked = world.pagesAsked;
  expect(await world.runJob()).toBe('pulled');
  // Page 1 was kept: two more pages, none twice.
  expect(world.pagesAsked - asked).toBe(2);
  await expectExactMirror(world);
});

test('a full round that was asked for is carried on where it stood, whoever comes next', async () => {
  const world = await newWorld();
  putMeetings(world, 12);
  await pullNow(world);
  world.cloud.quirks.pageSizeMax = 4;
  await hint(world, { full: true });
  const stop = new AbortController();
  const before = world.pagesAsked;
  world.onAsk = () => {
    if (world.pagesAsked === before + 2) stop.abort();
  };
  expect(await pullNow(world, stop.signal)).toBe('handed_back');
  world.onAsk = null;
  expect(await pullNow(world)).toBe('pulled');
  // Three pages in all, none twice.
  expect(world.pagesAsked - before).toBe(3);
  await expectExactMirror(world);
});

test.each([
  ['permission_denied' as const, 'paused'],
  ['remote_missing' as const, 'gone'],
])('%s ends in a state that says so, and is not asked again', async (code, state) => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  world.cloud.fail({ code, operation: 'listChanges' });
  await hint(world);
  expect(await pullNow(world)).toBe(code);
  expect(await calendarFacts(world)).toMatchObject({ state, error: code });
  const asked = world.pagesAsked;
  world.clock.advance(25 * 60_000);
  await world.tick();
  // Its channel may be stopped; it itself is left in peace.
  expect(world.jobs.filter(({ name }) => name !== 'stop-watch')).toEqual([]);
  expect(world.pagesAsked).toBe(asked);
  expect((await shownEvents(world)).live).toHaveLength(2);
});

test('a provider that asks us to stay away is not asked before its time, whoever rings', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  world.cloud.fail({ code: 'rate_limited', operation: 'listChanges', retryAfterMs: 3_600_000 });
  expect(await pullNow(world)).toBe('rate_limited');
  const asked = world.pagesAsked;
  await hint(world);
  expect(await pullNow(world)).toBe('rate_limited');
  world.jobs.length = 0;
  world.clock.advance(30 * 60_000);
  await world.tick();
  expect(world.jobs.filter((job) => job.name === 'pull-calendar')).toEqual([]);
  expect(world.pagesAsked).toBe(asked);
  expect((await calendarFacts(world)).failures).toBe(0);
  world.clock.advance(31 * 60_000);
  await world.tick();
  while (world.jobs.length > 0) await world.runJob();
  await expectExactMirror(world);
});

test('a dead grant stops the account once, keeps the data, and says so in the feed', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  world.cloud.fail({ code: 'credentials_revoked', operation: 'listChanges', count: 2 });
  await hint(world);
  expect(await pullNow(world)).toBe('credentials_revoked');
  expect(await pullNow(world)).toBe('busy');
  const [said] = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ status: string; feed: number }[]>`
      select status, (select count(*)::int from calendar_changes where account_id = a.id and kind = 'account_changed')
        as feed from calendar_accounts a where id = ${world.accountId}::uuid`,
  );
  expect(said).toEqual({ status: 'reauth_needed', feed: 1 });
  expect((await shownEvents(world)).live).toHaveLength(2);
});

test('a first mirror that the drain finds keeps its own queue', async () => {
  const world = await newWorld();
  await world.tick();
  const reasons = world.jobs.flatMap((job) => (job.name === 'pull-calendar' ? [job.payload.reason] : []));
  expect(reasons).toContain('backfill');
  expect(reasons).not.toContain('notify');
});

test('a calendar that moves is looked at with every tick of 20 minutes', async () => {
  const world = await newWorld();
  await pullNow(world);
  for (let tick = 0; tick < 3; tick += 1) {
    world.clock.advance(20 * 60_000 - 30_000);
    await world.tick();
    expect(world.jobs.filter((job) => job.name === 'pull-calendar')).toHaveLength(1);
    putMeetings(world, 1, `tick${tick}`);
    while (world.jobs.length > 0) await world.runJob();
    world.clock.advance(30_000);
  }
});

test('what nobody foresaw is named to the user without its statement', async () => {
  const world = await newWorld();
  world.cloud.fail({ code: 'bug', operation: 'listChanges' });
  await expect(pullNow(world)).rejects.toThrow();
  const [row] = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ last_error: string }[]>`
      select last_error from calendars where id = ${world.calendarId}::uuid`,
  );
  expect(row?.last_error).toBe('An unexpected error; see the log.');
});
