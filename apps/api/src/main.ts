/** The API as a process: Postgres and Redis, no provider. */
import { apiConfig, runProcess } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock } from '@calfleet/domain';
import { createProducer, createQueueBoardSource } from '@calfleet/jobs';
import { createLogger, createMetrics, startTracing } from '@calfleet/telemetry';
import { createVault } from '@calfleet/vault';
import { startApi } from './server.ts';

runProcess(async (env) => {
  const config = apiConfig(env);
  const logger = createLogger({ service: 'api', level: config.logLevel });
  const tracing = await startTracing({ service: 'calfleet-api', env, logger });
  const redis = { redisUrl: config.redisUrl, prefix: config.redisPrefix };
  const producer = createProducer({
    ...redis,
    onError: (error) => logger.warn('Redis is away or in trouble', { error }),
  });
  // The producer reports the same outage.
  const queueBoard = createQueueBoardSource({ ...redis, onError: () => undefined });
  // A statement takes milliseconds: 20 connections serve thousands of requests a second.
  const db = openDatabase({ url: config.databaseUrl, poolSize: 20, applicationName: 'calfleet-api' });
  const api = await startApi({
    config,
    db,
    producer,
    queueBoard,
    vault: createVault(config.tokenEncryptionKeys),
    logger,
    metrics: createMetrics('api'),
    clock: systemClock,
  });
  return {
    listening: api.url,
    logger,
    close: async () => {
      await api.close({ linger: true, timeoutMs: 4_000 });
      await Promise.allSettled([producer.close(), queueBoard.close(), db.close()]);
      await tracing.close();
    },
  };
});
