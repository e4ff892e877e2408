/** How long a failed job waits: doubling, half of it jitter so that a fleet does not come back in step. */

/** So that work resumes within half a minute of a long outage's end, however long it was. */
const longestMs = 30_000;

/**
 * @param attempt 1 after the first failure
 * @param random 0 up to 1
 */
export function backoffMs(firstMs: number, attempt: number, random: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full / 2 + (full / 2) * random);
}
