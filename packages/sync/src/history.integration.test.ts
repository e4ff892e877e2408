/** What changes is kept as it was. */
import type { MemoryEvent } from '@calfleet/providers';
import { at, exception, mirror, pulled, revisionsOf, series } from '../testing/history.ts';
import { meeting, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';

const newWorld = useWorlds();

const mirrored = async (...events: MemoryEvent[]) => mirror(await newWorld(), events);

describe('what the provider changes', () => {
  test('names what changed, with its values before and after; an event that is new was nothing before', async () => {
    const { world, idOf, patch } = await mirrored(meeting('m1'));
    const id = await idOf('m1');
    expect(await revisionsOf(world, id)).toEqual([]);
    patch('m1', { summary: 'Retro', start: at('2026-11-24T08:00:00Z') });
    await pulled(world);
    patch('m1', { location: 'Room 1', meetingUrl: 'https://meet.test/1' });
    await pulled(world);
    expect(await revisionsOf(world, id)).toEqual([
      {
        n: 1,
        origin: 'provider',
        fields: ['summary', 'start'],
        before: { summary: 'Meeting m1', start: at('2026-11-21T10:00:00Z') },
        after: { summary: 'Retro', start: at('2026-11-24T08:00:00Z') },
      },
      {
        n: 2,
        origin: 'provider',
        fields: ['location', 'meeting_url'],
        before: { location: null, meetingUrl: null },
        after: { location: 'Room 1', meetingUrl: 'https://meet.test/1' },
      },
    ]);
  });

  test('a link, a uid, and what is seen again change nothing of what an event is', async () => {
    const { world, idOf, patch } = await mirrored(meeting('m1'));
    patch('m1', { htmlLink: 'https://calendar.test/1' });
    await pulled(world);
    await pulled(world, { full: true });
    expect(await revisionsOf(world, await idOf('m1'))).toEqual([]);
  });

  test('all-day and floating times are kept as they are said', async () => {
    const { world, idOf, patch } = await mirrored(meeting('m1'));
    const dates = {
      start: { kind: 'date', date: '2026-11-24' },
      end: { kind: 'date', date: '2026-11-25' },
    } as const;
    const floating = {
      start: { kind: 'floating', local: '2026-11-24T09:00:00' },
      end: { kind: 'floating', local: '2026-11-24T10:00:00' },
    } as const;
    patch('m1', dates);
    await pulled(world);
    patch('m1', floating);
    await pulled(world);
    expect((await revisionsOf(world, await idOf('m1'))).map(({ after }) => after)).toEqual([dates, floating]);
  });

  test('many at once: each keeps its own', async () => {
    const world = await newWorld();
    putMeetings(world, 300);
    await pullNow(world);
    for (let n = 0; n < 300; n += 1)
      world.cloud.patch(world.providerCalendarId, `m${n}`, { summary: `Changed ${n}` });
    await pulled(world);
    const kept = await world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ right: number; all: number }[]>`
        select count(*)::int as all, (count(*) filter (where r.n = 1 and r.before->>'summary' = 'Meeting ' || e.provider_event_id
          and r.after->>'summary' = e.summary))::int as right
        from calendar_event_revisions r join calendar_events e on e.id = r.event_id
        where e.calendar_id = ${world.calendarId}::uuid`,
    );
    expect(kept).toEqual([{ right: 300, all: 300 }]);
  });

  test('a deletion keeps all that the event was, and an event that comes back was nothing before', async () => {
    const { world, idOf, remove } = await mirrored(meeting('m1', 1, { location: 'Room 1' }));
    const id = await idOf('m1');
    remove('m1');
    await pulled(world);
    world.cloud.put(world.providerCalendarId, meeting('m1', 1, { location: 'Room 2' }));
    await pulled(world);
    expect(await revisionsOf(world, id)).toMatchObject([
      {
        n: 1,
        fields: ['status'],
        before: {
          summary: 'Meeting m1',
          location: 'Room 1',
          status: 'confirmed',
          attendees: [],
          recurrence: [],
        },
        after: null,
      },
      {
        n: 2,
        fields: ['location', 'status'],
        before: null,
        after: { location: 'Room 2', summary: 'Meeting m1' },
      },
    ]);
  });

  test('with a series go its exceptions, and absence is a deletion, too', async () => {
    const { world, idOf, remove } = await mirrored(
      series('s1'),
      exception('x1', 's1'),
      meeting('m1'),
      meeting('m2'),
    );
    const [master, changed, single] = [await idOf('s1'), await idOf('x1'), await idOf('m1')];
    remove('s1');
    await pulled(world);
    remove('m1');
    await pulled(world, { full: true });
    for (const [id, summary] of [
      [master, 'Meeting s1'],
      [changed, 'Moved'],
      [single, 'Meeting m1'],
    ] as const) {
      expect(await revisionsOf(world, id)).toMatchObject([
        { origin: 'provider', fields: ['status'], before: { summary }, after: null },
      ]);
    }
  });
});

test('what is written here is kept once, also a new event; what goes with its series is kept, too', async () => {
  const { world, local, idOf } = await mirrored(series('s1'), exception('x1', 's1'));
  const made = await local.create({
    summary: 'New',
    start: at('2026-11-24T09:00:00Z'),
    end: at('2026-11-24T10:00:00Z'),
  });
  await local.change(made.eventId, { summary: 'Newer' });
  await local.remove(await idOf('s1'));
  expect(await revisionsOf(world, made.eventId)).toMatchObject([
    { n: 1, origin: 'local', fields: ['status'], before: null, after: { summary: 'New' } },
    { n: 2, origin: 'local', fields: ['summary'], before: { summary: 'New' }, after: { summary: 'Newer' } },
  ]);
  for (const name of ['s1', 'x1']) {
    expect(await revisionsOf(world, await idOf(name))).toMatchObject([
      { n: 1, origin: 'local', after: null },
    ]);
  }
});
