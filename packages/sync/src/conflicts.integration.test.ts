/** Open conflicts: how they come, what they show while they wait, and who ends them. */
import { lockConflict } from '@calfleet/db';
import type { ConflictStrategy, EventId } from '@calfleet/domain';
import { localWrites } from '../testing/local-writes.ts';
import { hint, meeting, pullNow, setStrategy, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { settled, work } from '../testing/quiet.ts';
import { resolveConflict, resolveConflicts, type Decision } from './index.ts';

const newWorld = useWorlds();

/** A mirrored calendar with one event, which its user lets us write to. */
async function writableWorld(strategy: ConflictStrategy) {
  const world = await newWorld();
  const { userId, calendarId } = world;
  world.cloud.put(world.providerCalendarId, meeting('m1', 1, { summary: 'Planning' }));
  await setStrategy(world, strategy);
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`update calendars set write_enabled = true where id = ${calendarId}::uuid`;
    await tx.$executeRaw`
      insert into calendar_preferences (user_id, auto_sync_enabled, sync_frequency_minutes, conflict_strategy,
        write_permissions, created_at, updated_at) values (${userId}, false, 60, 'manual', 'all', now(), now())`;
  });
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  const there = (fields: Parameters<World['cloud']['patch']>[2]): void =>
    void world.cloud.patch(world.providerCalendarId, 'm1', fields);
  return { world, local, id, there };
}

/** With a conflict about its title: "here" against "there". */
async function openWorld() {
  const opened = await writableWorld('manual');
  opened.there({ summary: 'there' });
  await opened.local.change(opened.id, { summary: 'here' });
  await work(opened.world);
  expect(await conflictsIn(opened.world)).toMatchObject([{ status: 'open', fields: ['summary'] }]);
  return opened;
}

interface Conflict {
  id: string;
  status: string;
  resolution: string | null;
  resolved_by: string | null;
  fields: string[];
  local: unknown;
  provider: unknown;
}

const conflictsIn = ({ real, calendarId }: World): Promise<Conflict[]> =>
  real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Conflict[]>`
      select id, status, resolution, resolved_by, fields, local, provider from calendar_sync_conflicts
       where calendar_id = ${calendarId}::uuid order by id`,
  );

const titlesThere = ({ cloud, providerCalendarId }: World): (string | null)[] =>
  cloud
    .truth(providerCalendarId)
    .flatMap((item) => (item.type === 'event' ? [item.event.fields.summary] : []));

const states = async (local: ReturnType<typeof localWrites>): Promise<string[]> =>
  (await local.writes()).map(({ op, state }) => `${op} ${state}`);

/** As the API does it. @returns whether there was something to decide */
async function answer({ deps, real, userId, accountId, calendarId }: World, decision: Decision) {
  const asUser = { role: 'api' as const, userId, calendars: [calendarId] };
  const ended = await real.transaction(asUser, async (tx) => {
    const [open] = await tx.$queryRaw<{ id: string }[]>`
      select id from calendar_sync_conflicts where user_id = ${userId} and status = 'open'`;
    const conflict = open && (await lockConflict(tx, open.id));
    if (!conflict) return false;
    const calendar = { id: calendarId, userId, accountId };
    await resolveConflict(tx, deps, calendar, { conflict, decision, by: userId });
    return true;
  });
  await deps.jobs.enqueue('push-calendar', { calendarId });
  return ended;
}

describe.each<ConflictStrategy>(['newest_wins', 'local_wins', 'provider_wins', 'manual'])(
  '%s',
  (strategy) => {
    test('a racing owner who edits whenever we write ends after 3 rounds as an open conflict, and the queue is clean', async () => {
      const { world, local, id, there } = await writableWorld(strategy);
      let raced = 0;
      world.onWrite = () => there({ description: `note ${(raced += 1)}` });
      await local.change(id, { summary: 'here' });
      await work(world);
      expect([raced, await states(local)]).toEqual([4, ['update conflict']]);
      expect(await conflictsIn(world)).toMatchObject([
        {
          status: 'open',
          resolution: null,
          fields: ['summary'],
          local: { summary: 'here' },
          provider: { summary: 'Planning' },
        },
      ]);
      expect(world.jobs).toEqual([]);
      await settled(world);
      expect([raced, await local.event(id)]).toMatchObject([
        4,
        { summary: 'Planning', description: 'note 4' },
      ]);
    });
  },
);

test('a racing owner of what we delete: it is shown again until somebody decides', async () => {
  const { world, local, id, there } = await writableWorld('local_wins');
  let raced = 0;
  world.onWrite = () => there({ summary: `race ${(raced += 1)}` });
  await local.remove(id);
  await work(world);
  expect([raced, (await states(local)).at(-1)]).toEqual([4, 'delete conflict']);
  expect((await conflictsIn(world)).filter(({ status }) => status === 'open')).toMatchObject([
    { fields: ['deleted'], local: { deleted: null }, provider: { deleted: { summary: 'race 4' } } },
  ]);
  await settled(world);
  expect((await local.event(id))?.summary).toBe('race 4');
});

test('an owner who deletes it in the last round: the conflict says so', async () => {
  const { world, local, id, there } = await writableWorld('local_wins');
  let raced = 0;
  world.onWrite = () => {
    raced += 1;
    if (raced < 4) return there({ description: `note ${raced}` });
    world.onWrite = null;
    world.cloud.remove(world.providerCalendarId, 'm1');
  };
  await local.change(id, { summary: 'here' });
  await work(world);
  await settled(world);
  expect(await conflictsIn(world)).toMatchObject([
    {
      status: 'open',
      fields: ['deleted'],
      local: { deleted: { summary: 'here' } },
      provider: { deleted: null },
    },
  ]);
  expect((await local.event(id))?.deleted_at).not.toBeNull();
});

test('what came in between in the last round has decided already: one conflict, and what is there now', async () => {
  const { world, local, id, there } = await writableWorld('manual');
  let raced = 0;
  world.onWrite = () => {
    raced += 1;
    if (raced < 4) return there({ description: `note ${raced}` });
    there({ summary: 'there' });
    world.hook = async (point) => {
      if (point !== 'before') return;
      world.hook = null;
      await hint(world);
      await pullNow(world);
    };
  };
  await local.change(id, { summary: 'here' });
  await work(world);
  await settled(world);
  expect(await conflictsIn(world)).toMatchObject([
    { status: 'open', fields: ['summary'], provider: { summary: 'there' } },
  ]);
});

test('once the owner is done, the tick lets the write leave again, counted anew', async () => {
  const { world, local, id, there } = await writableWorld('local_wins');
  let raced = 0;
  world.onWrite = () => there({ description: `note ${(raced += 1)}` });
  await local.change(id, { summary: 'here' });
  await work(world);
  expect(await resolveConflicts(world.deps)).toEqual({ local: 1, provider: 0, left: 0, failed: 0 });
  await work(world);
  // Who races on is given way to again, and there is one conflict to be decided, still.
  expect([raced, await states(local)]).toEqual([8, ['update conflict', 'update conflict']]);
  expect((await conflictsIn(world)).map(({ status }) => status)).toEqual(['resolved', 'open']);
  world.onWrite = null;
  expect(await resolveConflicts(world.deps)).toMatchObject({ local: 1 });
  await settled(world);
  expect(titlesThere(world)).toEqual(['here']);
  expect(await states(local)).toEqual(['update applied', 'update applied', 'update applied']);
  expect(await conflictsIn(world)).toMatchObject([
    { status: 'resolved', resolution: 'local', resolved_by: 'strategy' },
    { status: 'resolved', resolution: 'local', resolved_by: 'strategy' },
  ]);
  expect(await resolveConflicts(world.deps)).toEqual({ local: 0, provider: 0, left: 0, failed: 0 });
});

test.each<[ConflictStrategy, string, string, number]>([
  ['local_wins', 'here', 'applied', 0],
  ['provider_wins', 'there', 'discarded', 0],
  // The memory provider does not say when.
  ['newest_wins', 'here', 'applied', 0],
  ['manual', 'there', 'conflict', 1],
])('a calendar that goes by %s from now on: the tick makes it "%s"', async (strategy, title, state, left) => {
  const { world, local } = await openWorld();
  await setStrategy(world, strategy);
  expect(await resolveConflicts(world.deps)).toMatchObject({ left, failed: 0 });
  await settled(world);
  expect([titlesThere(world), (await states(local))[0]]).toEqual([[title], `update ${state}`]);
});

test.each<[ConflictStrategy, string[]]>([
  ['local_wins', ['here']],
  ['newest_wins', []],
])('deleted there, and %s from now on', async (strategy, titles) => {
  const { world, local, id } = await writableWorld('manual');
  world.cloud.remove(world.providerCalendarId, 'm1');
  await local.change(id, { summary: 'here' });
  await work(world);
  await setStrategy(world, strategy);
  await resolveConflicts(world.deps);
  await settled(world);
  expect(titlesThere(world)).toEqual(titles);
});

test('a strategy does not undo what the user wrote since', async () => {
  const { world, local, id } = await openWorld();
  await local.change(id, { summary: 'newer' });
  await work(world);
  await setStrategy(world, 'local_wins');
  expect(await resolveConflicts(world.deps)).toMatchObject({ local: 1 });
  await settled(world);
  expect(titlesThere(world)).toEqual(['newer']);
});

test('nothing is written to a calendar that its user has closed meanwhile; the provider may win', async () => {
  const { world } = await openWorld();
  await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`update calendars set write_enabled = false where id = ${world.calendarId}::uuid`,
  );
  await setStrategy(world, 'local_wins');
  expect(await resolveConflicts(world.deps)).toMatchObject({ local: 0, left: 1 });
  await setStrategy(world, 'provider_wins');
  expect(await resolveConflicts(world.deps)).toMatchObject({ provider: 1, left: 0 });
});

test('a person decides while the tick has it in hand: it stays decided', async () => {
  const { world, local } = await openWorld();
  await setStrategy(world, 'local_wins');
  let reached = 0;
  world.hook = async (point) => {
    // The page is read; what comes next is the first decision.
    if (point !== 'before' || (reached += 1) < 2) return;
    world.hook = null;
    await answer(world, { resolution: 'provider' });
  };
  expect(await resolveConflicts(world.deps)).toEqual({ local: 0, provider: 0, left: 1, failed: 0 });
  expect(await conflictsIn(world)).toMatchObject([{ resolution: 'provider', resolved_by: world.userId }]);
  expect(await states(local)).toEqual(['update discarded']);
});

test('a person and the tick at once: one of them decides', async () => {
  const { world, local } = await openWorld();
  await setStrategy(world, 'local_wins');
  const [ended, ...ticked] = await Promise.all([
    answer(world, { resolution: 'provider' }),
    resolveConflicts(world.deps),
    resolveConflicts(world.deps),
  ]);
  const [conflict] = await conflictsIn(world);
  expect(conflict?.resolved_by).toBe(ended ? world.userId : 'strategy');
  expect(ticked).toMatchObject([{ failed: 0 }, { failed: 0 }]);
  await settled(world);
  expect(titlesThere(world)).toEqual([ended ? 'there' : 'here']);
  expect(await local.writes()).toHaveLength(ended ? 1 : 2);
});

test('while it is open, a conflict says what the provider has now; wanted by both, it is over', async () => {
  const { world, local, there } = await openWorld();
  there({ summary: 'there, later' });
  await hint(world);
  await pullNow(world);
  expect(await conflictsIn(world)).toMatchObject([
    { status: 'open', provider: { summary: 'there, later' }, local: { summary: 'here' } },
  ]);
  there({ summary: 'here' });
  await settled(world);
  expect(await conflictsIn(world)).toMatchObject([
    { status: 'resolved', resolution: 'local', resolved_by: 'provider' },
  ]);
  expect(await states(local)).toEqual(['update applied']);
});

test.each(['here', 'there'])('deleted %s in the end: there is nothing to decide any more', async (side) => {
  const { world, local, id } = await openWorld();
  if (side === 'here') await local.remove(id);
  else {
    await local.remove(id);
    world.cloud.remove(world.providerCalendarId, 'm1');
  }
  await settled(world);
  expect(await conflictsIn(world)).toMatchObject([{ status: 'resolved', resolved_by: 'provider' }]);
  expect(await states(local)).toEqual(['update discarded', 'delete applied']);
});

test('decided for here: only what collided is written, and what came in there beside it stays', async () => {
  const { world, local, there } = await openWorld();
  there({ location: 'Room 9' });
  await hint(world);
  await pullNow(world);
  expect(await answer(world, { resolution: 'local' })).toBe(true);
  expect(await answer(world, { resolution: 'local' })).toBe(false);
  await settled(world);
  expect(world.cloud.truth(world.providerCalendarId)).toMatchObject([
    { event: { fields: { summary: 'here', location: 'Room 9' } } },
  ]);
  // The write that waited went with the one that left.
  expect(await states(local)).toEqual(['update applied', 'update applied']);
});

test('decided for here what its owner deleted: it is made anew, under the same id here', async () => {
  const { world, local, id } = await writableWorld('manual');
  world.cloud.remove(world.providerCalendarId, 'm1');
  await local.change(id, { summary: 'here' });
  await work(world);
  expect(await answer(world, { resolution: 'local' })).toBe(true);
  await settled(world);
  expect(titlesThere(world)).toEqual(['here']);
  expect(await local.event(id)).toMatchObject({ summary: 'here', deleted_at: null });
});

test.each<[Decision['resolution'], string[]]>([
  ['local', []],
  ['provider', ['there']],
  ['merge', ['both']],
])('deleted here and changed there, decided for %s', async (resolution, titles) => {
  const { world, local, id, there } = await writableWorld('manual');
  there({ summary: 'there' });
  await local.remove(id);
  await work(world);
  const decision: Decision =
    resolution === 'merge' ? { resolution, patchUpon: () => ({ summary: 'both' }) } : { resolution };
  expect(await answer(world, decision)).toBe(true);
  await settled(world);
  expect(titlesThere(world)).toEqual(titles);
  expect(await conflictsIn(world)).toMatchObject([
    { status: 'resolved', resolution, resolved_by: world.userId },
  ]);
});
