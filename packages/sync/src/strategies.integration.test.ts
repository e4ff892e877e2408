/** Every strategy against each kind of collision, with the exact outcome; docs/CONFLICTS.md shows the same table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectExactMirror } from '../testing/mirror.ts';
import { hint, pullNow, setStrategy, useWorlds } from '../testing/scene.ts';
import { columns, strategyCases, strategyOf } from '../testing/strategy-cases.ts';
import { conflictsDoc } from '../testing/strategy-doc.ts';
import { outcomeOf } from '../testing/strategy-outcome.ts';
import { Scene } from '../testing/strategy-scene.ts';
import { work } from '../testing/quiet.ts';

const newWorld = useWorlds();

describe.each(strategyCases)('$title', ({ before, play, outcomes }) => {
  test.each(columns)('%s', async (column) => {
    const world = await newWorld();
    const scene = new Scene(world, column);
    before(scene);
    await setStrategy(world, strategyOf(column));
    await pullNow(world);
    await play(scene);
    await work(world);
    await hint(world);
    await pullNow(world);
    await work(world);
    await world.settle();
    await expectExactMirror(world);
    expect(await outcomeOf(world)).toEqual(outcomes[column]);
  });
});

test('docs/CONFLICTS.md shows what is tested here; "npm run generate" writes it anew', () => {
  expect(readFileSync(join(process.cwd(), 'docs/CONFLICTS.md'), 'utf8')).toBe(conflictsDoc());
});
