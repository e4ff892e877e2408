/** A producer and workers on a test's Redis, with handlers for the jobs that the test is about. */
import type { Schedule } from '@calfleet/config';
import type { Logger } from '@calfleet/telemetry';
import { catalog, tickNames, type JobName, type TickName } from './catalog.ts';
import type { Handlers, Outcome, RedisAddress, Workers, WorkersOptions } from './contract.ts';
import { createProducer } from './producer.ts';
import { startWorkers } from './workers.ts';

export interface Line {
  level: string;
  message: string;
  facts: Record<string, unknown>;
}

/** @param options.timeoutMs of an add; the default is so long that no machine is too slow for it */
export function fleetOn(address: RedisAddress, options: { timeoutMs?: number | undefined } = {}) {
  const lines: Line[] = [];
  const started: Workers[] = [];
  const { timeoutMs = 30_000 } = options;
  const producer = createProducer({ ...address, onError: () => undefined, timeoutMs });
  const logger = recorder(lines);
  return {
    producer,
    lines,
    work: (handlers: Partial<Handlers>, options: Partial<WorkersOptions> = {}): Workers => {
      const workers = startWorkers({
        ...address,
        handlers: { ...refusing(), ...handlers },
        outcomeOf: (): Outcome => ({ action: 'retry' }),
        logger,
        ...options,
      });
      started.push(workers);
      return workers;
    },
    close: async () => {
      await Promise.all(started.map((workers) => workers.close({ timeoutMs: 3000 })));
      await producer.close();
    },
  };
}

/** Schedules that do not come round while a test runs. */
export const slowSchedules = (): Record<TickName, Schedule> =>
  Object.fromEntries(tickNames.map((name) => [name, { everyMs: 3_600_000 }])) as Record<TickName, Schedule>;

/** A promise that a test settles by hand. */
export function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const refusing = (): Handlers =>
  Object.fromEntries(
    Object.keys(catalog).map((name) => [
      name as JobName,
      () => Promise.reject(new Error(`this test has no handler for ${name}`)),
    ]),
  ) as unknown as Handlers;

function recorder(lines: Line[]): Logger {
  const write =
    (level: string) =>
    (message: string, facts: Record<string, unknown> = {}) =>
      void lines.push({ level, message, facts });
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return logger;
}
