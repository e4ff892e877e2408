import { MemoryCloud } from '@calfleet/providers';
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
import { recheckEvents } from './recheck.ts';

const newWorld = useWorlds();

/** Forgets everything it ever had, as a provider on a bad day. */
function emptyCloud(world: World): () => void {
  const calendar = world.cloud.calendars.get(world.providerCalendarId);
  const stand = new MemoryCloud();
  stand.createCalendar({ providerCalendarId: world.providerCalendarId });
  const empty = stand.calendars.get(world.providerCalendarId);
  if (!calendar || !empty) throw new Error('no calendar');
  world.cloud.calendars.set(world.providerCalendarId, { ...empty, cursorEpoch: calendar.cursorEpoch + 1 });
  return () => {
    world.cloud.calendars.set(world.providerCalendarId, {
      ...calendar,
      cursorEpoch: calendar.cursorEpoch + 2,
    });
  };
}

/** Three meetings that a full round no longer saw: held, every one. */
async function heldWorld(): Promise<World> {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  emptyCloud(world);
  await hint(world);
  await pullNow(world);
  return world;
}

test('I10: an empty answer while rows exist deletes nothing, and says so', async () => {
  const world = await heldWorld();
  const { live, held } = await shownEvents(world);
  expect({ live: live.length, held: held.length }).toEqual({ live: 3, held: 3 });
  const facts = await calendarFacts(world);
  expect(facts.state).toBe('deletes_held');
  // Held means: the round completed and the cursor moved on.
  expect(facts.synced).toBe(facts.dirty);
});

test('I10: a drop past the limit is held as a whole, one below it is swept', async () => {
  const world = await newWorld({ massDeleteMin: 5, massDeletePercent: 50 });
  putMeetings(world, 20);
  await pullNow(world);
  for (let n = 0; n < 10; n += 1) world.cloud.remove(world.providerCalendarId, `m${n}`);
  await hint(world, { full: true });
  await pullNow(world);
  expect((await shownEvents(world)).live).toHaveLength(10);
  for (let n = 10; n < 16; n += 1) world.cloud.remove(world.providerCalendarId, `m${n}`);
  await hint(world, { full: true });
  await pullNow(world);
  const { live, held } = await shownEvents(world);
  expect({ live: live.length, held: held.length }).toEqual({ live: 10, held: 6 });
});

test('I10: what is seen again is no longer held', async () => {
  const world = await newWorld();
  putMeetings(world, 3);
  await pullNow(world);
  const heal = emptyCloud(world);
  await hint(world);
  await pullNow(world);
  heal();
  await hint(world);
  await pullNow(world);
  expect(await shownEvents(world)).toEqual({ live: ['m0', 'm1', 'm2'], held: [] });
  expect((await calendarFacts(world)).state).toBe('active');
});

test('I10: a person said delete: a fresh full round verifies, and only what is still missing goes', async () => {
  const world = await heldWorld();
  world.cloud.put(world.providerCalendarId, meeting('m1'));
  world.clock.advance(60_000);
  expect(await world.agreeToHeldDeletes()).toBe(true);
  world.clock.advance(60_000);
  await pullNow(world);
  expect(await shownEvents(world)).toEqual({ live: ['m1'], held: [] });
  expect((await calendarFacts(world)).state).toBe('active');
  await expectExactMirror(world);
});

test('I10: a round that began before the person spoke is not the fresh look', async () => {
  const world = await heldWorld();
  await hint(world, { full: true });
  let transactions = 0;
  world.hook = async (point) => {
    if (point !== 'after' || ++transactions !== 1) return;
    world.clock.advance(1_000);
    await world.agreeToHeldDeletes();
  };
  await pullNow(world);
  world.hook = null;
  expect((await shownEvents(world)).held).toHaveLength(3);
  world.clock.advance(1_000);
  await world.runJob();
  expect((await shownEvents(world)).live).toHaveLength(0);
});

test('I10: rows that a person kept are never proposed again', async () => {
  const world = await heldWorld();
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendar_events set local_only = true, held_at = null where calendar_id = ${world.calendarId}::uuid`;
  });
  await hint(world, { full: true });
  await pullNow(world);
  expect(await shownEvents(world)).toEqual({ live: ['m0', 'm1', 'm2'], held: [] });
  expect((await calendarFacts(world)).state).toBe('active');
});

test('I10: explicit deletions are never held, however many', async () => {
  const world = await newWorld({ massDeleteMin: 2, massDeletePercent: 1 });
  putMeetings(world, 30);
  await pullNow(world);
  for (let n = 0; n < 30; n += 1) world.cloud.remove(world.providerCalendarId, `m${n}`);
  await hint(world);
  await pullNow(world);
  expect(await shownEvents(world)).toEqual({ live: [], held: [] });
});

test('I10: what is born during a full round survives its sweep, also with clocks that disagree', async () => {
  const world = await newWorld();
  putMeetings(world, 6);
  await pullNow(world);
  world.cloud.quirks.pageSizeMax = 2;
  const late = (change: string) => async (): Promise<void> => {
    // Read by itself and stored while the round runs, by a worker whose clock is an hour behind; no page shows it.
    world.cloud.put(world.providerCalendarId, meeting('born', 3, { summary: change }));
    await world.real.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw,
          retry_requested_at, first_seen_at, last_seen_at)
        values (gen_random_uuid(), ${world.userId}, ${world.calendarId}::uuid, 'born', 'unreadable', 'test', '\\x00',
          now(), now(), now())`;
    });
    world.clock.advance(-3_600_000);
    await recheckEvents(world.deps, world.calendarId, new AbortController().signal);
    world.clock.advance(3_600_000);
    world.cloud.calendars.get(world.providerCalendarId)?.log.births.splice(6, 1);
  };
  await hint(world, { full: true });
  let transactions = 0;
  world.hook = async (point) => {
    if (point !== 'after' || ++transactions !== 2) return;
    world.hook = null;
    await late('Stored by a single read')();
  };
  await pullNow(world);
  expect((await shownEvents(world)).live).toContain('born');
});

test('I10: what a fast clock confirmed is swept all the same when it is gone', async () => {
  const world = await newWorld();
  putMeetings(world, 4);
  world.clock.advance(3_600_000);
  await pullNow(world);
  world.clock.advance(-3_600_000);
  world.cloud.remove(world.providerCalendarId, 'm0');
  await hint(world, { full: true });
  await pullNow(world);
  expect((await shownEvents(world)).live).toEqual(['m1', 'm2', 'm3']);
});

test('I10: held rows stay held while the calendar grows: no later round deletes them without a word', async () => {
  const world = await newWorld();
  putMeetings(world, 40);
  await pullNow(world);
  for (let n = 0; n < 30; n += 1) world.cloud.remove(world.providerCalendarId, `m${n}`);
  await hint(world, { full: true });
  await pullNow(world);
  expect((await shownEvents(world)).held).toHaveLength(30);
  putMeetings(world, 100, 'new');
  await hint(world, { full: true });
  await pullNow(world);
  const { live, held } = await shownEvents(world);
  expect({ live: live.length, held: held.length }).toEqual({ live: 140, held: 30 });
  expect((await calendarFacts(world)).state).toBe('deletes_held');
});

test('I10: held rows are not forgotten by a state in between', async () => {
  const world = await heldWorld();
  world.cloud.fail({ code: 'permission_denied', operation: 'listChanges' });
  await hint(world);
  await pullNow(world);
  expect((await calendarFacts(world)).state).toBe('paused');
  await hint(world);
  expect(await pullNow(world)).toBe('pulled');
  expect((await calendarFacts(world)).state).toBe('deletes_held');
});

test('I10: a word that was given is carried out although its round had to begin anew', async () => {
  const world = await heldWorld();
  await world.agreeToHeldDeletes();
  world.cloud.fail({ code: 'provider_unavailable', operation: 'listChanges' });
  await pullNow(world);
  world.clock.advance(20 * 60_000);
  await world.runJob();
  await world.runJob();
  expect(await shownEvents(world)).toEqual({ live: [], held: [] });
  expect((await calendarFacts(world)).state).toBe('active');
});

test('a cancelled occurrence that a full round no longer lists frees its slot', async () => {
  const world = await newWorld();
  const recurrence = ['RRULE:FREQ=DAILY;COUNT=3'];
  world.cloud.put(world.providerCalendarId, meeting('s', 1, { recurrence }));
  const originalStart = { kind: 'zoned', instant: '2026-11-22T10:00:00Z', zone: 'UTC' } as const;
  world.cloud.cancelOccurrence(world.providerCalendarId, { seriesId: 's', originalStart });
  await pullNow(world);
  expect((await readMirror(world.real, world.calendarId)).occurrences).toHaveLength(2);
  // Restored while nobody could hear it: the occurrence is an ordinary one again, and no list names it.
  const log = world.cloud.calendars.get(world.providerCalendarId)?.log;
  log?.births.splice(1, 1);
  world.cloud.expireCursors(world.providerCalendarId);
  await hint(world);
  await pullNow(world);
  await expectExactMirror(world);
  expect((await readMirror(world.real, world.calendarId)).occurrences).toHaveLength(3);
});

test('a series that is deleted and comes back leaves no slot of its first life blocked', async () => {
  const world = await newWorld();
  const series = meeting('s', 1, { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
  const originalStart = { kind: 'zoned', instant: '2026-11-22T10:00:00Z', zone: 'UTC' } as const;
  world.cloud.put(world.providerCalendarId, series);
  world.cloud.cancelOccurrence(world.providerCalendarId, { seriesId: 's', originalStart });
  await pullNow(world);
  world.cloud.remove(world.providerCalendarId, 's');
  await hint(world);
  await pullNow(world);
  world.cloud.put(world.providerCalendarId, series);
  await hint(world);
  await pullNow(world);
  // What became of its exceptions, only a full round can tell: the engine asks for one by itself.
  expect(world.jobs).toHaveLength(1);
  await world.runJob();
  await expectExactMirror(world);
  expect((await readMirror(world.real, world.calendarId)).occurrences).toHaveLength(3);
});
