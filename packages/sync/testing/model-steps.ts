/** What the histories of models are made of, whatever they are about: steps that fast-check can shrink, and what befalls a job. */
import fc from 'fast-check';
import { requestFullRound } from '@calfleet/db';
import type { Point, StepHook, World } from './world.ts';

/** A step of a history: its name, how often it comes, and what it needs. */
export const step = <Key extends string, Name extends string, More extends object>(
  key: Key,
  name: Name,
  weight: number,
  more: { [Of in keyof More]: fc.Arbitrary<More[Of]> },
) => ({
  weight,
  arbitrary: (fc.record(more) as fc.Arbitrary<More>).map(
    (rest) => ({ [key]: name, ...rest }) as Record<Key, Name> & More,
  ),
});

export const to = <Name extends string, More extends object>(
  weight: number,
  name: Name,
  more: { [Of in keyof More]: fc.Arbitrary<More[Of]> },
) => step('do', name, weight, more);

/** One point of one transaction of a job. */
export const moment = (stepsMax: number) => ({
  step: fc.nat(stepsMax),
  point: fc.constantFrom<Point>('before', 'inside', 'after'),
});

/** Counts transactions and strikes once at the chosen one. */
export function strikeAt(
  world: World,
  chosen: { step: number; point: Point },
  strike: () => Promise<void>,
): StepHook {
  let steps = 0;
  return async (point) => {
    if (point === 'before') steps += 1;
    if (steps !== chosen.step + 1 || point !== chosen.point) return;
    world.hook = null;
    await strike();
  };
}

/** A worker does one job, or dies at it: then its lease runs out. */
export async function workOn(world: World, hook: StepHook | null): Promise<void> {
  world.hook = hook;
  if ((await world.runJob()) === 'crashed') await world.expireLease();
  world.hook = null;
}

/** Any letter, not the oldest: reordered. No copy: lost. Two: repeated. */
export async function deliverAny(
  world: World,
  { which, copies }: { which: number; copies: number },
): Promise<void> {
  const [letter] = world.letters.splice(which % Math.max(1, world.letters.length), 1);
  for (let copy = 0; letter && copy < copies; copy += 1) await world.deliver(letter);
}

export const askForFull = ({ real, calendarId }: World): Promise<void> =>
  real.transaction({ role: 'worker' }, (tx) => requestFullRound(tx, calendarId));

/** This worker slept too long: its lease ran out, and another one does the whole work before it wakes up. */
export async function takeOver(world: World): Promise<void> {
  await world.expireLease();
  await world.tick();
  await world.runJob();
}
