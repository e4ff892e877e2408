/** The worker as a process, whose work others take over two seconds after its death instead of twenty-five. */
import { runProcess, workerConfig } from '@calfleet/config';
import { systemClock } from '@calfleet/domain';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { startWorker } from '../src/index.ts';

runProcess(async (env) => {
  const config = workerConfig(env);
  const logger = createLogger({ service: 'hasty-worker', level: config.logLevel });
  const worker = await startWorker({
    config: { ...config, host: '127.0.0.1' },
    clock: systemClock,
    logger,
    metrics: createMetrics('worker'),
    timings: { lockMs: 1_500, stalledCheckMs: 500 },
  });
  return { listening: worker.healthUrl, facts: {}, logger, close: () => worker.close() };
});
