/** The API as a process: Postgres and Redis, no provider. */
import { apiConfig, runProcess } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock } from '@calfleet/domain';
import { createProducer } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createVault } from '@calfleet/vault';
import { startApi } from './server.ts';

runProcess(async (env) => {
  const config = apiConfig(env);
  const logger = createLogger({ service: 'api', level: config.logLevel });
  const producer = createProducer({
    redisUrl: config.redisUrl,
    prefix: config.redisPrefix,
    onError: (error) => logger.warn('Redis is away or in trouble', { error }),
  });
  // A statement takes milliseconds: 20 connections serve thousands of requests a second.
  const db = openDatabase({ url: config.databaseUrl, poolSize: 20, applicationName: 'calfleet-api' });
  const api = await startApi({
    config,
    db,
    producer,
    vault: createVault(config.tokenEncryptionKeys),
    logger,
    metrics: createMetrics('api'),
    clock: systemClock,
  });
  return {
    listening: api.url,
    logger,
    close: () => api.close().then(() => Promise.allSettled([producer.close(), db.close()])),
  };
});
