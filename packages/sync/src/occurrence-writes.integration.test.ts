/** Single occurrences, and "this and following": written here, told to the provider, met by what its owner did there. */
import type { ConflictStrategy, EventId, EventTime } from '@calfleet/domain';
import { dieAt } from '../testing/dying.ts';
import { localWrites } from '../testing/local-writes.ts';
import { hint, pullNow, setStrategy, useWorlds } from '../testing/scene.ts';
import { liveAtProvider, settled, shownHere, work } from '../testing/quiet.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const weekly = {
  summary: 'Standup',
  start: at('2026-11-23T09:00:00Z'),
  end: at('2026-11-23T10:00:00Z'),
  recurrence: ['RRULE:FREQ=WEEKLY;COUNT=6'],
};
const mondays = [23, 30]
  .map((day) => `202611${day}T090000Z`)
  .concat(['07', '14', '21', '28'].map((day) => `202612${day}T090000Z`));
const [first = '', second = '', third = '', fourth = '', fifth = ''] = mondays;

/** A mirrored calendar with one weekly series that its owner made. */
async function seriesWorld(strategy: ConflictStrategy = 'newest_wins') {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, { id: 'series', fields: weekly });
  await setStrategy(world, strategy);
  await pullNow(world);
  const local = localWrites(world);
  const [id = '' as EventId] = await local.eventIds();
  return { world, local, id };
}

const states = async (local: ReturnType<typeof localWrites>) =>
  (await local.writes()).map(({ op, state }) => `${op} ${state}`);

test('one occurrence is changed: at once here, once there, and its echo changes nothing more', async () => {
  const { world, local, id } = await seriesWorld();
  await local.changeOccurrence(id, second, { summary: 'Retro' });
  expect((await shownHere(world)).slice(0, 3)).toEqual([
    '11-23 09:00 Standup',
    '11-30 09:00 Retro',
    '12-07 09:00 Standup',
  ]);
  await work(world);
  expect(liveAtProvider(world)).toMatchObject([
    { kind: 'series', fields: { summary: 'Standup' } },
    { kind: 'exception', exceptionOf: { slot: second }, fields: { summary: 'Retro' } },
  ]);
  await settled(world);
  expect(await states(local)).toEqual(['update applied']);
  const told = (await local.told()).slice(1);
  expect(told[0]).toEqual({ kind: 'created', origin: 'local', fields: [] });
  expect(
    told.slice(1).every(({ fields }) => fields.every((field) => ['html_link', 'ical_uid'].includes(field))),
  ).toBe(true);
});

test('one occurrence is moved, and changed again before anybody was told: one write', async () => {
  const { world, local, id } = await seriesWorld();
  const times = { start: at('2026-12-01T15:00:00Z'), end: at('2026-12-01T16:00:00Z') };
  await local.changeOccurrence(id, second, times);
  await local.changeOccurrence(id, second, { location: 'Room 2' });
  expect((await shownHere(world))[1]).toBe('12-01 15:00 Standup');
  await work(world);
  await settled(world);
  expect(liveAtProvider(world)[1]).toMatchObject({ fields: { ...times, location: 'Room 2' } });
  expect(world.cloud.calendars.get(world.providerCalendarId)?.log.seq).toBe(2);
});

test('one occurrence is called off, and a page from before does not bring it back', async () => {
  const { world, local, id } = await seriesWorld();
  await local.removeOccurrence(id, third);
  expect(await shownHere(world)).toHaveLength(5);
  await hint(world, { full: true });
  await pullNow(world);
  expect(await shownHere(world)).toHaveLength(5);
  await work(world);
  await settled(world);
  expect(await shownHere(world)).not.toContain('12-07 09:00 Standup');
  expect(await states(local)).toEqual(['delete applied']);
  expect(await local.removeOccurrence(id, third)).toBeNull();
});

test('an occurrence of a series that nobody was told of yet waits for it', async () => {
  const { world, local } = await seriesWorld();
  const { eventId } = await local.create({ ...weekly, summary: 'Ours' });
  await local.changeOccurrence(eventId, second, { summary: 'Changed' });
  await local.removeOccurrence(eventId, fourth);
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', when: 'after' });
  // Until the series waits longer than its days would.
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', count: 3 });
  await work(world);
  await settled(world);
  expect((await shownHere(world)).filter((text) => !text.includes('Standup'))).toEqual([
    '11-23 09:00 Ours',
    '11-30 09:00 Changed',
    '12-07 09:00 Ours',
    '12-21 09:00 Ours',
    '12-28 09:00 Ours',
  ]);
  expect(await states(local)).toEqual(['create applied', 'update applied', 'delete applied']);
});

test('a series that is taken back before anybody was told takes its changed days with it', async () => {
  const { world, local } = await seriesWorld();
  const { eventId } = await local.create({ ...weekly, summary: 'Ours' });
  await local.changeOccurrence(eventId, second, { summary: 'Changed' });
  await local.remove(eventId);
  expect(await shownHere(world)).toHaveLength(6);
  await work(world);
  await settled(world);
  expect(await shownHere(world)).toHaveLength(6);
});

test('a wish for one occurrence that is taken back leaves the slot to its series', async () => {
  const { world, local, id } = await seriesWorld();
  for (const wished of [
    await local.changeOccurrence(id, second, { summary: 'Changed' }),
    await local.removeOccurrence(id, third),
  ]) {
    const event = await local.event(wished?.eventId ?? id);
    if (!event || !wished) throw new Error('Nothing was wished for.');
    await world.real.transaction(
      { role: 'worker' },
      (tx) =>
        tx.$executeRaw`update calendar_writes set state = 'discarded' where id = ${wished.writeId}::uuid`,
    );
    await local.takeBack(event);
  }
  expect((await shownHere(world)).slice(0, 3)).toEqual([
    '11-23 09:00 Standup',
    '11-30 09:00 Standup',
    '12-07 09:00 Standup',
  ]);
  await work(world);
  await settled(world);
});

test('others changed and called off the same occurrences first: what both touched is met, nothing comes twice', async () => {
  const { world, local, id } = await seriesWorld('local_wins');
  world.cloud.put(world.providerCalendarId, {
    exceptionOf: { seriesId: 'series', originalStart: at('2026-11-30T09:00:00Z') },
    fields: {
      ...weekly,
      summary: 'theirs',
      location: 'Room 9',
      recurrence: [],
      start: at('2026-11-30T09:00:00Z'),
      end: at('2026-11-30T10:00:00Z'),
    },
  });
  world.cloud.cancelOccurrence(world.providerCalendarId, {
    seriesId: 'series',
    originalStart: at('2026-12-07T09:00:00Z'),
  });
  await local.changeOccurrence(id, second, { summary: 'ours' });
  await local.changeOccurrence(id, third, { summary: 'kept' });
  await work(world);
  await settled(world);
  expect(await shownHere(world)).toEqual([
    '11-23 09:00 Standup',
    '11-30 09:00 ours',
    '12-07 09:00 kept',
    '12-14 09:00 Standup',
    '12-21 09:00 Standup',
    '12-28 09:00 Standup',
  ]);
  expect(
    liveAtProvider(world)
      .map(({ kind, fields }) => `${kind} ${fields.summary}`)
      .sort(),
  ).toEqual([
    'exception ours',
    'series Standup',
    // Its slot is empty there: it is an event of its own now.
    'single kept',
  ]);
  expect((await local.conflicts()).map(({ fields }) => fields).sort()).toEqual([['deleted'], ['summary']]);
});

describe.each<[ConflictStrategy, string[], string]>([
  ['local_wins', ['Changed'], 'applied'],
  ['provider_wins', [], 'discarded'],
  ['manual', [], 'conflict'],
])('its series was deleted there, %s', (strategy, left, state) => {
  test(`left: ${left.length}`, async () => {
    const { world, local, id } = await seriesWorld(strategy);
    world.cloud.remove(world.providerCalendarId, 'series');
    await local.changeOccurrence(id, second, { summary: 'Changed' });
    await work(world);
    await settled(world);
    expect(liveAtProvider(world).map(({ fields }) => fields.summary)).toEqual(left);
    expect((await local.writes()).at(-1)).toMatchObject({ state });
  });
});

test('a series is deleted here with its changed days, though a page still shows them', async () => {
  const { world, local, id } = await seriesWorld();
  await local.changeOccurrence(id, second, { summary: 'Changed' });
  await work(world);
  await local.remove(id);
  await hint(world, { full: true });
  await pullNow(world);
  expect(await shownHere(world)).toEqual([]);
  await work(world);
  await settled(world);
  expect(liveAtProvider(world)).toEqual([]);
});

test('a series with a changed day that is made anew brings it along', async () => {
  const { world, local, id } = await seriesWorld('local_wins');
  await local.changeOccurrence(id, second, { summary: 'Changed' });
  await local.removeOccurrence(id, third);
  await work(world);
  await settled(world);
  world.cloud.remove(world.providerCalendarId, 'series');
  await local.change(id, { location: 'Room 1' });
  await work(world);
  await settled(world);
  expect(await shownHere(world)).toEqual([
    '11-23 09:00 Standup',
    '11-30 09:00 Changed',
    '12-14 09:00 Standup',
    '12-21 09:00 Standup',
    '12-28 09:00 Standup',
  ]);
});

test('this and following: the series ends, another goes on, and what was changed among its days is kept', async () => {
  const { world, local, id } = await seriesWorld();
  await local.changeOccurrence(id, fourth, { location: 'Room 4' });
  await local.removeOccurrence(id, fifth);
  await work(world);
  await local.changeFollowing(id, third, {
    summary: 'Later',
    start: at('2026-12-07T11:00:00Z'),
    end: at('2026-12-07T12:00:00Z'),
  });
  const expected = [
    '11-23 09:00 Standup',
    '11-30 09:00 Standup',
    '12-07 11:00 Later',
    '12-14 11:00 Later',
    '12-28 11:00 Later',
  ];
  expect(await shownHere(world)).toEqual(expected);
  await work(world);
  await settled(world);
  expect(await shownHere(world)).toEqual(expected);
  const there = liveAtProvider(world);
  expect(
    there
      .map(({ fields }) => fields.recurrence)
      .filter((lines) => lines.length > 0)
      .sort(),
  ).toEqual([['RRULE:FREQ=WEEKLY;COUNT=2'], ['RRULE:FREQ=WEEKLY;COUNT=4']]);
  expect(there.find(({ kind }) => kind === 'exception')).toMatchObject({
    exceptionOf: { slot: '20261214T110000Z' },
    fields: { location: 'Room 4', summary: 'Later' },
  });
  expect((await states(local)).every((state) => state.endsWith('applied'))).toBe(true);
});

test('this and following are called off: the series ends', async () => {
  const { world, local, id } = await seriesWorld();
  await local.changeOccurrence(id, fourth, { location: 'Room 4' });
  await work(world);
  await local.changeFollowing(id, third, null);
  expect(await shownHere(world)).toEqual(['11-23 09:00 Standup', '11-30 09:00 Standup']);
  await work(world);
  await settled(world);
  expect(await shownHere(world)).toEqual(['11-23 09:00 Standup', '11-30 09:00 Standup']);
  expect(await local.changeOccurrence(id, first, { summary: 'First' })).not.toBeNull();
});

test('I12: a worker that dies at any transaction of a cut leaves each day once', async () => {
  for (const point of ['before', 'inside', 'after'] as const) {
    for (const nth of [2, 3, 4, 5, 6]) {
      const { world, local, id } = await seriesWorld();
      await local.changeOccurrence(id, fourth, { location: 'Room 4' });
      await work(world);
      await local.changeFollowing(id, third, { summary: 'Later' });
      expect(await dieAt(world, { point, nth }, () => world.runJob())).toBe(true);
      await work(world);
      await settled(world);
      expect(await shownHere(world)).toEqual([
        '11-23 09:00 Standup',
        '11-30 09:00 Standup',
        '12-07 09:00 Later',
        '12-14 09:00 Later',
        '12-21 09:00 Later',
        '12-28 09:00 Later',
      ]);
    }
  }
});
