/**
 * What Graph's lists of changes do that nobody would expect, fact by fact, and what becomes of it in the mirror. First
 * each test shows that Graph does it, where that can be seen, then that the mirror is right all the same.
 */
import type { MicrosoftQuirkChanges } from '@calfleet/sandbox';
import { berlin, day, GraphScene, meeting, minuteMs, weekly } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const quirks = (changes: MicrosoftQuirkChanges) => scene.world.sandbox.microsoft.setQuirks(changes);

/** The last tick was more than a beat ago: a look of our own. */
const beat = () => scene.pass(25);

const removedIn = (items: readonly Record<string, unknown>[]): unknown[] =>
  items.flatMap((item) => (item['@removed'] === undefined ? [] : [item['id']]));

describe('fact 1: a list of changes has one window, baked into its links, and it never rolls', () => {
  test('what lies beyond the window is not told, however long we ask', async () => {
    await scene.mirror();
    // The promise of today ends after 50 days; the window is opened 30 days wider.
    scene.calendar.create(meeting('beyond', 90));
    await scene.listen();
    scene.world.clock.advance(2 * 1_440 * minuteMs);
    expect(await scene.asked(beat)).toMatchObject({ 'graph.delta': 1 });
    expect(await scene.feed()).toEqual([]);
    expect(await scene.rounds()).toEqual(['full completed', 'incremental completed']);
  });

  test('lesson 14: a new window is a new list, and shows what came over the horizon once', async () => {
    scene.calendar.createMany([meeting('near', 3), meeting('beyond', 90)]);
    await scene.mirror();
    expect(await scene.shown()).toEqual(['near']);
    // A window moves on when 7 to 13 of its 30 spare days are left, at a day that the calendar's id chooses.
    scene.world.clock.advance(16 * 1_440 * minuteMs);
    await beat();
    expect((await scene.rounds()).filter((round) => round === 'full completed')).toHaveLength(1);
    scene.world.clock.advance(16 * 1_440 * minuteMs);
    await beat();
    await beat();
    expect((await scene.rounds()).filter((round) => round === 'full completed')).toHaveLength(2);
    expect(await scene.feed()).toEqual(['created near', 'created beyond', 'expired near']);
    await scene.expectExact();
  });
});

describe('fact 2 and lesson 12: occurrences are bare and are filled from their series', () => {
  test.each(['present', 'absent'] as const)('with the series %s in the list', async (deltaMasters) => {
    quirks({ deltaMasters });
    const { id } = scene.calendar.create(
      weekly('standing', -800, {
        location: { displayName: 'Room 1' },
        body: { contentType: 'text', content: 'Every week' },
        showAs: 'free',
      }),
    );
    const { items } = await scene.raw();
    const bare = items.filter((item) => item['type'] === 'occurrence');
    expect(bare.length).toBeGreaterThan(7);
    for (const item of bare) {
      const names = Object.keys(item).filter((name) => !name.startsWith('@'));
      expect(names.sort()).toEqual(['end', 'id', 'seriesMasterId', 'start', 'type']);
    }
    expect(items.some((item) => item.id === id)).toBe(deltaMasters === 'present');

    await scene.mirror();
    await scene.expectExact();
    const rows = await scene.rows<{ kind: string; location: string; description: string; starts: Date }>(
      `select e.kind, e.location, e.description, o.starts_at as starts
         from calendar_occurrences o join calendar_events e on e.id = o.event_id
        where o.calendar_id = $1::uuid order by o.starts_at`,
    );
    expect(new Set(rows.map(({ starts: _, ...row }) => JSON.stringify(row)))).toEqual(
      new Set([JSON.stringify({ kind: 'series', location: 'Room 1', description: 'Every week' })]),
    );
    // The series itself, more than two years old, takes place nowhere.
    expect(rows[0]?.starts.toISOString().slice(0, 7)).toBe('2026-10');
  });
});

describe('fact 3: a deleted occurrence leaves no trace in delta and disappears all the same', () => {
  const cases = (['whole', 'changed', 'split'] as const).flatMap((seriesEmission) =>
    (['present', 'absent'] as const).map((deltaMasters) => ({ seriesEmission, deltaMasters })),
  );
  test.each(cases)('series told $seriesEmission, master $deltaMasters', async (knobs) => {
    quirks({ ...knobs, deltaPageSizeMax: 4 });
    const series = scene.calendar.create(weekly('standing', -700));
    scene.calendar.create(meeting('single', 2));
    await scene.mirror();
    const { deltaLink } = await scene.raw();
    await scene.listen();
    const before = (await scene.shown()).length;

    const { id } = scene.calendar.occurrence(series.id, day(7));
    scene.calendar.deleteOccurrence(series.id, day(7));
    const { items } = await scene.raw(deltaLink);
    expect(removedIn(items)).toEqual([]);
    expect(items.map((item) => item.id)).not.toContain(id);

    await beat();
    expect(await scene.shown()).toHaveLength(before - 1);
    expect(await scene.feed()).toEqual(['updated standing']);
    await scene.expectExact();
  });
});

describe('fact 4 and lesson 13: @removed is not trusted blindly', () => {
  test('@removed of an event that moved out of the window expires it and deletes nothing', async () => {
    const { id } = scene.calendar.create(meeting('wanders', 3));
    await scene.mirror();
    const { deltaLink } = await scene.raw();
    await scene.listen();
    scene.calendar.patch(id, meeting('wanders', 400));
    expect(removedIn((await scene.raw(deltaLink)).items)).toEqual([id]);
    await beat();
    expect(await scene.feed()).toEqual(['updated wanders', 'expired wanders']);
    scene.calendar.patch(id, meeting('wanders', 4));
    await beat();
    expect(await scene.feed()).toEqual(['updated wanders', 'expired wanders', 'updated wanders']);
    await scene.expectExact();
  });

  test('lesson 13: @removed of a live event outside the window deletes nothing and costs no request', async () => {
    const { id } = scene.calendar.create(meeting('far', 400));
    scene.calendar.create(meeting('near', 3));
    await scene.mirror();
    const { deltaLink } = await scene.raw();
    await scene.listen();
    scene.calendar.patch(id, { subject: 'far and renamed' });
    expect(removedIn((await scene.raw(deltaLink)).items)).toEqual([id]);
    expect(await scene.asked(beat)).toEqual({ 'graph.delta': 1 });
    expect(await scene.feed()).toEqual([]);
    await scene.expectExact();
  });

  test('lesson 13: a removal is looked at before it is believed', async () => {
    const { id } = scene.calendar.create(meeting('goes', 3));
    await scene.mirror();
    await scene.listen();
    scene.calendar.delete(id);
    // One batch asks for the event, and for the calendar as its witness.
    expect(await scene.asked(beat)).toMatchObject({ 'graph.delta': 1, 'graph.batch': 1 });
    expect(await scene.feed()).toEqual(['deleted goes']);
    await scene.expectExact();
  });

  test('lesson 13: where the look fails, nothing is deleted until one succeeds', async () => {
    const { id } = scene.calendar.create(meeting('goes', 3));
    await scene.mirror();
    await scene.listen();
    scene.calendar.delete(id);
    scene.world.sandbox.faults.add({
      operation: 'graph.batch',
      effect: { kind: 'status', status: 503, reason: 'UnknownError' },
    });
    await beat();
    expect(await scene.feed()).toEqual([]);
    await beat();
    expect(await scene.feed()).toEqual(['deleted goes']);
  });

  test('lesson 13: a deletion that delta never tells is found by the next full round', async () => {
    quirks({ missedDeletionRate: 1 });
    const [single = '', other = ''] = scene.calendar.createMany([meeting('single', 3), meeting('stays', 4)]);
    const series = scene.calendar.create(weekly('standing', -30));
    await scene.mirror();
    await scene.listen();
    const { deltaLink } = await scene.raw();
    scene.calendar.deleteMany([single, series.id]);
    expect((await scene.raw(deltaLink)).items).toEqual([]);
    await beat();
    expect(await scene.feed()).toEqual([]);
    await scene.world.askForFull();
    await beat();
    expect((await scene.feed()).sort()).toEqual(['deleted single', 'deleted standing']);
    expect(await scene.shown()).toEqual(['stays']);
    expect(scene.calendar.get(other)).toBeDefined();
    await scene.expectExact();
  });

  test.each(['master', 'instances', 'both'] as const)(
    'a series that goes is gone, whichever ids name it (%s)',
    async (removedSeries) => {
      quirks({ removedSeries });
      const { id } = scene.calendar.create(weekly('standing', -30));
      scene.calendar.patchOccurrence(id, day(5), { subject: 'once' });
      await scene.mirror();
      await scene.listen();
      scene.calendar.delete(id);
      await beat();
      expect((await scene.feed()).sort()).toEqual(['deleted once', 'deleted standing']);
      await scene.expectExact();
    },
  );

  test('an event that left for another calendar and came back between two rounds stays', async () => {
    const { id } = scene.calendar.create(meeting('boomerang', 3));
    await scene.mirror();
    const { deltaLink } = await scene.raw();
    await scene.listen();
    quirks({ returnedItemsStayRemoved: true });
    scene.calendar.moveTo(id, scene.world.owner.other);
    scene.world.owner.other.moveTo(id, scene.calendar);
    expect(removedIn((await scene.raw(deltaLink)).items)).toEqual([id]);
    await beat();
    expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
    await scene.expectExact();
  });
});

describe('fact 5: pages without items, and pages far longer than asked for, are normal', () => {
  test('empty pages in a row are followed to the end', async () => {
    quirks({ emptyPagesAt: [1, 2, 3, 5, 6, 7, 8, 9], deltaPageSizeMax: 3, deltaPageSize: 3 });
    scene.calendar.createMany(Array.from({ length: 8 }, (_, n) => meeting(`number ${n}`, n)));
    await scene.mirror();
    await scene.expectExact();
    expect(await scene.rounds()).toEqual(['full completed']);
    const id = scene.calendar.create(meeting('late', 4)).id;
    await beat();
    scene.calendar.delete(id);
    await beat();
    await scene.expectExact();
  });

  test('a series is as long as it is, whatever page size was asked for, and items come twice', async () => {
    quirks({ deltaPageSizeMax: 5, oversizedPageRate: 0.5, duplicateItemRate: 1 });
    scene.calendar.createMany(Array.from({ length: 12 }, (_, n) => meeting(`number ${n}`, n)));
    scene.calendar.create(
      weekly('daily', -300, {
        recurrence: {
          pattern: { type: 'daily', interval: 1 },
          range: { type: 'noEnd', startDate: day(-300), recurrenceTimeZone: berlin },
        },
      }),
    );
    await scene.mirror();
    await scene.expectExact();
    expect(await scene.rounds()).toEqual(['full completed']);
    expect(new Set(await scene.feed()).size).toBe((await scene.feed()).length);
  });
});

describe('fact 6: links die at any time, under several names', () => {
  const deaths: MicrosoftQuirkChanges[] = [
    { deadLinkCode: 'SyncStateNotFound', deadLinkStatus: 410 },
    { deadLinkCode: 'syncStateNotFound', deadLinkStatus: 410, deadLinkLocation: true },
    { deadLinkCode: 'SyncStateNotFound', deadLinkStatus: 404 },
    { deadLinkCode: 'resyncRequired', deadLinkStatus: 400 },
    { deadLinkCode: 'InvalidDeltaToken' },
  ];
  test.each(deaths)('%j: read in full once, what changed is told, nothing else', async (death) => {
    quirks(death);
    const [goes = ''] = scene.calendar.createMany([
      meeting('goes', 3),
      ...Array.from({ length: 11 }, (_, n) => meeting(`number ${n}`, n)),
    ]);
    const series = scene.calendar.create(weekly('standing', -30));
    await scene.mirror();
    await scene.listen();
    scene.calendar.delete(goes);
    scene.calendar.deleteOccurrence(series.id, day(5));
    scene.calendar.create(meeting('new', 9));
    scene.calendar.expireDeltaLinks();
    await beat();
    expect((await scene.feed()).sort()).toEqual(['created new', 'deleted goes', 'updated standing']);
    await scene.expectExact();
    expect(await scene.rounds()).toEqual(['full completed', 'incremental restarted', 'full completed']);
  });

  test('a mailbox that remembers few rounds is read in full as often as that, and is right', async () => {
    await scene.mirror();
    quirks({ generationsKept: 2 });
    scene.calendar.create(meeting('first', 3));
    // Other applications ask as well, and push our round out of the mailbox' memory.
    for (let rounds = 0; rounds < 3; rounds += 1) await scene.raw();
    await beat();
    scene.calendar.create(meeting('second', 4));
    await beat();
    await scene.expectExact();
    expect(await scene.rounds()).toEqual([
      'full completed',
      'incremental restarted',
      'full completed',
      'incremental completed',
    ]);
  });
});
