/** What an operator finds of a tick: on its stream, in its row, in its metrics; and that a failure is its own. */
import { listSchedules, type ScheduleRun } from '@calfleet/db';
import { SyncError } from '@calfleet/domain';
import { useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { runTick } from './tick.ts';

const newWorld = useWorlds();

const kept = async (world: World): Promise<ScheduleRun | undefined> => {
  const runs = await world.real.transaction({ role: 'worker' }, listSchedules);
  return runs.find(({ name }) => name === 'cleanup');
};

/** The lines of its own stream, as `level message`. */
function listening(world: World): string[] {
  const said: string[] = [];
  const say = (level: string) => (message: string) => void said.push(`${level} ${message}`);
  const stream = { info: say('info'), error: say('error') };
  const child = ({ stream: name }: Record<string, unknown>) =>
    Object.assign(Object.create(world.deps.logger) as object, name === 'calendar_cleanup' ? stream : {});
  Object.assign(world.deps, { logger: Object.assign(Object.create(world.deps.logger) as object, { child }) });
  return said;
}

test('a failure is told and kept beside the last success, and the next run is like any other', async () => {
  const world = await newWorld();
  const said = listening(world);
  const succeededAt = world.clock.now();
  await runTick(world.deps, 'cleanup', async () => ({ runs: 3 }));
  expect(await kept(world)).toMatchObject({
    outcome: 'completed',
    counts: { runs: 3 },
    error: null,
    succeeded_at: succeededAt,
  });

  world.clock.advance(60_000);
  const failure = new SyncError('provider_unavailable', 'nobody answers');
  await expect(runTick(world.deps, 'cleanup', () => Promise.reject(failure))).rejects.toBe(failure);
  expect(await kept(world)).toMatchObject({
    outcome: 'failed',
    error: 'provider_unavailable',
    started_at: world.clock.now(),
    succeeded_at: succeededAt,
  });

  world.clock.advance(60_000);
  await runTick(world.deps, 'cleanup', async () => ({ runs: 0 }));
  expect(await kept(world)).toMatchObject({
    outcome: 'completed',
    error: null,
    succeeded_at: world.clock.now(),
  });
  expect(said).toEqual([
    ...['info Tick started', 'info Tick ended'],
    ...['info Tick started', 'error Tick failed'],
    ...['info Tick started', 'info Tick ended'],
  ]);
  const counted = (await world.deps.metrics.tickRuns.get()).values;
  const outcomes = counted.map(({ labels, value }) => [labels.outcome, value]);
  expect(outcomes).toEqual(
    expect.arrayContaining([
      ['completed', 2],
      ['failed', 1],
    ]),
  );
});
