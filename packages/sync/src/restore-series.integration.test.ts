/** Series, and single days of them, are brought back: what was called off, what went with its series, what was cut off. */
import { readStoredEvent } from '@calfleet/db';
import type { EventId, EventTime } from '@calfleet/domain';
import { localWrites } from '../testing/local-writes.ts';
import { hint, pullNow, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { settled, shownHere } from '../testing/quiet.ts';
import { writeRestore } from './restore.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const weekly = {
  summary: 'Standup',
  start: at('2026-11-23T09:00:00Z'),
  end: at('2026-11-23T10:00:00Z'),
  recurrence: ['RRULE:FREQ=WEEKLY;COUNT=5'],
};
const [second, third, fourth] = ['20261130T090000Z', '20261207T090000Z', '20261214T090000Z'] as const;

interface Scene {
  world: World;
  local: ReturnType<typeof localWrites>;
  id: EventId;
  changed: EventId;
  off: EventId;
}

/** A series of its owner's, with its second day changed and its third called off, mirrored. */
async function scene(): Promise<Scene> {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, { id: 'series', fields: weekly });
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  const changed = await local.changeOccurrence(id, second, { summary: 'Retro' });
  const off = await local.removeOccurrence(id, third);
  if (!changed || !off) throw new Error('Nothing was changed.');
  await settled(world);
  return { world, local, id, changed: changed.eventId, off: off.eventId };
}

async function restore(world: World, id: EventId, revision: number): Promise<void> {
  const { deps, userId, accountId, calendarId } = world;
  await world.real.transaction({ role: 'api', userId, calendars: [calendarId] }, async (tx) => {
    const event = await readStoredEvent(tx, { userId, id });
    if (!event) throw new Error('There is no such event.');
    const restored = await writeRestore(tx, deps, { id: calendarId, userId, accountId }, { event, revision });
    if ('refused' in restored) throw new Error(restored.refused);
  });
  await deps.jobs.enqueue('push-calendar', { calendarId });
}

const asScene = ['11-23 09:00 Standup', '11-30 09:00 Retro', '12-14 09:00 Standup', '12-21 09:00 Standup'];

test('a day that was called off takes place again', async () => {
  const { world, off } = await scene();
  await restore(world, off, 0);
  const expected = [...asScene, '12-07 09:00 Standup'].sort();
  expect(await shownHere(world)).toEqual(expected);
  await settled(world);
  expect(await shownHere(world)).toEqual(expected);
});

test('a changed day that its owner called off takes place again, as it was changed', async () => {
  const { world, local, changed } = await scene();
  world.cloud.cancelOccurrence(world.providerCalendarId, {
    seriesId: 'series',
    originalStart: at('2026-11-30T09:00:00Z'),
  });
  await hint(world);
  await pullNow(world);
  await settled(world);
  expect(await shownHere(world)).toEqual(asScene.filter((text) => !text.includes('Retro')));
  await restore(world, changed, 1);
  await settled(world);
  expect(await shownHere(world)).toEqual(asScene);
  expect((await local.event(changed))?.deleted_at).toBeNull();
  expect(await local.conflicts()).toEqual([]);
});

test('a day that was called off and nobody was told of is as its series again, without a write', async () => {
  const { world, local, id } = await scene();
  const off = await local.removeOccurrence(id, fourth);
  if (!off) throw new Error('Nothing was called off.');
  await restore(world, off.eventId, 0);
  expect(await shownHere(world)).toEqual(asScene);
  const before = world.cloud.calendars.get(world.providerCalendarId)?.log.seq;
  await settled(world);
  expect(world.cloud.calendars.get(world.providerCalendarId)?.log.seq).toBe(before);
});

describe.each<[string, (played: Scene) => Promise<unknown>]>([
  ['here', ({ local, id }) => local.remove(id)],
  [
    'at the provider',
    async ({ world }) => {
      world.cloud.remove(world.providerCalendarId, 'series');
      await hint(world);
      await pullNow(world);
    },
  ],
])('a series that was deleted %s', (_where, remove) => {
  test('comes back with its changed days, and without those that were called off', async () => {
    const played = await scene();
    const { world, id } = played;
    await remove(played);
    await settled(world);
    expect(await shownHere(world)).toEqual([]);
    await restore(world, id, 0);
    expect(await shownHere(world)).toEqual(asScene);
    await settled(world);
    expect(await shownHere(world)).toEqual(asScene);
  });
});

test('this and following is undone: the series is as it was, with its changed day, and what went on in its place is gone', async () => {
  const { world, local, id } = await scene();
  await local.changeOccurrence(id, fourth, { location: 'Room 4', summary: 'Planning' });
  await settled(world);
  await local.changeFollowing(id, second, { summary: 'Later' });
  await settled(world);
  expect(await shownHere(world)).toEqual([
    '11-23 09:00 Standup',
    '11-30 09:00 Later',
    '12-14 09:00 Planning',
    '12-21 09:00 Later',
  ]);
  await restore(world, id, 0);
  const expected = [
    '11-23 09:00 Standup',
    '11-30 09:00 Retro',
    '12-14 09:00 Planning',
    '12-21 09:00 Standup',
  ];
  expect(await shownHere(world)).toEqual(expected);
  await settled(world);
  expect(await shownHere(world)).toEqual(expected);
  expect(await local.conflicts()).toEqual([]);
});
