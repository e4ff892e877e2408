/** A wish that comes at the moment at which the one before it leaves. */
import { eventually } from '@calfleet/testkit';
import { localWrites } from '../testing/local-writes.ts';
import { mirror } from '../testing/history.ts';
import { meeting, useWorlds } from '../testing/scene.ts';

const newWorld = useWorlds();

test('it goes behind that one, and is not lost with it', async () => {
  const { world, idOf } = await mirror(await newWorld(), [meeting('m1')]);
  const [local, id] = [localWrites(world), await idOf('m1')];
  await local.change(id, { summary: 'one' });
  const isWaiting = async (): Promise<boolean> => {
    const rows = await world.real.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<unknown[]>`
        select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where not l.granted and a.datname = current_database()`,
    );
    return rows.length > 0;
  };
  const wished: Promise<unknown>[] = [];
  let steps = 0;
  world.hook = async (point) => {
    // The second transaction of a push takes the write, and has not committed yet.
    if (point !== 'inside' || (steps += 1) < 2) return;
    world.hook = null;
    wished.push(local.change(id, { summary: 'two' }));
    await eventually(isWaiting, { describe: 'the wish waits for the write that leaves' });
  };
  await world.runJob();
  await Promise.all(wished);
  while (world.jobs.length > 0) await world.runJob();
  const texts = world.cloud
    .truth(world.providerCalendarId)
    .map((item) => (item.type === 'event' ? item.event.fields.summary : null));
  expect(texts).toEqual(['two']);
  expect((await local.writes()).map(({ state }) => state)).toEqual(['applied', 'applied']);
});
