/** Numbers out of samples. Medians, since a busy neighbour spoils a mean. */

export const median = (samples: readonly number[]): number => percentile(samples, 50);

/** Nearest rank. @throws when there are no samples */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('Nothing was measured.');
  return value;
}

/** How long it took, milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Smallest to largest, for a note. */
export const spread = (samples: readonly number[], digits = 0): string =>
  `${Math.min(...samples).toFixed(digits)}–${Math.max(...samples).toFixed(digits)}`;
