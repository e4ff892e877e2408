/** What of the table is wanted, and how large. */
import { parseArgs } from 'node:util';

export const partNames = [
  'mirror',
  'incremental',
  'ingress',
  'batches',
  'latency',
  'writes',
  'memory',
  'calls',
  'week',
  'microsoft',
  'planner',
  'fleet',
  'fairness',
  'cost',
  'doors',
] as const;
export type PartName = (typeof partNames)[number];

export interface BenchOptions {
  parts: readonly PartName[];
  /** Small sizes and few repetitions: shows that everything runs, not what it is worth. */
  quick: boolean;
}

/** @throws when an argument is not known */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
  });
  const wanted = (values.only ?? []).flatMap((list) => list.split(','));
  const unknown = wanted.filter((name) => !partNames.some((part) => part === name));
  if (unknown.length > 0) {
    throw new Error(`No such part: ${unknown.join(', ')}. There are ${partNames.join(', ')}.`);
  }
  const parts = wanted.length === 0 ? partNames : partNames.filter((part) => wanted.includes(part));
  return { parts, quick: values.quick };
}
