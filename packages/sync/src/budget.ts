/** How far a piece of a tick may go: so many batches, so long, and not while the process stops. */
export interface Budget {
  take(): void;
  isSpent(): boolean;
  /** The process stops: not even what was begun is finished. */
  mustStop(): boolean;
}

export function createBudget(limits: { batches: number; ms: number; signal: AbortSignal | null }): Budget {
  const since = performance.now();
  let taken = 0;
  const mustStop = (): boolean => limits.signal?.aborted ?? false;
  return {
    take: () => (taken += 1),
    isSpent: () => mustStop() || taken >= limits.batches || performance.now() - since >= limits.ms,
    mustStop,
  };
}
