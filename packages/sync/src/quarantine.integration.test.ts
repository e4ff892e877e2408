import { expectExactMirror, readMirror } from '../testing/mirror.ts';
import {
  calendarFacts,
  hint,
  meeting,
  pullNow,
  putMeetings,
  shownEvents,
  useWorlds,
} from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

interface Quarantined {
  id: string | null;
  code: string;
  reason: string;
  raw: string;
}

const quarantine = (world: World): Promise<Quarantined[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Quarantined[]>`
      select provider_event_id as id, code, reason, convert_from(raw, 'UTF8') as raw from calendar_quarantine
       where calendar_id = ${world.calendarId}::uuid order by provider_event_id`,
  );

test('an item that nobody can read costs its own row: the rest goes on, and what it was stays', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  world.cloud.putUnreadable(world.providerCalendarId, { id: 'm1', reason: 'it has no start' });
  world.cloud.putUnreadable(world.providerCalendarId, { id: 'new', reason: 'it has no start' });
  world.cloud.put(world.providerCalendarId, meeting('m9'));
  await hint(world);
  expect(await pullNow(world)).toBe('pulled');
  expect((await shownEvents(world)).live).toEqual(['m0', 'm1', 'm2', 'm9']);
  expect((await quarantine(world)).map(({ id, code, reason }) => ({ id, code, reason }))).toEqual([
    { id: 'm1', code: 'unreadable', reason: 'it has no start' },
    { id: 'new', code: 'unreadable', reason: 'it has no start' },
  ]);
  // A full round sees it, unreadable as it is: it is not absent.
  await hint(world, { full: true });
  await pullNow(world);
  expect((await shownEvents(world)).live).toContain('m1');
});

test('a row that Postgres refuses is found among 60 good ones', async () => {
  const world = await newWorld();
  putMeetings(world, 60);
  // Bounds that no adapter should let through: the statement fails with SQLSTATE 22008.
  world.cloud.put(world.providerCalendarId, {
    id: 'bad',
    fields: {
      summary: 'secret title',
      start: { kind: 'date', date: '2026-02-30' },
      end: { kind: 'date', date: '2026-02-31' },
    },
  });
  expect(await pullNow(world)).toBe('pulled');
  expect((await shownEvents(world)).live).toHaveLength(60);
  const [bad, ...others] = await quarantine(world);
  expect(others).toEqual([]);
  expect(bad).toMatchObject({
    id: 'bad',
    code: 'unstorable',
    reason: expect.stringContaining('22008') as string,
  });
  expect(bad?.reason).not.toContain('secret');
  expect((await calendarFacts(world)).state).toBe('active');
});

test('what makes sense again leaves quarantine by itself', async () => {
  const world = await newWorld();
  world.cloud.putUnreadable(world.providerCalendarId, { id: 'm0', reason: 'it has no start' });
  await pullNow(world);
  expect(await quarantine(world)).toHaveLength(1);
  world.cloud.put(world.providerCalendarId, meeting('m0'));
  await hint(world);
  await pullNow(world);
  expect(await quarantine(world)).toEqual([]);
  await expectExactMirror(world);
});

test('a retry that a person asked for reads the one event again', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  world.cloud.putUnreadable(world.providerCalendarId, { id: 'odd', reason: 'it has no start' });
  await pullNow(world);
  world.cloud.put(world.providerCalendarId, meeting('odd'));
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendar_quarantine set retry_requested_at = now() where calendar_id = ${world.calendarId}::uuid`;
  });
  const asked = world.pagesAsked;
  await world.tick();
  while (world.jobs.length > 0) await world.runJob();
  expect(world.pagesAsked).toBe(asked);
  expect(await quarantine(world)).toEqual([]);
  expect((await shownEvents(world)).live).toEqual(['m0', 'm1', 'odd']);
  // The single read knew more than any round that was running: the next round changes nothing.
  await hint(world);
  await pullNow(world);
  await expectExactMirror(world);
});

test.each([
  ['a rule that repeats every second', 'RRULE:FREQ=SECONDLY', 'recurrence_truncated'],
  ['a rule that makes no sense', 'RRULE:FREQ=SOMETIMES', 'recurrence_unreadable'],
])('%s is bounded, reported, and blocks nothing', async (_name, rule, code) => {
  const world = await newWorld();
  putMeetings(world, 5);
  world.cloud.put(world.providerCalendarId, meeting('bomb', 1, { recurrence: [rule] }));
  expect(await pullNow(world)).toBe('pulled');
  expect((await shownEvents(world)).live).toEqual(['bomb', 'm0', 'm1', 'm2', 'm3', 'm4']);
  expect((await quarantine(world)).map((item) => [item.id, item.code])).toEqual([['bomb', code]]);
  const { occurrences } = await readMirror(world.real, world.calendarId);
  expect(occurrences.length).toBeLessThanOrEqual(10_005);
  expect(occurrences.filter((line) => line.startsWith('m'))).toHaveLength(5);
});

test('a rule that never matches comes to its first day alone, at once', async () => {
  const world = await newWorld();
  const recurrence = ['RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31'];
  world.cloud.put(world.providerCalendarId, meeting('never', 1, { recurrence }));
  expect(await pullNow(world)).toBe('pulled');
  expect((await readMirror(world.real, world.calendarId)).occurrences).toHaveLength(1);
});

test('a hundred years of daily come to one occurrence a day, and to nothing in quarantine', async () => {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, {
    ...meeting('old'),
    fields: {
      summary: 'Since 1926',
      start: { kind: 'zoned', instant: '1926-11-20T10:00:00Z', zone: 'UTC' },
      end: { kind: 'zoned', instant: '1926-11-20T11:00:00Z', zone: 'UTC' },
      recurrence: ['RRULE:FREQ=DAILY'],
    },
  });
  await pullNow(world);
  expect(await quarantine(world)).toEqual([]);
  const { occurrences, windowStart, windowEnd } = await readMirror(world.real, world.calendarId);
  const days = (windowEnd.getTime() - windowStart.getTime()) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(30 + 60);
  expect(Math.abs(occurrences.length - days)).toBeLessThanOrEqual(1);
});

test('two exceptions of one slot, and an exception of itself, stop nothing', async () => {
  const world = await newWorld();
  putMeetings(world, 2);
  const day = (n: number) => ({ kind: 'zoned', instant: `2026-11-2${n}T10:00:00Z`, zone: 'UTC' }) as const;
  world.cloud.put(world.providerCalendarId, meeting('s', 1, { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'] }));
  const moved = { start: day(8), end: day(9), summary: 'Twice' };
  for (const id of ['x1', 'x2']) {
    world.cloud.put(world.providerCalendarId, {
      id,
      exceptionOf: { seriesId: 's', originalStart: day(2) },
      fields: moved,
    });
  }
  world.cloud.put(world.providerCalendarId, {
    id: 'self',
    exceptionOf: { seriesId: 'self', originalStart: day(3) },
    fields: moved,
  });
  expect(await pullNow(world)).toBe('pulled');
  expect((await shownEvents(world)).live).toEqual(['m0', 'm1', 's', 'self', 'x1', 'x2']);
  expect((await readMirror(world.real, world.calendarId)).replayed).toEqual(
    (await readMirror(world.real, world.calendarId)).versions,
  );
});

test('a text too long for an index costs its own row', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  // Not compressible: Postgres would squeeze a repetition below its limit.
  const noise = Array.from(
    { length: 4_000 },
    (_, n) => ((n * 7_919) % 36).toString(36) + ((n * n) % 31).toString(36),
  ).join('');
  world.cloud.put(world.providerCalendarId, meeting('long', 1, { icalUid: noise }));
  expect(await pullNow(world)).toBe('pulled');
  expect((await shownEvents(world)).live).toEqual(expect.arrayContaining(['m0', 'm1', 'm2']));
  expect((await quarantine(world)).map((item) => item.id)).toEqual(['long']);
});

test('a cut series stays in quarantine, under the same name, through rounds that show nothing new', async () => {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, meeting('bomb', 1, { recurrence: ['RRULE:FREQ=SECONDLY'] }));
  await pullNow(world);
  const ids = (): Promise<{ id: string; times: number }[]> =>
    world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw`
        select id, times_seen as times from calendar_quarantine where calendar_id = ${world.calendarId}::uuid`,
    );
  const before = await ids();
  await hint(world, { full: true });
  await pullNow(world);
  expect(await ids()).toEqual(before);
  world.cloud.patch(world.providerCalendarId, 'bomb', { summary: 'Still a bomb' });
  await hint(world);
  await pullNow(world);
  expect(await ids()).toEqual([{ id: before[0]?.id, times: 2 }]);
});

test('a page of rules that are slow to read leaves room for other work', async () => {
  const world = await newWorld();
  const recurrence = ['RRULE:FREQ=DAILY;COUNT=99999;BYDAY=MO'];
  const old = { kind: 'zoned', zone: 'UTC' } as const;
  // Each takes 10 to 20 ms, ten times as long where the machine is slow, and the whole page is one transaction: it
  // keeps every feed of this server waiting.
  for (let n = 0; n < 100; n += 1) {
    const fields = {
      recurrence,
      start: { ...old, instant: '1000-01-01T10:00:00Z' },
      end: { ...old, instant: '1000-01-01T11:00:00Z' },
    };
    world.cloud.put(world.providerCalendarId, { id: `old${n}`, fields: { summary: 'Old', ...fields } });
  }
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (turns < 1_000_000) handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  expect(await pullNow(world)).toBe('pulled');
  clearImmediate(handle);
  // Once per 50 series at least, the process looked up.
  expect(turns).toBeGreaterThanOrEqual(2);
});
