/** What an event was, it can be again, here and at its provider. */
import { readStoredEvent } from '@calfleet/db';
import type { EventId } from '@calfleet/domain';
import type { MemoryEvent } from '@calfleet/providers';
import { at, exception, mirror, pulled, revisionsOf, series } from '../testing/history.ts';
import { meeting, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { liveAtProvider, settled } from '../testing/quiet.ts';
import { writeRestore, type RestoreRefusal } from './restore.ts';

const newWorld = useWorlds();

const mirrored = async (...events: MemoryEvent[]) => mirror(await newWorld(), events);

async function restore(
  world: World,
  id: EventId,
  revision: number,
): Promise<'written' | 'nothing' | RestoreRefusal> {
  const { deps, userId, accountId, calendarId } = world;
  const restored = await world.real.transaction(
    { role: 'api', userId, calendars: [calendarId] },
    async (tx) => {
      const event = await readStoredEvent(tx, { userId, id });
      if (!event) throw new Error('There is no such event.');
      return writeRestore(tx, deps, { id: calendarId, userId, accountId }, { event, revision });
    },
  );
  if ('refused' in restored) return restored.refused;
  if (restored.written) await deps.jobs.enqueue('push-calendar', { calendarId });
  return restored.written ? 'written' : 'nothing';
}

describe('what an event was, it can be again', () => {
  test('after any of its changes, and before the first; the other side is told what differs', async () => {
    const { world, local, idOf, patch } = await mirrored(meeting('m1'));
    const id = await idOf('m1');
    patch('m1', { summary: 'two', location: 'Room 2' });
    await pulled(world);
    await local.change(id, { summary: 'three' });
    await settled(world);
    patch('m1', { start: at('2026-11-24T08:00:00Z'), end: at('2026-11-24T09:00:00Z') });
    await pulled(world);
    for (const [revision, fields] of [
      [0, { summary: 'Meeting m1', location: null, start: at('2026-11-21T10:00:00Z') }],
      [1, { summary: 'two', location: 'Room 2', start: at('2026-11-21T10:00:00Z') }],
      [3, { summary: 'three', location: 'Room 2', start: at('2026-11-24T08:00:00Z') }],
      [2, { summary: 'three', location: 'Room 2', start: at('2026-11-21T10:00:00Z') }],
    ] as const) {
      expect(await restore(world, id, revision)).toBe('written');
      await settled(world);
      expect(liveAtProvider(world)).toMatchObject([{ providerEventId: 'm1', fields }]);
    }
    expect(await local.conflicts()).toEqual([]);
  });

  test('what it is already is no write, and twice is once', async () => {
    const { world, local, idOf, patch } = await mirrored(meeting('m1'));
    const id = await idOf('m1');
    patch('m1', { summary: 'two' });
    await pulled(world);
    expect(await restore(world, id, 1)).toBe('nothing');
    expect([await restore(world, id, 0), await restore(world, id, 0)]).toEqual(['written', 'nothing']);
    await settled(world);
    expect(await local.writes()).toMatchObject([{ op: 'update', state: 'applied' }]);
  });

  test('a number that no revision has is refused', async () => {
    const { world, local, idOf, patch } = await mirrored(meeting('m1'));
    const id = await idOf('m1');
    expect(await restore(world, id, 0)).toBe('no_revision');
    for (const summary of ['one', 'two', 'three']) {
      patch('m1', { summary });
      await pulled(world);
    }
    await world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$executeRaw`delete from calendar_event_revisions where event_id = ${id}::uuid and n = 1`,
    );
    expect([await restore(world, id, 0), await restore(world, id, 4)]).toEqual([
      'no_revision',
      'no_revision',
    ]);
    // Before the oldest that is kept.
    expect(await restore(world, id, 1)).toBe('written');
    expect((await local.event(id))?.summary).toBe('one');
  });

  test("a series takes place as before; its guests' answers are their own", async () => {
    const guest = {
      email: 'kim@guests.test',
      name: 'Kim',
      optional: false,
      organizer: false,
      self: false,
      resource: false,
    };
    const asked = { attendees: [{ ...guest, response: 'needs_action' as const }] };
    const { world, idOf, patch } = await mirrored(
      meeting('s1', 1, { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'], ...asked }),
    );
    patch('s1', { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'] });
    await pulled(world);
    patch('s1', { attendees: [{ ...guest, response: 'accepted' }] });
    await pulled(world);
    expect(await restore(world, await idOf('s1'), 0)).toBe('written');
    await settled(world);
    expect(liveAtProvider(world)).toMatchObject([
      { fields: { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'], attendees: [{ response: 'accepted' }] } },
    ]);
  });

  test.each([
    ['an event', meeting('m1', 1, { location: 'Room 1' })],
    ['a series', series('m1')],
  ])('%s that was deleted at the provider is there again, under its id here', async (_, event) => {
    const { world, local, idOf, remove } = await mirrored(event);
    const id = await idOf('m1');
    remove('m1');
    await pulled(world);
    expect(await restore(world, id, 1)).toBe('nothing');
    expect(await restore(world, id, 0)).toBe('written');
    await settled(world);
    const { location = null, recurrence = [] } = event.fields;
    expect(liveAtProvider(world)).toMatchObject([
      { fields: { summary: 'Meeting m1', location, recurrence } },
    ]);
    expect(await local.eventIds()).toEqual([id]);
    // And away again, as it was in between.
    expect(await restore(world, id, 1)).toBe('written');
    await settled(world);
    expect(liveAtProvider(world)).toEqual([]);
  });

  test('one that was made and deleted here, before anybody was told and after', async () => {
    const { world, local } = await mirrored();
    const fields = { summary: 'New', start: at('2026-11-24T09:00:00Z'), end: at('2026-11-24T10:00:00Z') };
    const { eventId } = await local.create(fields);
    await local.remove(eventId);
    expect(await restore(world, eventId, 1)).toBe('written');
    await settled(world);
    await local.remove(eventId);
    await settled(world);
    expect(liveAtProvider(world)).toEqual([]);
    const deletion = (await revisionsOf(world, eventId)).at(-1)?.n ?? 0;
    expect(await restore(world, eventId, deletion - 1)).toBe('written');
    await settled(world);
    expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'New' } }]);
  });

  test('what left the window is not brought back', async () => {
    const { world, idOf, patch } = await mirrored(meeting('m1'));
    const single = await idOf('m1');
    patch('m1', { summary: 'two' });
    await pulled(world);
    await world.real.transaction(
      { role: 'worker' },
      (tx) =>
        tx.$executeRaw`update calendar_events set deleted_at = ${world.clock.now()} where id = ${single}::uuid`,
    );
    expect(await restore(world, single, 0)).toBe('left_window');
  });
});

describe('brought back before the provider was told of its deletion', () => {
  test('it is told nothing; of what differs, that alone', async () => {
    const { world, local, idOf } = await mirrored(meeting('m1'), series('s1'), exception('x1', 's1'));
    for (const name of ['m1', 's1']) {
      const id = await idOf(name);
      await local.remove(id);
      expect(await restore(world, id, 0)).toBe('nothing');
    }
    await settled(world);
    expect(
      liveAtProvider(world).map(({ providerEventId, providerVersion }) => [providerEventId, providerVersion]),
    ).toEqual([
      ['m1', '"1"'],
      ['s1', '"2"'],
      ['x1', '"3"'],
    ]);
    const id = await idOf('m1');
    await local.change(id, { summary: 'two' });
    await local.remove(id);
    const [, , { n: changed = 0 } = {}] = await revisionsOf(world, id);
    expect(await restore(world, id, changed)).toBe('written');
    await settled(world);
    expect(liveAtProvider(world)).toMatchObject([
      { providerEventId: 'm1', fields: { summary: 'two' } },
      {},
      {},
    ]);
  });

  test.each(['before', 'after'] as const)(
    'where the answer to the deletion was lost, %s it was done, there is one event in the end',
    async (when) => {
      const { world, local, idOf } = await mirrored(meeting('m1'));
      const id = await idOf('m1');
      world.cloud.fail({ operation: 'deleteEvent', code: 'provider_unavailable', when });
      await local.remove(id);
      expect(await world.runJob()).toBe('provider_unavailable');
      expect(await restore(world, id, 0)).toBe('written');
      await settled(world);
      expect(liveAtProvider(world)).toMatchObject([{ fields: { summary: 'Meeting m1' } }]);
      expect((await local.event(id))?.deleted_at).toBeNull();
      expect(await local.conflicts()).toEqual([]);
    },
  );
});
