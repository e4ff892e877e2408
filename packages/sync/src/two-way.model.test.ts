/**
 * Any history of edits on both sides, with lost answers, refusals, owners who edit between any two steps, crashes and
 * take-overs: once all is quiet both sides are the same, there is no twin, every value that somebody set is shown or kept
 * with its reason, and the provider was told no more than was wished. A failure prints its seed;
 * `MODEL_SEED=… MODEL_PATH=… npx jest --selectProjects model --testPathPatterns two-way` replays it.
 */
import fc from 'fast-check';
import type { Database } from '@calfleet/db';
import { Ledger } from '../testing/ledger.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { askForFull, deliverAny, moment, strikeAt, takeOver, to, workOn } from '../testing/model-steps.ts';
import { useDatabase } from '../testing/scene.ts';
import {
  decideHere,
  editHere,
  editThere,
  localEdit,
  ownerEdit,
  personsWord,
  storm,
  strategy,
  type Sides,
} from '../testing/two-way-commands.ts';
import { hereIn, thereIn, wordsOf } from '../testing/two-way-memory.ts';
import { expectRest, type Resting } from '../testing/two-way-rest.ts';
import { Crash, World, type StepHook } from '../testing/world.ts';
import { pushCalendar } from './index.ts';

const runs = Number(process.env['MODEL_TWO_WAY_RUNS'] ?? 60);
const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
/** The `path` of a failure: replays that one history. */
const path = process.env['MODEL_PATH'];

/** Something that happens at one point of one transaction of a job. */
const interruption = fc.record({
  ...moment(8),
  what: fc.oneof(
    fc.record({ kind: fc.constant('crash' as const) }),
    fc.record({ kind: fc.constant('owner' as const), edit: ownerEdit, delivered: fc.boolean() }),
    fc.record({ kind: fc.constant('user' as const), edit: localEdit }),
    fc.record({ kind: fc.constant('push' as const) }),
    fc.record({ kind: fc.constant('take_over' as const) }),
  ),
});

const command = fc.oneof(
  to(7, 'user', { edit: localEdit }),
  to(4, 'owner', { edit: ownerEdit }),
  to(8, 'work', { interruption: fc.option(interruption) }),
  to(3, 'deliver', { which: fc.nat(20), copies: fc.integer({ min: 0, max: 2 }) }),
  to(4, 'fault', {
    operation: fc.constantFrom('createEvent' as const, 'updateEvent' as const, 'deleteEvent' as const),
    code: fc.constantFrom(
      'provider_unavailable' as const,
      'rate_limited' as const,
      'version_conflict' as const,
      'request_rejected' as const,
    ),
    isDone: fc.boolean(),
  }),
  to(1, 'list_fault', {
    code: fc.constantFrom('provider_unavailable' as const, 'cursor_expired' as const),
    operation: fc.constantFrom('listChanges' as const, 'readEvents' as const),
    skip: fc.nat(2),
  }),
  // The owner changes what is about to be written, at each write and at each page.
  to(2, 'storm', { times: fc.integer({ min: 1, max: 5 }), edit: ownerEdit }),
  to(1, 'expire_cursors', {}),
  to(1, 'lose_redis', {}),
  to(3, 'tick', { minutes: fc.constantFrom(0, 1, 16) }),
  to(1, 'full', {}),
  to(1, 'strategy', { strategy }),
  to(2, 'decide', { word: personsWord }),
  to(1, 'habits', {
    pageSizeMax: fc.constantFrom(1, 2, 100),
    newestFirst: fc.boolean(),
    repeats: fc.boolean(),
    changesJoinRounds: fc.boolean(),
    bareTombstones: fc.boolean(),
    seriesDeleteFansOut: fc.boolean(),
  }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

interface Play extends Sides {
  world: World;
}

describe('both ways', () => {
  const db = useDatabase();

  test(
    `nothing is lost, doubled or left over after any history (seed ${seed}, ${runs} runs)`,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          strategy,
          fc.array(ownerEdit, { minLength: 1, maxLength: 4, size: 'max' }),
          fc.array(command, { minLength: 5, maxLength: 30, size: 'max' }),
          async (first, edits, commands) => {
            const play = await begin(db());
            await play.here.setStrategy(first);
            await play.world.tick();
            edits.forEach((edit) => editThere(play, edit));
            for (const next of commands) await perform(play, next);
            play.world.onAsk = play.world.onWrite = null;
            await expectRest(play, restOf(play.world));
            await play.world.end();
          },
        ),
        { numRuns: runs, seed, endOnFailure: runs > 1_000, ...(path !== undefined && { path }) },
      );
    },
    Math.max(600_000, runs * 3_000),
  );
});

async function begin(db: Database): Promise<Play> {
  const world = await World.create(db);
  const ledger = new Ledger();
  const [here, there] = [hereIn(world), thereIn(world)];
  world.onWritten = (before) =>
    ledger.wrote(
      before.flatMap((item) => (item.type === 'event' ? [wordsOf(item.event)] : [])).join(' '),
      there.shown(),
    );
  return { world, ledger, here, there };
}

const restOf = (world: World): Resting => ({
  db: world.real,
  calendarId: world.calendarId,
  settle: () => world.settle(),
  expectExact: () => expectExactMirror(world),
});

async function perform(play: Play, next: Command): Promise<void> {
  const { world } = play;
  switch (next.do) {
    case 'user':
      return editHere(play, next.edit);
    case 'owner':
      return editThere(play, next.edit);
    case 'work':
      return workOn(world, next.interruption && interrupt(play, next.interruption));
    case 'deliver':
      return deliverAny(world, next);
    case 'fault': {
      const { operation, code } = next;
      // Only what nobody knows the answer of may have been done.
      const when = code === 'provider_unavailable' && next.isDone ? ('after' as const) : ('before' as const);
      return world.cloud.fail({ operation, code, when, retryAfterMs: 1_000 });
    }
    case 'list_fault':
      return world.cloud.fail({ code: next.code, operation: next.operation, skip: next.skip });
    case 'storm':
      return storm(play, next);
    case 'expire_cursors':
      return world.cloud.expireCursors(world.providerCalendarId);
    case 'lose_redis':
      return world.loseRedis();
    case 'tick':
      world.clock.advance(next.minutes * 60_000);
      return world.tick();
    case 'full':
      return askForFull(world);
    case 'strategy':
      return play.here.setStrategy(next.strategy);
    case 'decide':
      return decideHere(play, next.word);
    case 'habits': {
      const { do: _do, ...habits } = next;
      Object.assign(world.cloud.quirks, habits);
      return;
    }
  }
}

function interrupt(
  play: Play,
  { what, ...chosen }: typeof interruption extends fc.Arbitrary<infer T> ? T : never,
): StepHook {
  const { world } = play;
  const { point } = chosen;
  return strikeAt(world, chosen, async () => {
    switch (what.kind) {
      case 'crash':
        throw new Crash();
      case 'owner': {
        editThere(play, what.edit);
        const letter = what.delivered && point !== 'inside' ? world.letters.pop() : undefined;
        return letter && world.deliver(letter);
      }
      // Inside a transaction the calendar is locked: others would wait for it to end.
      case 'user':
        return point === 'inside' ? undefined : editHere(play, what.edit);
      case 'push':
        return point === 'inside' ? undefined : pushElsewhere(world);
      case 'take_over':
        return point === 'inside' ? undefined : takeOver(world);
    }
  });
}

/** Another worker pushes meanwhile; what becomes of it is its own queue's. */
async function pushElsewhere({ deps, calendarId }: World): Promise<void> {
  await pushCalendar(deps, calendarId, new AbortController().signal).catch(() => undefined);
}
