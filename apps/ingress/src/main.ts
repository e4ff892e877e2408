/** The ingress as a process: Redis and signing keys, no database, no provider. */
import { ingressConfig, runProcess } from '@calfleet/config';
import { systemClock } from '@calfleet/domain';
import { createProducer } from '@calfleet/jobs';
import { createLogger, createMetrics, startTracing } from '@calfleet/telemetry';
import { createChannelSigner } from '@calfleet/vault';
import { startIngress } from './ingress.ts';

runProcess(async (env) => {
  const config = ingressConfig(env);
  const logger = createLogger({ service: 'ingress', level: config.logLevel });
  const tracing = await startTracing({ service: 'calfleet-ingress', env, logger });
  const producer = createProducer({
    redisUrl: config.redisUrl,
    prefix: config.redisPrefix,
    onError: (error) => logger.warn('Redis is away or in trouble', { error }),
  });
  const ingress = await startIngress({
    config: { port: config.port },
    producer,
    signer: createChannelSigner(config.channelSigningKeys),
    logger,
    metrics: createMetrics('ingress'),
    clock: systemClock,
  });
  return {
    listening: ingress.url,
    logger,
    close: async () => {
      await ingress.close({ linger: true, timeoutMs: 4_000 });
      await producer.close();
      await tracing.close();
    },
  };
});
