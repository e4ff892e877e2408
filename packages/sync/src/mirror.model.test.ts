/**
 * Any history of owner edits, lost, doubled and reordered notifications, page sizes, dead cursors, provider errors,
 * crashes and take-overs between any two steps: once all is quiet, the mirror equals the provider, and replaying the
 * feed rebuilds the mirror. A failure prints its seed; `MODEL_SEED=… MODEL_PATH=… npx jest --selectProjects model` replays
 * it.
 */
import fc from 'fast-check';
import type { Database } from '@calfleet/db';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { Crash, World, openTestDatabase } from '../testing/world.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { applyEdit, edit, type Edit } from '../testing/edits.ts';

const runs = Number(process.env['MODEL_RUNS'] ?? 200);
const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
/** The `path` of a failure: replays that one history. */
const path = process.env['MODEL_PATH'];

/** Something that happens at one point of one transaction of a job. */
const interruption = fc.record({
  step: fc.nat(12),
  point: fc.constantFrom('before' as const, 'inside' as const, 'after' as const),
  what: fc.oneof(
    fc.record({ kind: fc.constant('crash' as const) }),
    fc.record({ kind: fc.constant('edit' as const), edit, delivered: fc.boolean() }),
    fc.record({ kind: fc.constant('take_over' as const) }),
  ),
});

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('edit' as const), edit }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('work' as const), interruption: fc.option(interruption) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      which: fc.nat(20),
      copies: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      code: fc.constantFrom(
        'provider_unavailable' as const,
        'rate_limited' as const,
        'cursor_expired' as const,
      ),
      skip: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire_cursors' as const), pages: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose_redis' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('tick' as const), minutes: fc.constantFrom(0, 1, 16, 25) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('full' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('agree' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('habits' as const),
      pageSizeMax: fc.constantFrom(1, 2, 3, 100),
      emptyPagesAt: fc.subarray([1, 2, 3]),
      newestFirst: fc.boolean(),
      repeats: fc.boolean(),
      changesJoinRounds: fc.boolean(),
      bareTombstones: fc.boolean(),
      seriesDeleteFansOut: fc.boolean(),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

describe('the mirror', () => {
  let database: TestDatabase;
  let db: Database;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = openTestDatabase(database.url);
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  test(
    `equals its provider after any history (seed ${seed}, ${runs} runs)`,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(edit, { maxLength: 8 }),
          fc.array(command, { maxLength: 25 }),
          async (first, commands) => {
            const world = await World.create(db);
            await world.tick();
            first.forEach((change) => applyEdit(world, change));
            for (const next of commands) await perform(world, next);
            await world.settle();
            await expectExactMirror(world);
            // An audit of an exact mirror finds nothing, whatever state the history left the calendar in.
            expect((await world.audit()).differences).toBe(0);
            await world.end();
          },
        ),
        { numRuns: runs, seed, endOnFailure: runs > 1_000, ...(path !== undefined && { path }) },
      );
    },
    Math.max(600_000, runs * 3_000),
  );
});

async function perform(world: World, next: Command): Promise<void> {
  switch (next.do) {
    case 'edit':
      applyEdit(world, next.edit);
      return;
    case 'work':
      world.hook = next.interruption ? interrupt(world, next.interruption) : null;
      if ((await world.runJob()) === 'crashed') await world.expireLease();
      world.hook = null;
      return;
    case 'deliver': {
      // Any letter, not the oldest: reordered. No copy: lost. Two: repeated.
      const [letter] = world.letters.splice(next.which % Math.max(1, world.letters.length), 1);
      for (let copy = 0; letter && copy < next.copies; copy += 1) await world.deliver(letter);
      return;
    }
    case 'fault':
      world.cloud.fail({ code: next.code, skip: next.skip, operation: 'listChanges', retryAfterMs: 1_000 });
      return;
    case 'expire_cursors':
      if (next.pages) world.cloud.expirePageCursors(world.providerCalendarId);
      else world.cloud.expireCursors(world.providerCalendarId);
      return;
    case 'lose_redis':
      return world.loseRedis();
    case 'tick':
      world.clock.advance(next.minutes * 60_000);
      return world.tick();
    case 'full':
      await world.real.transaction({ role: 'worker' }, async (tx) => {
        await tx.$executeRaw`
          update calendars set full_requested = true, dirty_seq = dirty_seq + 1 where id = ${world.calendarId}::uuid`;
      });
      return;
    case 'agree':
      await world.agreeToHeldDeletes();
      return;
    case 'habits': {
      const { do: _do, ...habits } = next;
      Object.assign(world.cloud.quirks, habits);
      return;
    }
  }
}

/** Counts transactions and strikes once at the chosen one. */
function interrupt(
  world: World,
  { step, point, what }: typeof interruption extends fc.Arbitrary<infer T> ? T : never,
): World['hook'] {
  let steps = 0;
  return async (at) => {
    if (at === 'before') steps += 1;
    if (steps !== step + 1 || at !== point) return;
    world.hook = null;
    if (what.kind === 'crash') throw new Crash();
    if (what.kind === 'edit') await editNow(world, what.edit, what.delivered && point !== 'inside');
    // Inside a transaction the calendar is locked: another worker would wait for it to end.
    if (what.kind === 'take_over' && point !== 'inside') await takeOver(world);
  };
}

async function editNow(world: World, change: Edit, delivered: boolean): Promise<void> {
  applyEdit(world, change);
  const letter = delivered ? world.letters.pop() : undefined;
  if (letter) await world.deliver(letter);
}

/** This worker slept too long: its lease ran out, and another one does the whole work before it wakes up. */
async function takeOver(world: World): Promise<void> {
  await world.expireLease();
  await world.tick();
  await world.runJob();
}
