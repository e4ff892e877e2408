/**
 * The life of one process: settings, start, work, and an end within ten seconds, on a signal or when the parent that
 * started it is gone. It always ends by itself: what a library leaves open must not keep it alive.
 */
import { readEnvironment } from './environment.ts';
import { ConfigError, type Environment } from './load.ts';

export interface RunningProcess {
  /** Where it is reached; logged, and told to the parent, which trusts no other sign that this process listens. */
  listening: string;
  /** For the line that says so. */
  facts?: Record<string, unknown>;
  logger: { info(message: string, facts?: Record<string, unknown>): void };
  /** Finishes or hands back what it holds. */
  close(): Promise<unknown>;
}

export interface ProcessOptions {
  /** From the wish to stop to the end by force; the default lies below the 10 s that Docker waits. */
  closeMs?: number;
}

/** sysexits' EX_CONFIG: supervisors that know it do not restart in a loop. */
export const badConfiguration = 78;
const closeMsDefault = 9_500;

/** @param start may give up with any error once `stop` is aborted */
export function runProcess(
  start: (env: Environment, stop: AbortSignal) => Promise<RunningProcess>,
  { closeMs = closeMsDefault }: ProcessOptions = {},
): void {
  const stop = new AbortController();
  for (const reason of ['SIGTERM', 'SIGINT', 'disconnect']) {
    process.on(reason, () => {
      if (stop.signal.aborted) return;
      setTimeout(() => fail(new Error(`It did not close within ${closeMs / 1000} s and is ended.`)), closeMs);
      stop.abort(reason);
    });
  }
  live(start, stop.signal).then(() => process.exit(0), fail);
}

async function live(start: Parameters<typeof runProcess>[0], stop: AbortSignal): Promise<void> {
  let running: RunningProcess;
  try {
    running = await start(readEnvironment(), stop);
  } catch (error) {
    if (stop.aborted) return;
    throw error;
  }
  const { listening, facts, logger } = running;
  logger.info('Listening', { listening, ...facts });
  // A parent that is just leaving is no error: its end arrives as a disconnect.
  if (process.connected) process.send?.({ listening }, undefined, undefined, () => undefined);
  await aborted(stop);
  logger.info('Stopping', { reason: stop.reason });
  await running.close();
  logger.info('Stopped');
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

function fail(error: unknown): never {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof ConfigError ? badConfiguration : 1);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  return code === 'EADDRINUSE' ? `Port ${port ?? ''} is in use by another program.` : error.message;
}
