/** The API as a process: Postgres and Redis, and of the providers their consent alone. */
import { apiConfig, runProcess } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock } from '@calfleet/domain';
import { createCallerThrottle, createProducer, createQueueBoardSource } from '@calfleet/jobs';
import { createConsents } from '@calfleet/providers';
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
  const throttle = createCallerThrottle({
    ...redis,
    onError: (error) => logger.warn('Callers are not counted: Redis is away or in trouble', { error }),
  });
  // A statement takes milliseconds: 20 connections serve thousands of requests a second.
  const db = openDatabase({ url: config.databaseUrl, poolSize: 20, applicationName: 'calfleet-api' });
  const api = await startApi({
    config,
    db,
    producer,
    queueBoard,
    throttle,
    vault: createVault(config.tokenEncryptionKeys),
    connect: {
      // A user waits in front of the page.
      consents: createConsents({ timeoutMs: 10_000, ...config.providers }),
      publicUrl: config.publicUrl,
      redirectUris: config.redirectUris,
    },
    logger,
    metrics: createMetrics('api'),
    clock: systemClock,
  });
  return {
    listening: api.url,
    logger,
    close: async () => {
      await api.close({ linger: true, timeoutMs: 4_000 });
      await Promise.allSettled([producer.close(), queueBoard.close(), throttle.close(), db.close()]);
      await tracing.close();
    },
  };
});
