/**
 * What rounds leave open is looked at: by reads that may lag, fail, or meet what nobody asked for; and a full list that
 * fails holds nothing up.
 */
import type { FaultPlan, MicrosoftQuirkChanges } from '@calfleet/sandbox';
import { day, GraphScene, meeting, weekly } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const quirks = (changes: MicrosoftQuirkChanges) => scene.world.sandbox.microsoft.setQuirks(changes);
const strike = (plan: FaultPlan) => scene.world.sandbox.faults.add(plan);
const beat = () => scene.pass(25);
const unavailable = { kind: 'status', status: 504, reason: 'UnknownError', message: '' } as const;

test('a look that finds alive what the list left out is not believed at once', async () => {
  const { id } = scene.calendar.create(meeting('goes', 3));
  await scene.mirror();
  await scene.listen();
  const { other } = scene.world.owner;
  scene.calendar.moveTo(id, other);
  // The first look fails; when the second one comes, the event is there again: as a copy that is behind would show it.
  strike({ operation: 'graph.batch', effect: unavailable });
  await beat();
  other.moveTo(id, scene.calendar);
  await scene.pass(1);
  expect(await scene.feed()).toEqual([]);
  quirks({ missedDeletionRate: 1 });
  scene.calendar.moveTo(id, other);
  await scene.pass(4);
  expect(await scene.feed()).toEqual(['deleted goes']);
  await scene.expectExact();
});

test('a series that cannot be read now does not hold up what else was removed', async () => {
  const series = scene.calendar.create(weekly('stubborn', -30));
  const ids = scene.calendar.createMany([meeting('one', 3), meeting('two', 4)]);
  await scene.mirror();
  await scene.listen();
  scene.calendar.deleteOccurrence(series.id, day(5));
  scene.calendar.deleteMany(ids);
  strike({ operation: 'graph.event.instances', effect: unavailable, count: null });
  await beat();
  expect((await scene.feed()).sort()).toEqual(['deleted one', 'deleted two']);
  scene.world.sandbox.faults.clear();
  await beat();
  await scene.expectExact();
});

test('a single that a look finds to be a series is read whole, and stays', async () => {
  const { id } = scene.calendar.create(meeting('grows', 3));
  await scene.mirror();
  await scene.listen();
  const { recurrence } = weekly('grows', 3);
  // Away and back: the list says removed, and the look meets a series that was none.
  scene.calendar.moveTo(id, scene.world.owner.other);
  strike({ operation: 'graph.batch', effect: unavailable });
  await beat();
  quirks({ deltaLagRounds: 5 });
  scene.world.owner.other.moveTo(id, scene.calendar);
  scene.calendar.patch(id, { recurrence });
  await scene.pass(1);
  expect(
    (await scene.feed()).filter((said) => said.startsWith('deleted') || said.startsWith('expired')),
  ).toEqual([]);
  await scene.expectExact();
});

test('a series of which no plain day is known is looked at, though the list shows but a part of it', async () => {
  const { id } = scene.calendar.create(weekly('standing', -30));
  await scene.mirror();
  await scene.rows('delete from calendar_occurrences where calendar_id = $1::uuid returning 1');
  quirks({ seriesEmission: 'changed' });
  const [next] = scene.calendar
    .truth({ start: `${day(0)}T00:00:00Z`, end: `${day(8)}T00:00:00Z` })
    .filter(({ seriesMasterId }) => seriesMasterId === id);
  scene.calendar.patch(next?.eventId ?? '', { subject: 'moved up' });
  await beat();
  await scene.expectExact();
});

test('a roll that fails holds no change up, and is made later', async () => {
  scene.calendar.createMany(Array.from({ length: 30 }, (_, n) => meeting(`number ${n}`, n * 3)));
  await scene.mirror();
  await scene.pass(25 * 24 * 60);
  await scene.pass(60);
  const before = await scene.rounds();
  // The window must roll again; full lists fail, changes do not.
  strike({ operation: 'graph.delta', effect: unavailable, count: 2 });
  await scene.pass(24 * 24 * 60);
  scene.calendar.create(meeting('news', 55));
  await beat();
  await beat();
  expect(await scene.shown()).toContain('news');
  await scene.world.settle();
  await scene.expectExact();
  const after = (await scene.rounds()).slice(before.length);
  expect(after.filter((round) => round === 'full completed').length).toBeGreaterThanOrEqual(1);
});

test('a first list that always fails is read by a plain view', async () => {
  scene.calendar.createMany(Array.from({ length: 30 }, (_, n) => meeting(`number ${n}`, n)));
  strike({ operation: 'graph.delta', effect: unavailable, count: null });
  for (let tries = 0; tries < 10; tries += 1) await beat();
  await scene.expectExact();
  expect(await scene.rounds()).toContain('full completed');
});

test('a roll whose list goes round in circles ends, and the calendar goes on', async () => {
  scene.calendar.createMany(Array.from({ length: 40 }, (_, n) => meeting(`number ${n}`, n * 2)));
  await scene.mirror();
  quirks({ loopingNextLink: { times: 'always' }, deltaPageSizeMax: 20 });
  await scene.pass(26 * 24 * 60);
  await beat();
  scene.calendar.create(meeting('news', 30));
  // Nobody delivers the notification: the longest beat finds it.
  await scene.pass(7 * 60);
  await scene.expectExact();
});

test('deletions that were held, and that a look then finds made, leave nobody waiting', async () => {
  const { id } = scene.calendar.create({
    ...weekly('standing', -9),
    recurrence: {
      pattern: { type: 'daily', interval: 1 },
      range: { type: 'noEnd', startDate: day(-9), recurrenceTimeZone: 'UTC' },
    },
  });
  await scene.world.runJob();
  quirks({
    deltaPageSizeMax: 1,
    loopingNextLink: { times: 'always', page: 2 },
    seriesEmission: 'split',
    removedSeries: 'instances',
    outOfWindowRemoved: false,
  });
  scene.calendar.moveTo(id, scene.world.owner.other);
  await scene.world.loseRedis();
  await scene.world.tick();
  // The list goes round in circles, the plain view shows nothing: the brake holds, and a look finds the series gone.
  await scene.world.settle();
  expect(await scene.shown()).toEqual([]);
  await scene.expectExact();
});
