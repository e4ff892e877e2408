/** Bounded polling for tests: the answer to "it will be so in a moment" that needs no sleep. */
import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Default: 60 000. Longer than anything takes on a slow machine: it is spent only on what never comes. */
  timeoutMs?: number;
  /** Default: 25. */
  everyMs?: number;
  /** What is awaited, for the message of a failure. */
  describe?: string;
}

/**
 * Repeats the check until it neither throws nor returns false.
 * @returns what the check returned
 * @throws the last failure of the check, with the waiting time in its message
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, false>> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const deadline = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const isLast = deadline.aborted;
    const outcome = await attempt(check);
    if ('value' in outcome) return outcome.value;
    if (isLast) throw failure(outcome.error, `${options.describe ?? 'the check'}, after ${timeoutMs} ms`);
    await pause(options.everyMs ?? 25);
  }
}

async function attempt<T>(
  check: () => T | Promise<T>,
): Promise<{ value: Exclude<T, false> } | { error: unknown }> {
  try {
    const value = await check();
    if (value === false) return { error: new Error('It is still false.') };
    return { value: value as Exclude<T, false> };
  } catch (error) {
    return { error };
  }
}

/** Keeps the error itself (jest prints its diff and place) and says what was waited for. */
function failure(error: unknown, what: string): Error {
  if (!(error instanceof Error)) return new Error(`${what}: ${String(error)}`);
  error.message = `${what}: ${error.message}`;
  return error;
}
