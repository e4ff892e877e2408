/** What is gone is believed late: after a look, by whoever holds the lease, inside the window that was asked for. */
import { acquireLease, releaseLease } from '@calfleet/db';
import type { CalendarProvider, RemoteItem } from '@calfleet/domain';
import type { FaultPlan } from '@calfleet/sandbox';
import { recheckEvents, type SyncDeps } from '@calfleet/sync';
import { day, dayMs, GraphScene, meeting, weekly } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const strike = (plan: FaultPlan) => scene.world.sandbox.faults.add(plan);
const beat = () => scene.pass(25);
const unavailable = { kind: 'status', status: 504, reason: 'UnknownError', message: '' } as const;
const look = (deps: SyncDeps): Promise<number> =>
  recheckEvents(deps, scene.world.calendarId, new AbortController().signal);

test('a full list that leaves an event out deletes nothing before a look', async () => {
  const [id = ''] = scene.calendar.createMany([meeting('left out', 3), meeting('stays', 4)]);
  await scene.mirror();
  await scene.listen();
  // It is elsewhere while the list is made, and back before anybody looks.
  const { other } = scene.world.owner;
  scene.calendar.moveTo(id, other);
  strike({ operation: 'graph.batch', effect: unavailable });
  await scene.world.askForFull();
  await beat();
  expect(await scene.rounds()).toEqual(['full completed', 'full completed']);
  expect(await scene.feed()).toEqual([]);
  other.moveTo(id, scene.calendar);
  await scene.world.settle();
  expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
  await scene.expectExact();
});

/** A round has found an occurrence missing, and the look at its series failed: one is due. */
async function leaveLookOpen(): Promise<{ seriesId: string }> {
  const { id: seriesId } = scene.calendar.create(weekly('standing', -30));
  await scene.mirror();
  scene.calendar.deleteOccurrence(seriesId, day(5));
  strike({ operation: 'graph.batch', effect: unavailable });
  await beat();
  await scene.listen();
  return { seriesId };
}

/** A worker to whom something happens between the answer to a look and what is made of it. */
function interrupted(meanwhile: () => Promise<unknown>): SyncDeps {
  const { deps } = scene.world;
  const provider = deps.providers.get('microsoft');
  if (!provider) throw new Error('Microsoft is switched off.');
  const readEvents = async (...asked: Parameters<CalendarProvider['readEvents']>): Promise<RemoteItem[]> => {
    const items = await provider.readEvents(...asked);
    await meanwhile();
    return items;
  };
  return { ...deps, providers: new Map([['microsoft', { ...provider, readEvents }]]) };
}

test('I6: a look whose lease ran out writes nothing', async () => {
  const { seriesId } = await leaveLookOpen();
  const late = interrupted(async () => {
    await expireLease();
    const { pattern, range } = weekly('standing', -30).recurrence as Record<'pattern' | 'range', object>;
    scene.calendar.patch(seriesId, { recurrence: { pattern: { ...pattern, interval: 2 }, range } });
    await beat();
  });
  await expect(look(late)).rejects.toMatchObject({ code: 'lease_lost' });
  await scene.expectExact();
});

test('I6: nobody looks while somebody else is at the calendar', async () => {
  await leaveLookOpen();
  const { db, calendarId, deps } = scene.world;
  const lease = await db.transaction({ role: 'worker' }, (tx) => acquireLease(tx, calendarId));
  expect(
    await scene.asked(async () => {
      expect(await look(deps)).toBe(0);
    }),
  ).toEqual({});
  await db.transaction({ role: 'worker' }, (tx) =>
    releaseLease(tx, lease as NonNullable<typeof lease>, null),
  );
  expect(await look(deps)).toBe(1);
  await scene.expectExact();
});

test('a look removes nothing that lies outside the window it asked for', async () => {
  const { id } = scene.calendar.create(weekly('daily', -60, daily(-60)));
  await scene.mirror();
  await scene.pass((25 * dayMs) / 60_000);
  const before = await outsideAsked();
  expect(before.length).toBeGreaterThan(0);
  scene.calendar.deleteOccurrence(id, day(30));
  await scene.listen();
  const { 'graph.event.instances': looks = 0 } = await scene.asked(beat);
  expect(looks).toBeGreaterThan(0);
  expect(await outsideAsked()).toEqual(before);
  expect(await scene.feed()).toEqual(['updated daily']);
  await scene.expectExact();
});

test('I1: a roll leaves cursor and window as they are until its last page', async () => {
  scene.calendar.createMany(Array.from({ length: 30 }, (_, n) => meeting(`number ${n}`, n * 3)));
  scene.world.sandbox.microsoft.setQuirks({ deltaPageSizeMax: 5 });
  await scene.mirror();
  const before = await standing();
  strike({ operation: 'graph.delta', skip: 2, effect: { kind: 'drop_before' } });
  expect(await scene.pass((25 * dayMs) / 60_000)).toContain('provider_unavailable');
  expect(await standing()).toEqual({ ...before, in_round: true });
  await scene.world.settle();
  const after = await standing();
  expect(after.in_round).toBe(false);
  expect(after.cursor).not.toBe(before.cursor);
  expect(after.window_start.getTime() - before.window_start.getTime()).toBeGreaterThanOrEqual(25 * dayMs);
  await scene.expectExact();
});

interface Standing {
  cursor: string;
  window_start: Date;
  window_end: Date;
  in_round: boolean;
}

async function standing(): Promise<Standing> {
  const [row] = await scene.rows<Standing>(
    `select cursor, window_start, window_end, round_id is not null as in_round from calendars where id = $1::uuid`,
  );
  if (!row) throw new Error('The calendar is gone.');
  return row;
}

/** Sixty seconds pass without a word of the worker. */
const expireLease = (): Promise<unknown> =>
  scene.rows(
    `update calendars set lease_until = clock_timestamp() - interval '1 s' where id = $1::uuid returning id`,
  );

/** Kept at the edges, and not asked for: the window is asked for with a day more on each side. */
const outsideAsked = (): Promise<{ slot: string }[]> =>
  scene.rows<{ slot: string }>(
    `select o.slot from calendar_occurrences o join calendars c on c.id = o.calendar_id
      where c.id = $1::uuid and (o.ends_at <= c.window_start - interval '1 day'
         or o.starts_at >= c.window_end + interval '1 day')
      order by o.slot`,
  );

const daily = (offset: number) => ({
  recurrence: {
    pattern: { type: 'daily', interval: 1 },
    range: { type: 'noEnd', startDate: day(offset), recurrenceTimeZone: 'W. Europe Standard Time' },
  },
});
