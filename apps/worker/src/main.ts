/** The worker as a process: Postgres, Redis and the providers, wired from the environment. */
import { runProcess, workerConfig } from '@calfleet/config';
import { systemClock } from '@calfleet/domain';
import { createLogger, createMetrics, startTracing } from '@calfleet/telemetry';
import { startWorker } from './start.ts';

runProcess(async (env, signal) => {
  const config = workerConfig(env);
  const logger = createLogger({ service: 'worker', level: config.logLevel });
  const tracing = await startTracing({ service: 'calfleet-worker', env, logger });
  const worker = await startWorker({
    config,
    clock: systemClock,
    logger,
    metrics: createMetrics('worker'),
    signal,
  });
  return {
    listening: worker.healthUrl,
    facts: { queues: config.queues },
    logger,
    close: () => worker.close().then(() => tracing.close()),
  };
});
