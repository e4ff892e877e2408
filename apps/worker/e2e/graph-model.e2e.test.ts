/**
 * The model of the mirror on Graph's dialect, over HTTP: any history of edits, with every quirk switched on and off at
 * random. `MODEL_HTTP_RUNS` chooses how many histories; a failure prints its seed, `MODEL_HTTP_SEED` replays it.
 */
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import fc from 'fast-check';
import { to } from '../../../packages/sync/testing/model-steps.ts';
import { mailbox, openGraphDialect, type GraphCalendars } from './graph-dialect.ts';
import { applyGraphEdit, graphEdit, graphFault, graphQuirks } from './graph-edits.ts';
import { expectExactGraph } from './graph-truth.ts';
import { ModelWorld } from './model-world.ts';

const runs = Number(process.env['MODEL_HTTP_RUNS'] ?? 30);
const seed = Number(process.env['MODEL_HTTP_SEED'] ?? Date.now() % 2 ** 31);

const command = fc.oneof(
  to(8, 'edit', { edit: graphEdit }),
  to(6, 'work', {}),
  to(4, 'deliver', { nth: fc.nat(20), copies: fc.integer({ min: 0, max: 2 }) }),
  to(3, 'quirks', { quirks: graphQuirks }),
  to(3, 'fault', { fault: graphFault }),
  // Weeks, too: windows roll.
  to(2, 'tick', { minutes: fc.constantFrom(0, 1, 16, 25, 61, 1_500, 35_000) }),
  to(1, 'expire', { what: fc.constantFrom('delta', 'page', 'access') }),
  to(1, 'full', {}),
  to(1, 'lose_redis', {}),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

let database: TestDatabase;
let dialect: Awaited<ReturnType<typeof openGraphDialect>>;
let world: ModelWorld<GraphCalendars>;

beforeAll(async () => {
  database = await createTestDatabase();
  dialect = await openGraphDialect();
  world = await ModelWorld.open(database.url, dialect);
});

afterAll(async () => {
  await world.close();
  dialect.close();
  await database.drop();
});

test(
  `over HTTP the mirror equals Outlook inside its window after any history (seed ${seed}, ${runs} runs)`,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(graphEdit, { maxLength: 10 }),
        fc.array(command, { minLength: 5, maxLength: 40 }),
        // How a mailbox names occurrences does not change from one day to the next: nobody would announce it.
        fc.constantFrom('own' as const, 'series' as const),
        async (first, commands, occurrenceICalUId) => {
          await world.begin();
          world.sandbox.microsoft.setQuirks({ occurrenceICalUId });
          first.forEach((change) => applyGraphEdit(world.owner, change));
          for (const next of commands) await perform(next);
          await world.settle();
          await expectExactGraph({ ...world, calendar: world.owner.calendar });
          expect((await world.audit()).differences).toBe(0);
        },
      ),
      { numRuns: runs, seed, endOnFailure: process.env['CI'] !== undefined },
    );
  },
  Math.max(300_000, runs * 10_000),
);

async function perform(next: Command): Promise<void> {
  const { owner, sandbox } = world;
  switch (next.do) {
    case 'edit':
      return applyGraphEdit(owner, next.edit);
    case 'work':
      await world.runJob();
      return;
    case 'deliver':
      return world.deliver(next);
    case 'quirks':
      return sandbox.microsoft.setQuirks(next.quirks);
    case 'fault':
      sandbox.faults.add(next.fault);
      return;
    case 'tick':
      world.clock.advance(next.minutes * 60_000);
      return world.tick();
    case 'expire':
      if (next.what === 'delta') owner.calendar.expireDeltaLinks();
      else if (next.what === 'page') owner.calendar.expireNextLinks();
      else sandbox.microsoft.mailbox(mailbox).expireAccessTokens();
      return;
    case 'full':
      return world.askForFull();
    case 'lose_redis':
      return world.loseRedis();
  }
}
