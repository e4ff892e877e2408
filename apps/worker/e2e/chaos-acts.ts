/** What goes wrong in the town: processes die, servers restart and forget, providers fail, notifications get lost. */
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { FaultPlan } from '@calfleet/sandbox';
import type { startOwnPostgres, startOwnRedis } from '@calfleet/testkit';
import type { Program, RunningProgram } from './bundle.ts';
import { fault, quirks } from './google-edits.ts';
import { calmGraph } from './graph-dialect.ts';
import { graphFault, graphQuirks } from './graph-edits.ts';
import type { House } from './house.ts';

export interface Stage {
  house: House;
  postgres: Awaited<ReturnType<typeof startOwnPostgres>>;
  redis: Awaited<ReturnType<typeof startOwnRedis>>;
  worker: Program;
  environment: Record<string, string>;
  workers: RunningProgram[];
  /** From 0 up to 1. */
  random: () => number;
}

/** Draws numbers that a seed repeats. https://en.wikipedia.org/wiki/Xorshift */
export function drawing(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const seedOf = ({ random }: Stage): number => Math.floor(random() * 2 ** 31);

export const startOne = ({ worker, workers, environment }: Stage): void =>
  void workers.push(worker.start(environment));

async function endOne(stage: Stage, signal: NodeJS.Signals): Promise<void> {
  const [gone] = stage.workers.splice(Math.floor(stage.random() * stage.workers.length), 1);
  gone?.process.kill(signal);
  await gone?.ended;
  startOne(stage);
}

async function forgetRedis({ redis }: Stage): Promise<void> {
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
}

/** A daily quota that is spent rightly parks its account for an hour: longer than anybody waits here. */
const isOfADay = ({ effect }: FaultPlan): boolean =>
  effect.kind === 'status' && effect.reason === 'quotaExceeded';

async function failRequests(stage: Stage): Promise<void> {
  const { faults } = stage.house.sandbox;
  for (const plan of fc.sample(fc.oneof(fault, graphFault), { seed: seedOf(stage), numRuns: 4 })) {
    if (!isOfADay(plan)) faults.add(plan);
  }
  // Whatever is asked for next, also tokens and channels: refused, cut off, or done without an answer.
  const effects = [
    { kind: 'status' as const, status: 503 },
    { kind: 'drop_before' as const },
    { kind: 'drop_after' as const },
    { kind: 'latency' as const, ms: 2_000 },
  ];
  const effect = effects[Math.floor(stage.random() * effects.length)];
  if (effect) faults.add({ skip: Math.floor(stage.random() * 5), count: 2, effect });
}

/** Lost, doubled, late and out of order; pages small, empty and repeated; cursors that die. */
async function makeAwkward(stage: Stage): Promise<void> {
  const { sandbox } = stage.house;
  for (const changes of fc.sample(quirks, { seed: seedOf(stage), numRuns: 1 })) sandbox.setQuirks(changes);
  for (const changes of fc.sample(graphQuirks, { seed: seedOf(stage), numRuns: 1 })) {
    sandbox.microsoft.setQuirks(changes);
  }
  sandbox.setQuirks({ pushDropRate: 0.3, pushDuplicateRate: 0.5, pushJitterMs: 300 });
  sandbox.microsoft.setQuirks({
    notificationLostRate: 0.3,
    notificationDuplicateRate: 0.5,
    notificationReorderRate: 0.5,
    notificationJitterMs: 300,
  });
}

/** By weight. Each leaves the servers running: what stays wrong is what the fleet makes of it. */
const acts: readonly [weight: number, name: string, act: (stage: Stage) => Promise<void>][] = [
  [6, 'a worker is killed', (stage) => endOne(stage, 'SIGKILL')],
  [2, 'a worker is stopped', (stage) => endOne(stage, 'SIGTERM')],
  [1, 'Redis restarts', ({ redis }) => redis.kill().then(() => redis.restart())],
  [1, 'Redis forgets everything', forgetRedis],
  [1, 'Postgres restarts', ({ postgres }) => postgres.kill().then(() => postgres.restart())],
  [6, 'providers fail', failRequests],
  [3, 'providers are awkward', makeAwkward],
];

/** @returns what happened */
export async function misfortune(stage: Stage): Promise<string> {
  let left = stage.random() * acts.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, name, act] of acts) {
    left -= weight;
    if (left > 0) continue;
    await act(stage);
    return name;
  }
  return 'nothing';
}

/** Nothing goes wrong any more. */
export function calmDown({ house: { sandbox } }: Stage): void {
  sandbox.faults.clear();
  sandbox.setQuirks({ pushDropRate: 0, pushDuplicateRate: 0, pushJitterMs: 0 });
  sandbox.microsoft.setQuirks({
    ...calmGraph,
    notificationLostRate: 0,
    notificationDuplicateRate: 0,
    notificationReorderRate: 0,
    notificationJitterMs: 0,
  });
}
