/** What is written here reaches the provider once, and meets what its owner did there without losing either side's word. */
import type { ConflictStrategy, EventId, EventTime } from '@calfleet/domain';
import { dieAt } from '../testing/dying.ts';
import { hint, meeting, pullNow, setStrategy, useWorlds } from '../testing/scene.ts';
import { localWrites } from '../testing/local-writes.ts';
import type { World } from '../testing/world.ts';
import { liveAtProvider, settled, work } from '../testing/quiet.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const planning = {
  summary: 'Planning',
  start: at('2026-11-24T09:00:00Z'),
  end: at('2026-11-24T10:00:00Z'),
};

/** A mirrored calendar with one event. */
async function mirroredWorld(strategy: ConflictStrategy = 'newest_wins') {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, meeting('m1'));
  await setStrategy(world, strategy);
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  return { world, local, id };
}

test('a new event is there at once, reaches the provider once, and its echo changes nothing more', async () => {
  const { world, local } = await mirroredWorld();
  const { eventId, writeId } = await local.create(planning);
  expect(await local.event(eventId)).toMatchObject({
    summary: 'Planning',
    provider_event_id: null,
    managed: true,
  });
  await work(world);
  const made = liveAtProvider(world).find((event) => event.writeId === writeId);
  expect(made).toMatchObject({ fields: { summary: 'Planning' } });
  expect(await local.writes()).toMatchObject([{ op: 'create', state: 'applied' }]);
  await settled(world);
  expect(liveAtProvider(world)).toHaveLength(2);
  expect((await local.told()).slice(1)).toEqual([
    { kind: 'created', origin: 'local', fields: [] },
    // What only the provider can set.
    { kind: 'updated', origin: 'provider', fields: ['html_link', 'ical_uid'] },
  ]);
});

test('a change is told upon the version that it was made on, and only what changes', async () => {
  const { world, local, id } = await mirroredWorld();
  await local.change(id, { summary: 'Retro' });
  await work(world);
  expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'Retro' } }]);
  await settled(world);
  expect((await local.told()).slice(1)).toEqual([{ kind: 'updated', origin: 'local', fields: ['summary'] }]);
});

test('wishes for what has not left yet go together: the provider is told once', async () => {
  const { world, local, id } = await mirroredWorld();
  await local.change(id, { summary: 'One' });
  await local.change(id, { location: 'Room 2' });
  await local.change(id, { summary: 'Three' });
  const before = versionOf(world);
  await work(world);
  expect(versionOf(world) - before).toBe(1);
  expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'Three', location: 'Room 2' } }]);
  expect((await local.writes()).map(({ state }) => state)).toEqual(['applied', 'applied', 'applied']);
  await settled(world);
});

const versionOf = (world: World): number => world.cloud.calendars.get(world.providerCalendarId)?.log.seq ?? 0;

test('a deletion is told, and nothing comes back', async () => {
  const { world, local, id } = await mirroredWorld();
  await local.remove(id);
  expect((await local.event(id))?.deleted_at).not.toBeNull();
  await work(world);
  expect(liveAtProvider(world)).toEqual([]);
  await settled(world);
  expect((await local.told()).slice(1)).toEqual([{ kind: 'deleted', origin: 'local', fields: ['status'] }]);
});

test('an event that is taken back before anybody was told of it is never made', async () => {
  const { world, local } = await mirroredWorld();
  const { eventId } = await local.create(planning);
  await local.remove(eventId);
  await work(world);
  expect(liveAtProvider(world)).toHaveLength(1);
  await settled(world);
});

/** A pull whose page is asked for, and stored only after `meanwhile`. */
async function pullAround(world: World, meanwhile: () => Promise<void>): Promise<void> {
  let isAsked = false;
  world.onAsk = () => {
    isAsked = true;
  };
  world.hook = async (point) => {
    if (!isAsked || point !== 'before') return;
    world.hook = null;
    await meanwhile();
  };
  await pullNow(world);
  world.onAsk = null;
}

async function pushNow(world: World): Promise<void> {
  world.jobs.length = 0;
  await world.deps.jobs.enqueue('push-calendar', { calendarId: world.calendarId });
  expect(await world.runJob()).toBe('done');
}

test('a page that was asked for before a push and applied after it does not bring the old text back', async () => {
  const { world, local, id } = await mirroredWorld();
  world.cloud.patch(world.providerCalendarId, 'm1', { location: 'Room 1' });
  await hint(world);
  await pullAround(world, async () => {
    await local.change(id, { summary: 'Retro' });
    await pushNow(world);
  });
  expect((await local.event(id))?.summary).toBe('Retro');
  await work(world);
  expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'Retro', location: 'Room 1' } }]);
  await settled(world);
});

test('such a page says nothing against a second edit that still waits', async () => {
  const { world, local, id } = await mirroredWorld('manual');
  await hint(world, { full: true });
  await pullAround(world, async () => {
    await local.change(id, { summary: 'one' });
    await pushNow(world);
    await local.change(id, { summary: 'two' });
  });
  expect((await local.event(id))?.summary).toBe('two');
  await work(world);
  await settled(world);
  expect(await local.conflicts()).toEqual([]);
  expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'two' } }]);
});

test('what was deleted here stays so, though a full round still shows it, and a page from before the push, too', async () => {
  const { world, local, id } = await mirroredWorld();
  await local.remove(id);
  await hint(world, { full: true });
  await pullNow(world);
  expect((await local.event(id))?.deleted_at).not.toBeNull();
  await hint(world, { full: true });
  await pullAround(world, () => pushNow(world));
  expect((await local.event(id))?.deleted_at).not.toBeNull();
  await settled(world);
  expect(await local.conflicts()).toEqual([]);
  expect((await local.told()).slice(1)).toEqual([{ kind: 'deleted', origin: 'local', fields: ['status'] }]);
});

test('other fields changed there meanwhile: both changes stand, without a conflict', async () => {
  const { world, local, id } = await mirroredWorld();
  world.cloud.patch(world.providerCalendarId, 'm1', { location: 'Room 9' });
  await local.change(id, { summary: 'Retro' });
  await work(world);
  await settled(world);
  expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'Retro', location: 'Room 9' } }]);
  expect(await local.conflicts()).toEqual([]);
});

describe.each<[ConflictStrategy, string, string, string]>([
  ['local_wins', 'here', 'resolved', 'applied'],
  ['provider_wins', 'there', 'resolved', 'discarded'],
  ['manual', 'there', 'open', 'conflict'],
])('both changed the same, %s', (strategy, summary, status, state) => {
  test(`"${summary}" stands, the conflict is ${status}, and both values are kept`, async () => {
    const { world, local, id } = await mirroredWorld(strategy);
    world.cloud.patch(world.providerCalendarId, 'm1', { summary: 'there' });
    await local.change(id, { summary: 'here' });
    await work(world);
    await settled(world);
    expect(liveAtProvider(world)).toMatchObject([{ fields: { summary } }]);
    expect((await local.event(id))?.summary).toBe(summary);
    expect(await local.conflicts()).toMatchObject([
      { fields: ['summary'], local: { summary: 'here' }, provider: { summary: 'there' }, status },
    ]);
    expect(await local.writes()).toMatchObject([{ state }]);
  });
});

describe.each<[ConflictStrategy, number, string]>([
  ['local_wins', 0, 'applied'],
  ['provider_wins', 1, 'discarded'],
  ['manual', 1, 'conflict'],
])('deleted here and changed there, %s', (strategy, left, state) => {
  test(`${left} event is left`, async () => {
    const { world, local, id } = await mirroredWorld(strategy);
    world.cloud.patch(world.providerCalendarId, 'm1', { summary: 'there' });
    await local.remove(id);
    await work(world);
    await settled(world);
    expect(liveAtProvider(world)).toHaveLength(left);
    expect(await local.writes()).toMatchObject([{ op: 'delete', state }]);
    expect(await local.conflicts()).toMatchObject([{ fields: ['deleted'] }]);
  });
});

describe.each<[ConflictStrategy, string[], string]>([
  ['local_wins', ['here'], 'applied'],
  ['provider_wins', [], 'discarded'],
  ['newest_wins', [], 'discarded'],
  ['manual', [], 'conflict'],
])('changed here and deleted there, %s', (strategy, left, state) => {
  test(`left: ${left.length}`, async () => {
    const { world, local, id } = await mirroredWorld(strategy);
    world.cloud.remove(world.providerCalendarId, 'm1');
    await local.change(id, { summary: 'here' });
    await work(world);
    await settled(world);
    expect(liveAtProvider(world).map(({ fields }) => fields.summary)).toEqual(left);
    expect((await local.writes()).at(-1)).toMatchObject({ state });
    expect(await local.conflicts()).toMatchObject([
      { fields: ['deleted'], local: { deleted: { summary: 'here' } } },
    ]);
  });
});

test('a wish behind one that waits for later waits, too, and rings for nobody', async () => {
  const { world, local } = await mirroredWorld();
  const { eventId } = await local.create(planning);
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', count: Infinity });
  expect(await world.runJob()).toBe('provider_unavailable');
  world.jobs.length = 0;
  await local.remove(eventId);
  expect(await world.runJob()).toBe('done');
  expect(world.jobs).toEqual([]);
  world.cloud.faults.clear();
  await settled(world);
  expect(liveAtProvider(world)).toHaveLength(1);
});

test('a provider that fails is asked again, and nothing is told twice', async () => {
  const { world, local, id } = await mirroredWorld();
  const { eventId } = await local.create(planning);
  await local.change(id, { summary: 'Retro' });
  for (const operation of ['createEvent', 'updateEvent'] as const) {
    world.cloud.fail({ operation, code: 'provider_unavailable' });
    world.cloud.fail({ operation, code: 'rate_limited', retryAfterMs: 1_000 });
    // Done, and the answer is lost.
    world.cloud.fail({ operation, code: 'provider_unavailable', when: 'after' });
  }
  await work(world);
  await settled(world);
  expect(
    liveAtProvider(world)
      .map(({ fields }) => fields.summary)
      .sort(),
  ).toEqual(['Planning', 'Retro']);
  expect((await local.event(eventId))?.provider_event_id).not.toBeNull();
});

test('I12: a worker that dies before, inside or after any transaction of a push leaves one event, and every wish done', async () => {
  for (const point of ['before', 'inside', 'after'] as const) {
    for (let nth = 1; nth <= 6; nth += 1) {
      const { world, local, id } = await mirroredWorld();
      await local.create(planning);
      await local.change(id, { summary: `died ${point} ${nth}` });
      expect(await dieAt(world, { point, nth }, () => world.runJob())).toBe(true);
      await work(world);
      await settled(world);
      expect(
        liveAtProvider(world)
          .map(({ fields }) => fields.summary)
          .sort(),
      ).toEqual(['Planning', `died ${point} ${nth}`].sort());
      expect((await local.writes()).map(({ state }) => state)).toEqual(['applied', 'applied']);
    }
  }
});
