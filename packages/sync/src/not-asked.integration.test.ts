import { NotAsked, stayAwayMaxMs, type CalendarProvider } from '@calfleet/domain';
import { expectExactMirror } from '../testing/mirror.ts';
import { calendarFacts, hint, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { pullCalendar } from './pull.ts';
import type { SyncDeps } from './deps.ts';

const newWorld = useWorlds();

/** The same engine, but for a budget that is used up. */
function withoutBudget(world: World): SyncDeps {
  const refuse = async () => {
    throw new NotAsked('rate_limited', 'The quota is used up for now.', { retryAfterMs: 120_000 });
  };
  const providers = [...world.deps.providers].map(
    ([name, provider]) => [name, { ...provider, listChanges: refuse } satisfies CalendarProvider] as const,
  );
  return { ...world.deps, providers: new Map(providers) };
}

const nextPullOf = async (world: World): Promise<Date | null | undefined> => {
  const [row] = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ at: Date | null }[]>`
      select next_pull_at as at from calendars where id = ${world.calendarId}::uuid`,
  );
  return row?.at;
};

test('a pull that waits for its budget leaves no mark, and nobody has to wait for it', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  expect(await pullNow(world)).toBe('pulled');
  putMeetings(world, 4);
  await hint(world);
  const [before, dueBefore] = [await calendarFacts(world), await nextPullOf(world)];
  const request = {
    calendarId: world.calendarId,
    reason: 'schedule' as const,
    requestedAt: world.clock.now(),
  };
  const signal = new AbortController().signal;
  await expect(pullCalendar(withoutBudget(world), request, signal)).rejects.toMatchObject({
    code: 'rate_limited',
    retryAfterMs: 120_000,
  });
  const after = await calendarFacts(world);
  expect({ error: after.error, failures: after.failures, state: after.state }).toEqual({
    error: null,
    failures: 0,
    state: before.state,
  });
  expect(await nextPullOf(world)).toEqual(dueBefore);
  // A user a second later is not kept away: the round goes on at once.
  world.clock.advance(1_000);
  expect(await pullNow(world)).toBe('pulled');
  await expectExactMirror(world);
});

test('a provider that asks to be left alone for a day keeps users and notifications away for an hour', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  await hint(world);
  world.cloud.fail({ code: 'rate_limited', operation: 'listChanges', retryAfterMs: 86_400_000 });
  await pullNow(world);
  expect(await nextPullOf(world)).toEqual(new Date(world.clock.now().getTime() + stayAwayMaxMs));
  world.clock.advance(stayAwayMaxMs - 1_000);
  expect(await pullNow(world)).toBe('rate_limited');
  world.clock.advance(2_000);
  expect(await pullNow(world)).toBe('pulled');
  await expectExactMirror(world);
});

test('a round that waits for its budget is rung for at its own urgency, not as if it were announced', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  await pullNow(world);
  world.clock.advance(25 * 60_000);
  const request = {
    calendarId: world.calendarId,
    reason: 'schedule' as const,
    requestedAt: world.clock.now(),
  };
  await expect(
    pullCalendar(withoutBudget(world), request, new AbortController().signal),
  ).rejects.toMatchObject({ code: 'rate_limited' });
  world.jobs.length = 0;
  await world.tick();
  expect(world.jobs.filter(({ name }) => name === 'pull-calendar')).toMatchObject([
    { payload: { reason: 'schedule' } },
  ]);
  await hint(world);
  world.jobs.length = 0;
  await world.tick();
  expect(world.jobs).toContainEqual(
    expect.objectContaining({ payload: expect.objectContaining({ reason: 'notify' }) as object }),
  );
});
