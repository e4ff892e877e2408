/**
 * The model of the mirror on Google's dialect, over HTTP: any history of edits, with a provider that is as awkward as
 * it may be. `MODEL_HTTP_RUNS` chooses how many histories; a failure prints its seed, `MODEL_HTTP_SEED` replays it.
 */
import type { CalendarOwner } from '@calfleet/sandbox';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import fc from 'fast-check';
import { applyEdit, edit, fault, quirks } from './google-edits.ts';
import { email, googleDialect } from './google-dialect.ts';
import { ModelWorld } from './model-world.ts';
import { expectExact } from './google-truth.ts';

const runs = Number(process.env['MODEL_HTTP_RUNS'] ?? 30);
const seed = Number(process.env['MODEL_HTTP_SEED'] ?? Date.now() % 2 ** 31);

const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('edit' as const), edit }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('work' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      nth: fc.nat(20),
      copies: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('quirks' as const), quirks }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fault' as const), fault }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('tick' as const), minutes: fc.constantFrom(0, 1, 16, 25, 61) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('expire' as const),
      what: fc.constantFrom('sync', 'page', 'access'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('full' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose_redis' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

let database: TestDatabase;
let world: ModelWorld<CalendarOwner>;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await ModelWorld.open(database.url, googleDialect);
});

afterAll(async () => {
  await world.close();
  await database.drop();
});

test(
  `over HTTP the mirror equals its provider after any history (seed ${seed}, ${runs} runs)`,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { maxLength: 10 }),
        fc.array(command, { minLength: 5, maxLength: 40 }),
        async (first, commands) => {
          await world.begin();
          first.forEach((change) => applyEdit(world.owner, change));
          for (const next of commands) await perform(next);
          await world.settle();
          await expectExact({
            db: world.db,
            sandbox: world.sandbox,
            calendarId: world.calendarId,
            owner: world.owner,
            email,
          });
          expect(await world.audit()).toEqual({ outcome: 'completed', differences: 0 });
        },
      ),
      { numRuns: runs, seed, endOnFailure: process.env['CI'] !== undefined },
    );
  },
  Math.max(900_000, runs * 30_000),
);

async function perform(next: Command): Promise<void> {
  const { owner, sandbox } = world;
  switch (next.do) {
    case 'edit':
      return applyEdit(owner, next.edit);
    case 'work':
      await world.runJob();
      return;
    case 'deliver':
      return world.deliver(next);
    case 'quirks':
      return sandbox.setQuirks(next.quirks);
    case 'fault':
      sandbox.faults.add(next.fault);
      return;
    case 'tick':
      world.clock.advance(next.minutes * 60_000);
      return world.tick();
    case 'expire':
      if (next.what === 'sync') owner.expireSyncTokens();
      else if (next.what === 'page') owner.expirePageTokens();
      else sandbox.google.account(email).expireAccessTokens();
      return;
    case 'full':
      return world.askForFull();
    case 'lose_redis':
      return world.loseRedis();
  }
}
