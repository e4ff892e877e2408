/**
 * What the ticks ask of a million calendars: one full page of each selection, as the worker's role, beside a page of 500
 * rows by primary key, which no selection can beat. Each is looked at with `explain` as well: planner-plans.txt.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeCensus, type Transaction } from '@calfleet/db';
import { explain, type PlanFacts } from '../../../packages/db/testing/explain.ts';
import { plantFleet } from '../../../packages/db/testing/planted-fleet.ts';
import { selectionsAt } from '../../../packages/db/testing/selections.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { median, spread, timed } from '../statistics.ts';

const repetitions = 5;
const aimMs = 200;

export async function benchPlanner(ground: Ground): Promise<Figure[]> {
  const calendars = ground.quick ? 50_000 : 1_000_000;
  const store = await ground.openStore('planner');
  try {
    const at = new Date();
    await plantFleet(store.admin, { calendars, at });
    const floor = await floorOf(store);
    const figures: Figure[] = [];
    const plans: string[] = [];
    for (const { tick, what, index, run } of selectionsAt(at)) {
      const measured = await measure(store, run);
      figures.push(figureOf({ what: `${tick}: ${what}`, calendars, floor, measured, aimed: true }));
      plans.push(`${tick}: ${what} (${index})\n${measured.plan.texts.join('\n')}`);
    }
    const census = await measure(store, (tx) => takeCensus(tx, at));
    figures.push(figureOf({ what: 'metrics: the census', calendars, floor, measured: census, aimed: false }));
    await writeFile(join(ground.folder, '..', 'bench', 'planner-plans.txt'), `${plans.join('\n\n')}\n`);
    return figures;
  } finally {
    await store.close();
  }
}

/** A page by primary key, asked as superuser by one prepared statement. */
async function floorOf(store: Store): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n <= repetitions; n += 1) {
    const ms = await timed(() =>
      store.admin.query({
        name: 'page',
        text: 'select id, next_pull_at from calendars where id > $1 order by id limit 500',
        values: ['00000000-0000-0000-0000-000000000000'],
      }),
    );
    if (n > 0) samples.push(ms);
  }
  return median(samples);
}

interface Measured {
  /** The first time: Postgres has just read the whole fleet, and not this page of it. */
  first: number;
  warm: number[];
  plan: PlanFacts;
}

async function measure(store: Store, run: (tx: Transaction) => Promise<unknown>): Promise<Measured> {
  const samples: number[] = [];
  for (let n = 0; n <= repetitions; n += 1) {
    await undone(store, async (tx) => void samples.push(await timed(() => run(tx))));
  }
  let plan: PlanFacts | null = null;
  await undone(store, async (tx) => void (plan = await explain(tx, run)));
  const [first = 0, ...warm] = samples;
  if (!plan) throw new Error('No plan.');
  return { first, warm, plan };
}

class Undo extends Error {}

/** What a selection writes is written again by the next repetition. */
async function undone(store: Store, work: (tx: Transaction) => Promise<void>): Promise<void> {
  await store.db
    .transaction({ role: 'worker', timeoutMs: 110_000 }, async (tx) => {
      await work(tx);
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
}

function figureOf(given: {
  what: string;
  calendars: number;
  floor: number;
  measured: Measured;
  aimed: boolean;
}): Figure {
  const { what, calendars, floor, measured, aimed } = given;
  const ours = median(measured.warm);
  const { indexes, scanned, buffers } = measured.plan;
  const through = [...new Set(indexes), ...scanned.map((table) => `ALL OF ${table}`)].join(', ');
  return {
    what: `${what}, of ${calendars.toLocaleString('en-US')} calendars`,
    ours,
    unit: 'ms',
    floor,
    ratio: floor / ours,
    aim: aimed ? { text: `< ${aimMs} ms`, met: ours < aimMs } : null,
    note: `first ${measured.first.toFixed(1)} ms, then ${spread(measured.warm, 1)} ms; ${buffers} pages of 8 KiB; ${through}`,
  };
}
