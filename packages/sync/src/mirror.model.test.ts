/**
 * Any history of owner edits, lost, doubled and reordered notifications, page sizes, dead cursors, provider errors,
 * crashes and take-overs between any two steps: once all is quiet, the mirror equals the provider, and replaying the
 * feed rebuilds the mirror. A failure prints its seed; `MODEL_SEED=… MODEL_PATH=… npx jest --selectProjects model` replays
 * it.
 */
import fc from 'fast-check';
import { Crash, World, type StepHook } from '../testing/world.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { askForFull, deliverAny, moment, strikeAt, takeOver, to, workOn } from '../testing/model-steps.ts';
import { useDatabase } from '../testing/scene.ts';
import { applyEdit, edit, type Edit } from '../testing/edits.ts';

const runs = Number(process.env['MODEL_RUNS'] ?? 200);
const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
/** The `path` of a failure: replays that one history. */
const path = process.env['MODEL_PATH'];

/** Something that happens at one point of one transaction of a job. */
const interruption = fc.record({
  ...moment(12),
  what: fc.oneof(
    fc.record({ kind: fc.constant('crash' as const) }),
    fc.record({ kind: fc.constant('edit' as const), edit, delivered: fc.boolean() }),
    fc.record({ kind: fc.constant('take_over' as const) }),
  ),
});

const command = fc.oneof(
  to(6, 'edit', { edit }),
  to(6, 'work', { interruption: fc.option(interruption) }),
  to(3, 'deliver', { which: fc.nat(20), copies: fc.integer({ min: 0, max: 2 }) }),
  to(3, 'fault', {
    code: fc.constantFrom(
      'provider_unavailable' as const,
      'rate_limited' as const,
      'cursor_expired' as const,
    ),
    skip: fc.nat(3),
  }),
  to(1, 'expire_cursors', { pages: fc.boolean() }),
  to(1, 'lose_redis', {}),
  to(2, 'tick', { minutes: fc.constantFrom(0, 1, 16, 25) }),
  to(1, 'full', {}),
  to(1, 'agree', {}),
  to(1, 'habits', {
    pageSizeMax: fc.constantFrom(1, 2, 3, 100),
    emptyPagesAt: fc.subarray([1, 2, 3]),
    newestFirst: fc.boolean(),
    repeats: fc.boolean(),
    changesJoinRounds: fc.boolean(),
    bareTombstones: fc.boolean(),
    seriesDeleteFansOut: fc.boolean(),
  }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

describe('the mirror', () => {
  const db = useDatabase();

  test(
    `equals its provider after any history (seed ${seed}, ${runs} runs)`,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(edit, { maxLength: 8 }),
          fc.array(command, { maxLength: 25 }),
          async (first, commands) => {
            const world = await World.create(db());
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
      return workOn(world, next.interruption && interrupt(world, next.interruption));
    case 'deliver':
      return deliverAny(world, next);
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
      return askForFull(world);
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

function interrupt(
  world: World,
  { what, ...chosen }: typeof interruption extends fc.Arbitrary<infer T> ? T : never,
): StepHook {
  const isInside = chosen.point === 'inside';
  return strikeAt(world, chosen, async () => {
    if (what.kind === 'crash') throw new Crash();
    if (what.kind === 'edit') await editNow(world, what.edit, what.delivered && !isInside);
    // Inside a transaction the calendar is locked: another worker would wait for it to end.
    if (what.kind === 'take_over' && !isInside) await takeOver(world);
  });
}

async function editNow(world: World, change: Edit, delivered: boolean): Promise<void> {
  applyEdit(world, change);
  const letter = delivered ? world.letters.pop() : undefined;
  if (letter) await world.deliver(letter);
}
