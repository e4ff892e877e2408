/**
 * The model of both ways over HTTP, on both sandboxes: any history of edits here and there, with lost answers, refusals
 * and owners who edit before each write. `MODEL_TWO_WAY_HTTP_RUNS` chooses how many histories per provider; a failure
 * prints its seed and path, `MODEL_HTTP_SEED` and `MODEL_HTTP_PATH` replay it.
 */
import type { CalendarOwner, FaultPlan } from '@calfleet/sandbox';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import fc from 'fast-check';
import { Ledger } from '../../../packages/sync/testing/ledger.ts';
import { to } from '../../../packages/sync/testing/model-steps.ts';
import {
  decideHere,
  editHere,
  editThere,
  localEdit,
  ownerEdit,
  personsWord,
  storm,
  strategy,
  type OwnerEdit,
  type Sides,
  type There,
} from '../../../packages/sync/testing/two-way-commands.ts';
import { hereIn } from '../../../packages/sync/testing/two-way-memory.ts';
import { expectRest } from '../../../packages/sync/testing/two-way-rest.ts';
import { email, googleDialect } from './google-dialect.ts';
import { expectExact } from './google-truth.ts';
import { openGraphDialect, type GraphCalendars } from './graph-dialect.ts';
import { expectExactGraph } from './graph-truth.ts';
import { ModelWorld, userOf } from './model-world.ts';
import { googleSide, graphSide } from './two-way-sides.ts';

const runs = Number(process.env['MODEL_TWO_WAY_HTTP_RUNS'] ?? 15);
const seed = Number(process.env['MODEL_HTTP_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['MODEL_HTTP_PATH'];

const effect = fc.constantFrom<FaultPlan['effect']>(
  { kind: 'drop_before' },
  { kind: 'drop_after' },
  { kind: 'torn_body' },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 412 },
  { kind: 'status', status: 400 },
);

const command = fc.oneof(
  to(7, 'user', { edit: localEdit }),
  to(4, 'owner', { edit: ownerEdit }),
  to(8, 'work', {}),
  to(3, 'deliver', { nth: fc.nat(20), copies: fc.integer({ min: 0, max: 2 }) }),
  to(4, 'fault', { effect, writes: fc.constantFrom(true, true, false), skip: fc.nat(1) }),
  to(2, 'storm', { times: fc.integer({ min: 1, max: 5 }), edit: ownerEdit }),
  to(3, 'tick', { minutes: fc.constantFrom(0, 1, 16, 61) }),
  to(1, 'full', {}),
  to(1, 'lose_redis', {}),
  to(1, 'strategy', { strategy }),
  to(2, 'decide', { word: personsWord }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

interface Play<Owner> extends Sides {
  world: ModelWorld<Owner>;
}

/** What a history needs to know of a provider. */
interface Stage<Owner> {
  world: ModelWorld<Owner>;
  there: (owner: Owner) => There;
  expectExact: () => Promise<void>;
  operations: { writes: FaultPlan['operation']; reads: FaultPlan['operation'] };
  close: () => Promise<void>;
}

async function googleStage({ url }: TestDatabase): Promise<Stage<CalendarOwner>> {
  const world = await ModelWorld.open(url, googleDialect);
  return {
    world,
    there: googleSide,
    expectExact: () => expectExact({ ...world, email }),
    operations: {
      writes: ['events.insert', 'events.patch', 'events.update', 'events.delete'],
      reads: ['events.list', 'events.get'],
    },
    close: () => world.close(),
  };
}

async function graphStage({ url }: TestDatabase): Promise<Stage<GraphCalendars>> {
  const dialect = await openGraphDialect();
  const world = await ModelWorld.open(url, dialect);
  return {
    world,
    there: ({ calendar }) => graphSide(calendar),
    expectExact: () => expectExactGraph({ ...world, calendar: world.owner.calendar }),
    operations: {
      writes: ['graph.event.create', 'graph.event.update', 'graph.event.delete'],
      reads: ['graph.delta', 'graph.batch', 'graph.event.get'],
    },
    close: async () => {
      await world.close();
      dialect.close();
    },
  };
}

test.each(['google', 'microsoft'] as const)(
  `%s: nothing is lost, doubled or left over after any history (seed ${seed}, ${runs} runs)`,
  async (provider) => {
    const database = await createTestDatabase();
    try {
      await (provider === 'google' ? play(await googleStage(database)) : play(await graphStage(database)));
    } finally {
      await database.drop();
    }
  },
  Math.max(900_000, runs * 30_000),
);

async function play<Owner>(stage: Stage<Owner>): Promise<void> {
  const history = async (edits: OwnerEdit[], commands: Command[]): Promise<void> => {
    const play = await begin(stage);
    const { world } = play;
    edits.forEach((edit) => editThere(play, edit));
    for (const next of commands) await perform(stage, play, next);
    world.onAsk = world.onWrite = null;
    await expectRest(play, { ...world, settle: () => world.settle(), expectExact: stage.expectExact });
  };
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(ownerEdit, { minLength: 1, maxLength: 4, size: 'max' }),
        fc.array(command, { minLength: 5, maxLength: 30, size: 'max' }),
        history,
      ),
      {
        numRuns: runs,
        seed,
        endOnFailure: process.env['CI'] !== undefined,
        ...(path !== undefined && { path }),
      },
    );
  } finally {
    await stage.close();
  }
}

async function begin<Owner>({ world, there: sideOf }: Stage<Owner>): Promise<Play<Owner>> {
  world.onAsk = world.onWrite = world.onWritten = null;
  await world.begin();
  const ledger = new Ledger();
  const there = sideOf(world.owner);
  const { deps, db: real, accountId, calendarId } = world;
  const here = hereIn({ deps, real, accountId, calendarId, userId: userOf(accountId) });
  world.shown = () => there.shown();
  world.onWritten = (before) => {
    const after = there.shown();
    if (after !== before) ledger.wrote(before, after);
  };
  return { world, here, there, ledger };
}

async function perform<Owner>({ operations }: Stage<Owner>, play: Play<Owner>, next: Command): Promise<void> {
  const { world } = play;
  switch (next.do) {
    case 'user':
      return editHere(play, next.edit);
    case 'owner':
      return editThere(play, next.edit);
    case 'work':
      await world.runJob();
      return;
    case 'deliver':
      return world.deliver(next);
    case 'fault': {
      const { effect: struck, skip } = next;
      const operation = next.writes ? operations.writes : operations.reads;
      world.sandbox.faults.add({ operation, effect: struck, skip, count: 1 });
      return;
    }
    case 'storm':
      return storm(play, next);
    case 'tick':
      world.clock.advance(next.minutes * 60_000);
      return world.tick();
    case 'full':
      return world.askForFull();
    case 'lose_redis':
      return world.loseRedis();
    case 'strategy':
      return play.here.setStrategy(next.strategy);
    case 'decide':
      return decideHere(play, next.word);
  }
}
