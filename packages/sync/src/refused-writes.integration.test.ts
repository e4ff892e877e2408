/** What a provider does not accept is laid down with its reason, and is mended by the next edit, or taken back. */
import type { EventId, EventTime } from '@calfleet/domain';
import { localWrites } from '../testing/local-writes.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { meeting, pullNow, useWorlds } from '../testing/scene.ts';
import { titlesAtProvider, work } from '../testing/quiet.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const planning = {
  summary: 'refused',
  start: at('2026-11-24T09:00:00Z'),
  end: at('2026-11-24T10:00:00Z'),
};

/** One mirrored event, and a provider that refuses the next write. */
async function scene() {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, meeting('m1'));
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  for (const operation of ['createEvent', 'updateEvent', 'deleteEvent'] as const) {
    world.cloud.fail({ operation, code: 'request_rejected' });
  }
  return { world, local, id };
}

const states = async (local: ReturnType<typeof localWrites>) =>
  (await local.writes()).map(({ op, state, error }) => [
    op,
    state,
    (error as { code: string } | null)?.code ?? null,
  ]);

test('a creation is mended by an edit, and leaves once', async () => {
  const { world, local } = await scene();
  const { eventId } = await local.create(planning);
  await work(world);
  expect(await states(local)).toEqual([['create', 'parked', 'request_rejected']]);
  await local.change(eventId, { summary: 'mended' });
  await work(world);
  expect(titlesAtProvider(world)).toEqual(['Meeting m1', 'mended']);
  await world.settle();
  await expectExactMirror(world);
  expect((await states(local)).every(([, state]) => state === 'applied')).toBe(true);
});

test('a creation is taken back by a deletion: nobody is told', async () => {
  const { world, local } = await scene();
  const { eventId } = await local.create(planning);
  await work(world);
  await local.remove(eventId);
  await work(world);
  expect(titlesAtProvider(world)).toEqual(['Meeting m1']);
  expect((await states(local)).map(([, state]) => state)).toEqual(['discarded', 'discarded']);
  await world.settle();
  await expectExactMirror(world);
});

test('a change is mended by the next one, which brings what the first wanted besides', async () => {
  const { world, local, id } = await scene();
  await local.change(id, { summary: 'refused', location: 'Room 1' });
  await work(world);
  expect(await states(local)).toEqual([['update', 'parked', 'request_rejected']]);
  await local.change(id, { summary: 'mended' });
  await work(world);
  expect(titlesAtProvider(world)).toEqual(['mended']);
  await world.settle();
  await expectExactMirror(world);
  expect((await local.event(id))?.location).toBe('Room 1');
  expect((await states(local)).map(([, state]) => state)).toEqual(['applied', 'applied']);
});

test('a change that was refused goes with the event that is deleted', async () => {
  const { world, local, id } = await scene();
  await local.change(id, { summary: 'refused' });
  await work(world);
  world.cloud.faults.clear();
  await local.remove(id);
  await work(world);
  expect(titlesAtProvider(world)).toEqual([]);
  await world.settle();
  await expectExactMirror(world);
});
