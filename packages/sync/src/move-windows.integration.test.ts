/** Windows move on: the promised days are always full, whatever happens in the middle. */
import type { MemoryEvent } from '@calfleet/providers';
import { dieAt } from '../testing/dying.ts';
import { expectExactMirror, readMirror } from '../testing/mirror.ts';
import { expectedOccurrences } from '../testing/oracle.ts';
import { hint, meeting, pullNow, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { cleanUp } from './cleanup.ts';
import { movedWindowAt, windowAt } from './windows.ts';

const newWorld = useWorlds();
const dayMs = 86_400_000;
/** Every step is a transaction of its own, so that something may happen between them. */
const stepwise = { rows: 1_000, batches: 1_000, ms: 60_000, holdMs: 0 };

const daily = (id: string, hour = 10): MemoryEvent => {
  const at = `2026-11-20T${String(hour).padStart(2, '0')}`;
  return {
    id,
    fields: {
      summary: id,
      start: { kind: 'zoned', instant: `${at}:00:00Z`, zone: 'UTC' },
      end: { kind: 'zoned', instant: `${at}:30:00Z`, zone: 'UTC' },
      recurrence: ['RRULE:FREQ=DAILY;INTERVAL=1'],
    },
  };
};

const allDay = (id: string, date: string, recurrence: string[] = []): MemoryEvent => ({
  id,
  fields: {
    summary: id,
    start: { kind: 'date', date },
    end: { kind: 'date', date: new Date(Date.parse(date) + dayMs).toISOString().slice(0, 10) },
    recurrence,
  },
});

/** Starts of what takes place inside of the promise, by event. */
async function promised(world: World): Promise<Record<string, string[]>> {
  const { from, to } = promiseOf(world);
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: string; at: string }[]>`
      select e.provider_event_id as id, to_char(o.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as at
      from calendar_occurrences o join calendar_events e on e.id = o.owner_id
      where o.calendar_id = ${world.calendarId}::uuid and o.starts_at < ${to} and o.ends_at > ${from}
      order by o.starts_at`,
  );
  const starts: Record<string, string[]> = {};
  for (const { id, at } of rows) (starts[id] ??= []).push(at);
  return starts;
}

const promiseOf = (world: World): { from: Date; to: Date } => {
  const now = world.clock.now().getTime();
  const { pastDays, futureDays } = world.deps.settings;
  return { from: new Date(now - pastDays * dayMs), to: new Date(now + futureDays * dayMs) };
};

/** The same, day by day from the calendar alone. */
function expectedStarts(world: World): Record<string, string[]> {
  const { from, to } = promiseOf(world);
  const starts: Record<string, string[]> = {};
  const show = (id: string, at: number, lengthMs: number): void => {
    if (at >= to.getTime() || at + lengthMs <= from.getTime()) return;
    (starts[id] ??= []).push(new Date(at).toISOString().slice(0, 16));
  };
  const first = Date.parse('2026-11-20T00:00:00Z');
  for (let day = first; day < to.getTime() + dayMs; day += dayMs) {
    const date = new Date(day).toISOString().slice(0, 10);
    show('daily', day + 10 * 3_600_000, 1_800_000);
    if (date.endsWith('-12-24')) show('yearly', day, dayMs);
    if (date === '2028-01-15') show('single', day, dayMs);
  }
  return starts;
}

/** The feed of so long ago is dropped: only what takes place is held against the calendar. */
async function expectExactOccurrences(world: World): Promise<void> {
  const { occurrences, windowStart: from, windowEnd: to } = await readMirror(world.real, world.calendarId);
  const truth = world.cloud.truth(world.providerCalendarId);
  // The oracle knows no yearly rules.
  const isShown = (line: string): boolean => !line.startsWith('yearly');
  const expected = expectedOccurrences(truth, { from, to });
  expect(occurrences.filter(isShown)).toEqual(expected.filter(isShown));
}

const changesSince = (world: World, at: Date): Promise<number> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      select from calendar_changes where calendar_id = ${world.calendarId}::uuid and at > ${at}`,
  );

test('for 400 days the promised year is exactly full, before each tick and after it, and the feed is silent', async () => {
  const world = await newWorld({ futureDays: 365 });
  world.cloud.put(world.providerCalendarId, daily('daily'));
  world.cloud.put(world.providerCalendarId, allDay('yearly', '2026-12-24', ['RRULE:FREQ=YEARLY']));
  world.cloud.put(world.providerCalendarId, allDay('single', '2028-01-15'));
  await pullNow(world);
  const pulledAt = world.clock.now();
  let moves = 0;
  // From 09:00 to the next night's 03:00, and so on.
  world.clock.advance(-6 * 3_600_000);
  for (let day = 0; day < 400; day += 1) {
    world.clock.advance(dayMs);
    expect(await promised(world)).toEqual(expectedStarts(world));
    const { windows = 0 } = await cleanUp(world.deps);
    if (windows > 0) expect(await promised(world)).toEqual(expectedStarts(world));
    moves += windows;
  }
  // Once a week, not every night.
  expect(moves).toBeGreaterThanOrEqual(57);
  expect(moves).toBeLessThanOrEqual(58);
  expect(await changesSince(world, pulledAt)).toBe(0);
  await expectExactOccurrences(world);
}, 240_000);

test('a fleet that stood still for 60 days is full after one tick', async () => {
  const world = await newWorld({ futureDays: 365 });
  world.cloud.put(world.providerCalendarId, daily('daily'));
  await pullNow(world);
  world.clock.advance(60 * dayMs);
  const counts = await cleanUp(world.deps);
  expect(counts).toMatchObject({ windows: 1, left: 0, failed: 0 });
  expect(counts['occurrences']).toBeGreaterThan(20);
  expect(await promised(world)).toEqual({ daily: expectedStarts(world)['daily'] });
  await expectExactOccurrences(world);
});

test('a night that is too short says what is left, and the next one goes on', async () => {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, daily('daily'));
  await pullNow(world);
  world.clock.advance(60 * dayMs);
  const counts = await cleanUp(world.deps, { limits: { ...stepwise, ms: 0 } });
  expect(counts).toMatchObject({ windows: 0 });
  expect(counts['left']).toBeGreaterThan(0);
  expect(await cleanUp(world.deps)).toMatchObject({ windows: 1, left: 0 });
  await expectExactOccurrences(world);
});

test('the window follows the settings, both ways', async () => {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, daily('daily'));
  world.cloud.put(world.providerCalendarId, meeting('long ago', -50));
  world.cloud.put(world.providerCalendarId, meeting('far ahead', 200));
  await pullNow(world);
  for (const [pastDays, futureDays] of [
    [60, 60],
    [60, 300],
    [5, 20],
    [90, 400],
  ] as const) {
    Object.assign(world.deps.settings, { pastDays, futureDays });
    world.clock.advance(dayMs);
    expect(await cleanUp(world.deps)).toMatchObject({ windows: 1, failed: 0 });
    const { windowStart, windowEnd } = await readMirror(world.real, world.calendarId);
    expect({ start: windowStart, end: windowEnd }).toEqual(
      movedWindowAt(world.clock.now(), { pastDays, futureDays }),
    );
    await expectExactMirror(world);
  }
});

/** Series enough for three batches, and something of each kind in the days to come. */
async function busyWorld(): Promise<World> {
  const world = await newWorld();
  const { cloud, providerCalendarId: calendar } = world;
  for (let n = 0; n < 45; n += 1) cloud.put(calendar, daily(`s${String(n).padStart(2, '0')}`, n % 20));
  cloud.put(calendar, meeting('single', 65));
  cloud.put(calendar, allDay('day', '2027-01-28'));
  const slot = (day: string): { kind: 'zoned'; instant: string; zone: string } => ({
    kind: 'zoned',
    instant: `${day}T05:00:00Z`,
    zone: 'UTC',
  });
  // Moved out of the first window, and a cancelled day in the new part.
  cloud.put(calendar, {
    ...meeting('moved', 70),
    exceptionOf: { seriesId: 's05', originalStart: slot('2026-12-01') },
  });
  cloud.cancelOccurrence(calendar, { id: 'off', seriesId: 's05', originalStart: slot('2027-01-30') });
  // Its series is nowhere to be seen.
  cloud.put(calendar, {
    ...meeting('lone', 68),
    exceptionOf: { seriesId: 'unseen', originalStart: slot('2027-01-27') },
  });
  await pullNow(world);
  world.clock.advance(10 * dayMs);
  return world;
}

/** Whatever an owner may do while a window moves: to what is extended already, and to what is not yet. */
function editEverything(world: World): void {
  const { cloud, providerCalendarId: calendar } = world;
  const other = (id: string): MemoryEvent => ({
    id,
    fields: { ...daily(id, 21).fields, recurrence: ['RRULE:FREQ=WEEKLY;INTERVAL=1'] },
  });
  for (const id of ['s00', 's19', 's20', 's44']) cloud.put(calendar, other(id));
  for (const id of ['s01', 's30']) cloud.remove(calendar, id);
  cloud.put(calendar, daily('s99', 3));
  cloud.put(calendar, meeting('born', 66));
  cloud.put(calendar, meeting('single', 69));
  cloud.remove(calendar, 'day');
}

/** Runs `meanwhile` after the nth transaction of the tick. @returns whether there were so many */
async function cleanUpWith(world: World, nth: number, meanwhile: () => Promise<void>): Promise<boolean> {
  let transactions = 0;
  world.hook = async (point) => {
    if (point !== 'after' || ++transactions !== nth) return;
    const { hook } = world;
    world.hook = null;
    await meanwhile();
    world.hook = hook;
  };
  await cleanUp(world.deps, { limits: stepwise });
  world.hook = null;
  return transactions >= nth;
}

const isMoved = async (world: World): Promise<boolean> => {
  const { windowEnd } = await readMirror(world.real, world.calendarId);
  return windowEnd >= windowAt(world.clock.now(), world.deps.settings).end;
};

test('a pull in the middle of a move, at every gap: nothing of it is lost, nothing is left over', async () => {
  // Selection, begin, standing, three pages of series of which the last moves, drop; and the tables after them.
  for (let nth = 1; nth <= 8; nth += 1) {
    const world = await busyWorld();
    const wasThere = await cleanUpWith(world, nth, async () => {
      editEverything(world);
      await hint(world);
      expect(await pullNow(world)).toBe('pulled');
    });
    expect(wasThere).toBe(true);
    expect(await isMoved(world)).toBe(true);
    await expectExactMirror(world);
  }
}, 120_000);

test('a move in the middle of a round, after every page: the round ends in the new window', async () => {
  for (const mode of ['incremental', 'full'] as const) {
    for (let nth = 1; nth <= 4; nth += 1) {
      const world = await busyWorld();
      world.cloud.quirks.pageSizeMax = 4;
      editEverything(world);
      await hint(world, { full: mode === 'full' });
      let transactions = 0;
      world.hook = async (point) => {
        if (point !== 'after' || ++transactions !== nth) return;
        world.hook = null;
        expect(await cleanUp(world.deps, { limits: stepwise })).toMatchObject({ windows: 1, failed: 0 });
      };
      expect(await pullNow(world)).toBe('pulled');
      expect(await isMoved(world)).toBe(true);
      await expectExactMirror(world);
    }
  }
}, 120_000);

test('a worker that dies in the middle of a move: pulls go on, and the next tick ends it', async () => {
  for (let nth = 2; nth <= 7; nth += 1) {
    for (const point of ['inside', 'after'] as const) {
      const world = await busyWorld();
      // The dead process says so of every table; nobody reads it.
      const quiet = {
        ...world.deps,
        logger: Object.assign(Object.create(world.deps.logger), { error() {} }) as typeof world.deps.logger,
      };
      expect(await dieAt(world, { point, nth }, () => cleanUp(quiet, { limits: stepwise }))).toBe(true);
      editEverything(world);
      await hint(world);
      expect(await pullNow(world)).toBe('pulled');
      world.clock.advance(dayMs);
      await cleanUp(world.deps);
      expect(await isMoved(world)).toBe(true);
      await expectExactMirror(world);
    }
  }
}, 120_000);

test('a single read that was asked before the move is stored in the window of after it', async () => {
  const world = await busyWorld();
  const { cloud, providerCalendarId: calendar } = world;
  cloud.put(calendar, daily('s07', 22));
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendar_events set recheck_at = ${world.clock.now()}
       where calendar_id = ${world.calendarId}::uuid and provider_event_id = 's07'`;
  });
  let transactions = 0;
  world.hook = async (point) => {
    // Read what is due; the answer travels; the window moves.
    if (point !== 'after' || ++transactions !== 2) return;
    world.hook = null;
    expect(await cleanUp(world.deps)).toMatchObject({ windows: 1 });
  };
  await world.deps.jobs.enqueue('recheck-events', { calendarId: world.calendarId });
  expect(await world.runJob()).toBe('rechecked 1');
  world.hook = null;
  await hint(world);
  await pullNow(world);
  await expectExactMirror(world);
});

test('who holds the calendar is not waited for, and a calendar that fails stops no other', async () => {
  const [world, other] = [await busyWorld(), await busyWorld()];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let isHeld = (): void => undefined;
  const holding = new Promise<void>((resolve) => (isHeld = resolve));
  const holder = world.real.transaction({ role: 'worker', calendars: [world.calendarId] }, async () => {
    isHeld();
    await held;
  });
  await holding;
  expect(await cleanUp(world.deps)).toMatchObject({ windows: 1, failed: 0, left: 1 });
  expect(await isMoved(other)).toBe(true);
  expect(await isMoved(world)).toBe(false);
  release();
  await holder;
  expect(await cleanUp(world.deps)).toMatchObject({ windows: 1, left: 0 });
  expect(await isMoved(world)).toBe(true);
});
