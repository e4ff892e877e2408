/** Every guard there is, in the order in which they are taken out. */
import { readFileSync } from 'node:fs';
import { budget } from './budget.ts';
import { callersGuards } from './callers.ts';
import { fleet } from './fleet.ts';
import { hardeningGuards } from './hardening.ts';
import { invariants } from './invariants.ts';
import { leavingGuards } from './leaving.ts';
import { twoWay } from './two-way.ts';
import { vaultGuards } from './vault.ts';
import { windowed } from './windowed.ts';
import { writeBrake } from './write-brake.ts';
import type { Guard } from './guard.ts';

export const guards: readonly Guard[] = [
  ...invariants,
  ...windowed,
  ...budget,
  ...fleet,
  ...twoWay,
  ...writeBrake,
  ...callersGuards,
  ...leavingGuards,
  ...vaultGuards,
  ...hardeningGuards,
];

/** What is wrong with the place of a guard; '': it stands where it should. Imports are alike in many places. */
export function misplaced({ invariant, file, guard }: Guard): string {
  const count = readFileSync(file, 'utf8').split(guard).length - 1;
  const isRight = invariant === 'I3' ? count > 0 : count === 1;
  return isRight ? '' : `the guard stands ${count} times in ${file}`;
}
