/** Bounded waiting: every wait of this package ends, either with what was awaited or with an error that names it. */
import { setTimeout as pause } from 'node:timers/promises';

export async function waitUntil(
  isDone: () => boolean | Promise<boolean>,
  options: { timeoutMs: number; what: string; everyMs?: number },
): Promise<void> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  while (!(await isDone())) {
    if (deadline.aborted) throw new Error(`Waited ${options.timeoutMs} ms in vain for ${options.what}.`);
    await pause(options.everyMs ?? 20);
  }
}
