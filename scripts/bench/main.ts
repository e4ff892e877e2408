/**
 * `npm run bench`: each figure beside its floor, measured in the same run on the same machine, with the ratio.
 * `--only mirror,week` runs parts of it, `--quick` shows in a minute that everything runs.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { notes, table, type Figure, type Machine } from './figures.ts';
import { openGround, type Ground, type Store } from './ground.ts';
import { readOptions, type BenchOptions, type PartName } from './options.ts';
import { benchBatches } from './parts/batches.ts';
import { benchCalls } from './parts/calls.ts';
import { benchCost } from './parts/cost.ts';
import { benchDoors } from './parts/doors.ts';
import { benchFairness } from './parts/fairness.ts';
import { benchFleet } from './parts/fleet.ts';
import { benchIncremental } from './parts/incremental.ts';
import { benchIngress } from './parts/ingress.ts';
import { benchLatency } from './parts/latency.ts';
import { benchMemory } from './parts/memory.ts';
import { benchMicrosoft } from './parts/microsoft.ts';
import { benchMirror } from './parts/mirror.ts';
import { benchPlanner } from './parts/planner.ts';
import { benchWeek } from './parts/week.ts';
import { benchWrites } from './parts/writes.ts';

type Part = (ground: Ground, shared: () => Promise<Store>) => Promise<Figure[]>;

const bench: Record<PartName, Part> = {
  mirror: benchMirror,
  incremental: benchIncremental,
  ingress: benchIngress,
  batches: benchBatches,
  latency: benchLatency,
  writes: benchWrites,
  // The large calendar that one of them mirrors, the other asks about.
  memory: async (ground, shared) => benchMemory(ground, await shared()),
  week: async (ground, shared) => benchWeek(ground, await shared()),
  calls: benchCalls,
  microsoft: benchMicrosoft,
  planner: benchPlanner,
  fleet: benchFleet,
  fairness: benchFairness,
  cost: benchCost,
  doors: benchDoors,
};

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const root = process.cwd();
  const folder = join(root, '.calfleet', 'bench');
  await mkdir(folder, { recursive: true });
  const ground = await openGround(root, options.quick);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void ground.close().finally(() => process.exit(130)));
  }
  const before = loadavg()[0] ?? 0;
  const figures = await runParts(ground, options).finally(() => ground.close());
  const machine = machineOf(ground, before);
  console.log(`${table(figures)}\n\n${notes(figures)}\n\n${JSON.stringify(machine)}`);
  await writeFile(join(folder, 'latest.json'), `${JSON.stringify({ machine, figures }, null, 2)}\n`);
}

async function runParts(ground: Ground, { parts }: BenchOptions): Promise<Figure[]> {
  let opened: Promise<Store> | null = null;
  const shared = (): Promise<Store> => (opened ??= ground.openStore('large'));
  const figures: Figure[] = [];
  for (const part of parts) {
    const startedAt = performance.now();
    process.stderr.write(`${part} … `);
    try {
      figures.push(...(await bench[part](ground, shared)));
      process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`);
    } catch (error) {
      // What the other parts measured is not lost for it.
      console.error(error);
      process.exitCode = 1;
    }
  }
  return figures;
}

/** The load is the last minute's, ours and our neighbours': above the cores, figures are too low. */
const machineOf = (ground: Ground, loadAtStart: number): Machine => ({
  cores: cpus().length,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  node: process.version,
  ...ground.versions,
  durability: 'Postgres as shipped (fsync and synchronous_commit on), Redis append-only file every second',
  loadAtStart,
  loadAtEnd: loadavg()[0] ?? 0,
  quick: ground.quick,
  at: new Date().toISOString(),
});

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
