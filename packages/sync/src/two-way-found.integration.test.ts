/** What the model of both ways found: each history that once lost, doubled or left over something, at its shortest. */
import type { ConflictStrategy, EventId, EventTime } from '@calfleet/domain';
import { localWrites } from '../testing/local-writes.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { hint, meeting, pullNow, useWorlds } from '../testing/scene.ts';
import { hereIn } from '../testing/two-way-memory.ts';
import type { World } from '../testing/world.ts';
import { work } from '../testing/quiet.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const planning = {
  summary: 'Planning',
  start: at('2026-11-24T09:00:00Z'),
  end: at('2026-11-24T10:00:00Z'),
};
const daily = { ...planning, recurrence: ['RRULE:FREQ=DAILY;COUNT=5'] };
const fourth = '20261127T090000Z';

const titles = (world: World) =>
  world.cloud
    .truth(world.providerCalendarId)
    .flatMap((item) => (item.type === 'event' ? [item.event.fields.summary] : []));

/** A mirrored calendar with one event. */
async function mirrored(strategy: ConflictStrategy = 'newest_wins') {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, meeting('m1'));
  const here = hereIn(world);
  await here.setStrategy(strategy);
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  return { world, local, here, id };
}

async function settled(world: World): Promise<void> {
  await work(world);
  for (let rounds = 0; rounds < 3; rounds += 1) await world.settle();
  await expectExactMirror(world);
}

test('an event of a calendar that was never read is told once that is done: else it took place nowhere', async () => {
  const world = await newWorld();
  const local = localWrites(world);
  await local.create(planning);
  expect(await world.runJob()).toBe('busy');
  await pullNow(world);
  await settled(world);
  expect(titles(world)).toEqual(['Planning']);
});

test('deleted there, and passed by a full round: the wish for it does not leave a ghost', async () => {
  const { world, local, id } = await mirrored('provider_wins');
  await local.change(id, { summary: 'here' });
  world.cloud.remove(world.providerCalendarId, 'm1');
  await hint(world, { full: true });
  await pullNow(world);
  await settled(world);
  expect(titles(world)).toEqual([]);
  expect(await local.conflicts()).toMatchObject([
    { fields: ['deleted'], local: { deleted: { summary: 'here' } } },
  ]);
});

test('an open conflict about an event that a full round no longer shows leaves none, either', async () => {
  const { world, local, id } = await mirrored('manual');
  world.cloud.patch(world.providerCalendarId, 'm1', { summary: 'there' });
  await local.change(id, { summary: 'here' });
  await work(world);
  expect((await local.writes()).map(({ state }) => state)).toEqual(['conflict']);
  world.cloud.remove(world.providerCalendarId, 'm1');
  await hint(world, { full: true });
  await pullNow(world);
  await settled(world);
  expect(titles(world)).toEqual([]);
});

test('a change of what was made, though nobody heard the answer, is told behind the creation', async () => {
  const { world, local } = await mirrored();
  const { eventId } = await local.create(planning);
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', when: 'after' });
  expect(await world.runJob()).toBe('provider_unavailable');
  await local.change(eventId, { summary: 'Retro' });
  await settled(world);
  expect(titles(world).sort()).toEqual(['Meeting m1', 'Retro']);
  expect(await local.conflicts()).toEqual([]);
});

test('the owner changed the same meanwhile: that is a conflict, and not overwritten unsaid', async () => {
  const { world, local } = await mirrored('local_wins');
  const { eventId, writeId } = await local.create(planning);
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', when: 'after' });
  expect(await world.runJob()).toBe('provider_unavailable');
  world.cloud.patch(world.providerCalendarId, `created-${writeId}`, { summary: 'there' });
  await local.change(eventId, { summary: 'here' });
  await settled(world);
  expect(titles(world).sort()).toEqual(['Meeting m1', 'here']);
  expect(await local.conflicts()).toMatchObject([
    { fields: ['summary'], local: { summary: 'here' }, provider: { summary: 'there' } },
  ]);
});

describe('a creation that was refused', () => {
  async function refused() {
    const { world, local, here } = await mirrored();
    const { eventId } = await local.create(planning);
    world.cloud.fail({ operation: 'createEvent', code: 'request_rejected' });
    await work(world);
    return { world, local, here, eventId };
  }

  test('is mended by a change', async () => {
    const { world, local, eventId } = await refused();
    await local.change(eventId, { summary: 'Retro' });
    await settled(world);
    expect(titles(world).sort()).toEqual(['Meeting m1', 'Retro']);
  });

  test('is discarded with all that was wished of it', async () => {
    const { world, local, here, eventId } = await refused();
    await local.change(eventId, { summary: 'Retro' });
    await here.decide('discard', 1);
    await settled(world);
    expect(titles(world)).toEqual(['Meeting m1']);
    expect((await local.writes()).map(({ state }) => state)).toEqual(['discarded', 'discarded']);
  });
});

test('a wish that was folded into another is discarded with it, by its own name, too', async () => {
  const { world, local, here, id } = await mirrored();
  await local.change(id, { summary: 'One' });
  await local.change(id, { summary: 'Two' });
  await here.decide('discard', 0);
  await settled(world);
  expect(titles(world)).toEqual(['Meeting m1']);
  expect((await local.writes()).map(({ state }) => state)).toEqual(['discarded', 'discarded']);
});

test('a day of a series that was moved waits while a person has to look at the move', async () => {
  const { world, local } = await mirrored();
  const { eventId } = await local.create(daily);
  await settled(world);
  await local.change(eventId, { start: at('2026-11-24T12:00:00Z'), end: at('2026-11-24T13:00:00Z') });
  world.cloud.fail({ operation: 'updateEvent', code: 'request_rejected' });
  await local.removeOccurrence(eventId, '20261127T120000Z');
  await work(world);
  expect((await local.writes()).map(({ state }) => state)).toEqual(['applied', 'parked', 'pending']);
  await hereIn(world).decide('retry', 1);
  await settled(world);
});

test('a day that was changed and cut off before its provider heard of the series calls nothing off', async () => {
  const { world, local } = await mirrored();
  const { eventId } = await local.create(daily);
  await local.changeOccurrence(eventId, fourth, { summary: 'Special' });
  await local.changeFollowing(eventId, '20261125T090000Z', null);
  await settled(world);
  expect(titles(world).sort()).toEqual(['Meeting m1', 'Planning']);
});

test('a day of a series that its owner moved is not shown once the provider knows no such day', async () => {
  const { world, local } = await mirrored('local_wins');
  world.cloud.put(world.providerCalendarId, { id: 's1', fields: daily });
  await hint(world);
  await pullNow(world);
  const [seriesId = '' as EventId] = (await hereIn(world).events())
    .filter(({ isSeries }) => isSeries)
    .map(({ id }) => id);
  world.cloud.patch(world.providerCalendarId, 's1', {
    start: at('2026-11-24T12:00:00Z'),
    end: at('2026-11-24T13:00:00Z'),
  });
  await local.changeOccurrence(seriesId, fourth, { summary: 'Special' });
  await settled(world);
  expect(await local.conflicts()).toMatchObject([
    { fields: ['deleted'], local: { deleted: { summary: 'Special' } } },
  ]);
});

test('a series that was deleted here and changed there comes back with the days that were changed before', async () => {
  const { world, local } = await mirrored('provider_wins');
  const { cloud, providerCalendarId: calendar } = world;
  cloud.put(calendar, { id: 's1', fields: daily });
  cloud.put(calendar, {
    exceptionOf: { seriesId: 's1', originalStart: at('2026-11-25T09:00:00Z') },
    fields: { ...planning, start: at('2026-11-25T15:00:00Z'), end: at('2026-11-25T16:00:00Z') },
  });
  await hint(world);
  await pullNow(world);
  const [series] = (await hereIn(world).events()).filter(({ isSeries }) => isSeries);
  await local.remove(series?.id ?? ('' as EventId));
  cloud.patch(calendar, 's1', { summary: 'there' });
  // The push learns of it by itself, before any list does.
  await work(world);
  await settled(world);
  expect(titles(world).sort()).toEqual(['Meeting m1', 'Planning', 'there']);
});

test('a day that was called off here, and left as it was after all, takes place', async () => {
  const { world, local, here } = await mirrored('provider_wins');
  world.cloud.put(world.providerCalendarId, { id: 's1', fields: daily });
  await hint(world);
  await pullNow(world);
  const [series] = (await here.events()).filter(({ isSeries }) => isSeries);
  await local.removeOccurrence(series?.id ?? ('' as EventId), fourth);
  await here.decide('discard', 0);
  await settled(world);
});

test('what was deleted here, and only got another version there, is deleted there without a conflict', async () => {
  const { world, local, id } = await mirrored('provider_wins');
  world.cloud.patch(world.providerCalendarId, 'm1', {});
  await local.remove(id);
  await settled(world);
  expect(titles(world)).toEqual([]);
  expect(await local.conflicts()).toEqual([]);
});
