/**
 * Graph in trouble: lists that go round in circles, links that die, servers that fail, throttling, and a mailbox that
 * looks empty. Each ends in bounded time and requests, and with the mirror right.
 */
import type { MicrosoftQuirkChanges } from '@calfleet/sandbox';
import { dayMs, GraphScene, meeting, minuteMs, weekly } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const quirks = (changes: MicrosoftQuirkChanges) => scene.world.sandbox.microsoft.setQuirks(changes);
const beat = () => scene.pass(25);

/** `list_loops_total`, by what was read instead. */
async function loops(): Promise<Record<string, number>> {
  const { values } = await scene.world.deps.metrics.listLoops.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reading), value]));
}

const reading = async (): Promise<string | undefined> =>
  (await scene.rows<{ reading: string }>('select reading from calendars where id = $1::uuid'))[0]?.reading;

/** Sixty events and a series: several pages of any size. */
function plant(): string[] {
  const ids = scene.calendar.createMany(
    Array.from({ length: 60 }, (_, n) => meeting(`number ${n}`, (n % 40) - 5)),
  );
  scene.calendar.create(weekly('standing', -400));
  return ids;
}

describe('lesson 11: a list that goes round in circles ends', () => {
  beforeEach(() => scene.world.deps.metrics.listLoops.reset());

  test('a page that comes again once is no circle', async () => {
    plant();
    quirks({ loopingNextLink: { times: 1 }, deltaPageSizeMax: 20 });
    await scene.mirror();
    await scene.expectExact();
    expect(await loops()).toEqual({});
    expect(await scene.rounds()).toEqual(['full completed']);
  });

  test('one that comes three times is: the round ends, whatever would have come after', async () => {
    plant();
    quirks({ loopingNextLink: { times: 2 }, deltaPageSizeMax: 20 });
    const asked = await scene.asked(() => scene.mirror());
    expect(asked['graph.delta']).toBe(3 + 3);
    await scene.expectExact();
    expect(await loops()).toEqual({ small_pages: 1, view: 1 });
  });

  test('large pages go round in circles: smaller ones are asked for, and the list goes on', async () => {
    plant();
    quirks({ loopingNextLink: { times: 'always', pageSizeMin: 100 } });
    const asked = await scene.asked(() => scene.mirror());
    expect(asked['graph.delta']).toBeLessThan(15);
    expect(asked['graph.calendarView']).toBeUndefined();
    await scene.expectExact();
    expect(await loops()).toEqual({ small_pages: 1 });
    expect(await reading()).toBe('small_pages');
    expect(await scene.rounds()).toEqual(['full restarted', 'full completed']);
  });

  test('until a link is followed with another size, which nobody can know: a plain view is read', async () => {
    plant();
    quirks({ loopingNextLink: { times: 'until_other_size' } });
    const asked = await scene.asked(() => scene.mirror());
    expect(asked['graph.delta']).toBeLessThan(15);
    await scene.expectExact();
    expect(await loops()).toEqual({ small_pages: 1, view: 1 });
  });

  test('for ever: a plain view of the window is read', async () => {
    plant();
    quirks({ loopingNextLink: { times: 'always', page: 2 }, deltaPageSizeMax: 20 });
    const asked = await scene.asked(() => scene.mirror());
    expect(asked['graph.delta']).toBeLessThan(15);
    expect(asked['graph.calendarView']).toBeLessThan(10);
    await scene.expectExact();
    expect(await loops()).toEqual({ small_pages: 1, view: 1 });
    expect(await reading()).toBe('view');
    expect(await scene.rounds()).toEqual(['full restarted', 'full restarted', 'full completed']);
  });

  test('a later round goes round in circles: nothing is deleted, what changed is found, and a day later the list is tried again', async () => {
    const [gone = '', kept = ''] = plant();
    await scene.mirror();
    await scene.listen();
    quirks({ loopingNextLink: { times: 'always' } });
    scene.calendar.delete(gone);
    scene.calendar.patch(kept, { subject: 'renamed' });
    await beat();
    expect((await scene.feed()).sort()).toEqual(['deleted number 0', 'updated renamed']);
    await scene.expectExact();
    expect(await reading()).toBe('view');

    // Until then every look is a view; it finds what changes.
    scene.calendar.create(meeting('new', 3));
    const viewed = await scene.asked(beat);
    expect(viewed['graph.delta']).toBeUndefined();
    await scene.expectExact();

    quirks({ loopingNextLink: null });
    scene.world.clock.advance(dayMs);
    await beat();
    expect(await reading()).toBe('changes');
    await scene.expectExact();
    scene.calendar.create(meeting('newer', 3));
    expect(await scene.asked(() => scene.pass(60))).toMatchObject({ 'graph.delta': 1 });
    await scene.expectExact();
    expect(await loops()).toEqual({ small_pages: 1, view: 1 });
  });

  test('a day later it still goes round in circles: bounded again, and right', async () => {
    plant();
    quirks({ loopingNextLink: { times: 'always' } });
    await scene.mirror();
    scene.world.clock.advance(dayMs);
    scene.calendar.create(meeting('new', 3));
    const asked = await scene.asked(beat);
    expect(asked['graph.delta']).toBeLessThan(15);
    expect(await reading()).toBe('view');
    await scene.expectExact();
  });
});

describe('links die in the middle of a round', () => {
  test('of a first round: it begins again once and ends right', async () => {
    plant();
    quirks({ deltaPageSizeMax: 20 });
    // Two pages are stored when the connection breaks, and then the links die.
    scene.world.sandbox.faults.add({ operation: 'graph.delta', skip: 2, effect: { kind: 'drop_before' } });
    expect(await scene.work()).toContain('provider_unavailable');
    scene.calendar.expireNextLinks();
    await scene.pass(2);
    await scene.expectExact();
    expect(await scene.rounds()).toEqual(['full restarted', 'full completed']);
  });

  /** A round of changes that stops after its first page. */
  async function stopsMidway(): Promise<void> {
    const ids = plant();
    await scene.mirror();
    await scene.listen();
    quirks({ deltaPageSizeMax: 20 });
    scene.calendar.patchMany(ids.map((id, n) => ({ id, body: { subject: `renamed ${n}` } })));
    scene.world.sandbox.faults.add({ operation: 'graph.delta', skip: 1, effect: { kind: 'drop_before' } });
    expect(await beat()).toContain('provider_unavailable');
  }

  test('of a later round: the link that it began with is asked once more, and nothing is read in full', async () => {
    await stopsMidway();
    scene.calendar.expireNextLinks();
    const asked = await scene.asked(() => scene.pass(2));
    expect(asked['graph.delta']).toBe(1 + 3);
    expect(await scene.rounds()).toEqual([
      'full completed',
      'incremental restarted',
      'incremental completed',
    ]);
    expect(new Set(await scene.feed()).size).toBe(60);
    await scene.expectExact();
  });

  test('and that one is dead as well: read in full, once', async () => {
    await stopsMidway();
    scene.calendar.expireNextLinks();
    scene.calendar.expireDeltaLinks();
    const asked = await scene.asked(() => scene.pass(2));
    // A dead page, a dead list, and the pages of a full one.
    expect(asked['graph.delta']).toBeLessThanOrEqual(2 + 5);
    expect(await scene.rounds()).toEqual([
      'full completed',
      'incremental restarted',
      'incremental restarted',
      'full completed',
    ]);
    expect(new Set(await scene.feed()).size).toBe(60);
    await scene.expectExact();
  });

  test('every link is dead when it is used: bounded, and right when it ends', async () => {
    plant();
    quirks({ deltaPageSizeMax: 20 });
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('new', 3));
    quirks({ deadDeltaLinkRate: 1, deadNextLinkRate: 1 });
    const asked = await scene.asked(beat);
    expect(asked['graph.delta']).toBeLessThan(15);
    expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
    quirks({ deadDeltaLinkRate: 0, deadNextLinkRate: 0 });
    for (let times = 0; times < 3; times += 1) await beat();
    await scene.expectExact();
    expect(await scene.feed()).toEqual(['created new']);
  });
});

describe('servers that fail', () => {
  const failures = [
    { status: 503, reason: 'UnknownError' },
    { status: 504, reason: 'UnknownError' },
    { status: 500, reason: 'ErrorInternalServerError' },
  ];
  test.each(failures)(
    '$status $reason in the middle of a round: it goes on where it stood',
    async (failure) => {
      plant();
      quirks({ deltaPageSizeMax: 20 });
      const fault = { ...failure, kind: 'status' as const, message: '' };
      scene.world.sandbox.faults.add({ operation: 'graph.delta', skip: 2, effect: fault });
      const asked = await scene.asked(async () => {
        expect(await scene.work()).toContain('provider_unavailable');
        // It is tried after a minute.
        await scene.pass(2);
      });
      await scene.expectExact();
      expect(await scene.rounds()).toEqual(['full completed']);
      // Five pages, and the one that failed.
      expect(asked['graph.delta']).toBeLessThanOrEqual(6);
    },
  );

  test('a list that answers nothing but 504: asked ever less often, and whole when it is over', async () => {
    plant();
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('new', 3));
    scene.world.sandbox.faults.add({
      operation: 'graph.delta',
      count: null,
      effect: { kind: 'status', status: 504, reason: 'UnknownError', message: '' },
    });
    const asked = await scene.asked(async () => {
      for (let minutes = 0; minutes < 120; minutes += 2) {
        await scene.pass(2);
        // The queue's own attempts are spent; the ticks go on.
        scene.world.jobs.length = 0;
      }
    });
    expect(asked['graph.delta']).toBeLessThan(20);
    expect(await scene.feed()).toEqual([]);
    scene.world.sandbox.faults.clear();
    await beat();
    expect(await scene.feed()).toEqual(['created new']);
    await scene.expectExact();
  });
});

describe('throttling', () => {
  test('429 parks the calendar for the Retry-After, and nobody asks earlier', async () => {
    plant();
    await scene.mirror();
    await scene.listen();
    quirks({ enforceRetryAfter: true });
    scene.mailbox.resetThrottle();
    scene.mailbox.refuseNext(1, 300);
    scene.calendar.create(meeting('new', 3));
    expect(await beat()).toEqual(['rate_limited']);
    // Notifications, ticks and attempts of the queue come meanwhile.
    for (let second = 0; second < 290; second += 10) {
      scene.world.clock.advance(10_000);
      await scene.world.deliver({ nth: 0, copies: 1 });
      await scene.world.tick();
      await scene.work();
    }
    expect(scene.mailbox.throttle()).toMatchObject({ rejected: 1, earlyRetries: 0 });
    expect(await scene.feed()).toEqual([]);
    await scene.pass(1);
    expect(await scene.feed()).toEqual(['created new']);
    expect(scene.mailbox.throttle()).toMatchObject({ rejected: 1, earlyRetries: 0 });
    await scene.expectExact();
  });

  test('a part of a batch is throttled: what it was about waits, and is right later', async () => {
    const [gone = ''] = plant();
    await scene.mirror();
    await scene.listen();
    quirks({ enforceRetryAfter: true });
    scene.calendar.delete(gone);
    scene.mailbox.resetThrottle();
    scene.world.clock.advance(25 * minuteMs);
    await scene.world.tick();
    // The list is answered, what follows is not.
    quirks({ requestsPer10Minutes: 1 });
    await scene.work();
    expect(await scene.feed()).toEqual([]);
    expect(scene.mailbox.throttle().rejected).toBeGreaterThan(0);
    quirks({ requestsPer10Minutes: null });
    for (let times = 0; times < 3; times += 1) await beat();
    expect(await scene.feed()).toEqual(['deleted number 0']);
    await scene.expectExact();
  });
});

describe('the brake', () => {
  const held = async (): Promise<unknown> => {
    const [row] = await scene.rows(
      `select state, (select count(*)::int from calendar_events e
          where e.calendar_id = c.id and e.held_at is not null) as held
        from calendars c where id = $1::uuid`,
    );
    return row;
  };

  test('everything vanishes from a full list: held, and not deleted', async () => {
    const ids = plant();
    quirks({ missedDeletionRate: 1 });
    await scene.mirror();
    await scene.listen();
    const shown = await scene.shown();
    scene.calendar.deleteMany(ids);
    await scene.world.askForFull();
    await beat();
    expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
    expect(await scene.shown()).toEqual(shown);
    expect(await held()).toEqual({ state: 'deletes_held', held: 60 });
    // A person looks and says: delete them.
    await scene.world.settle();
    expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toHaveLength(60);
    await scene.expectExact();
  });

  test('a list that is empty and should not be, once: held, and free again with the next full list', async () => {
    plant();
    await scene.mirror();
    await scene.listen();
    const shown = await scene.shown();
    // A list that lags behind its own beginning is empty.
    quirks({ deltaLagMs: 10 * dayMs });
    await scene.world.askForFull();
    await beat();
    expect(await scene.shown()).toEqual(shown);
    expect(await held()).toEqual({ state: 'deletes_held', held: 61 });
    quirks({ deltaLagMs: 0 });
    await scene.world.askForFull();
    await beat();
    expect(await held()).toEqual({ state: 'active', held: 0 });
    expect(await scene.shown()).toEqual(shown);
    expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
    await scene.expectExact();
  });
});
