/**
 * A worker as far as tokens are concerned, in a process of its own: many jobs ask for the access token of one account at the
 * same time. Says when they do, and in the end which tokens they were given, by their hashes.
 */
import { createHash } from 'node:crypto';
import { workerConfig } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock, type AccountId, type ProviderName } from '@calfleet/domain';
import { createLimiter, createProducer } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createEngine } from '../src/engine.ts';

const say = (fact: unknown): void => void process.stdout.write(`${JSON.stringify(fact)}\n`);

async function main(): Promise<void> {
  const config = workerConfig(process.env);
  const { ASK_ACCOUNT = '', ASK_PROVIDER = '', ASK_JOBS = '1', ASK_REFUSED } = process.env;
  const db = openDatabase({ url: config.databaseUrl, poolSize: 4, applicationName: 'calfleet-token-asker' });
  const address = { redisUrl: config.redisUrl, prefix: config.redisPrefix };
  const producer = createProducer({ ...address, onError: () => undefined });
  const limiter = createLimiter(address);
  const logger = createLogger({ service: 'worker', level: 'error' });
  const parts = { db, producer, limiter, logger, metrics: createMetrics(), clock: systemClock };
  const { sessions } = createEngine(config, parts);
  const jobs = Array.from({ length: Number(ASK_JOBS) }, () =>
    sessions.open({ accountId: ASK_ACCOUNT as AccountId, provider: ASK_PROVIDER as ProviderName }),
  );
  // Each job went out with the token that is refused to it now.
  if (ASK_REFUSED !== undefined) await Promise.all(jobs.map((job) => job.accessToken()));
  say({ asking: jobs.length });
  const options = ASK_REFUSED === undefined ? {} : { fresh: true };
  const tokens = await Promise.all(jobs.map((job) => job.accessToken(options)));
  const hashes = new Set(tokens.map((token) => createHash('sha256').update(token).digest('hex')));
  say({ jobs: tokens.length, tokens: [...hashes] });
  await Promise.all([limiter.close(), producer.close(), db.close()]);
}

main().catch((error: unknown) => {
  say({ failed: (error as { code?: string }).code ?? String(error) });
  process.exit(1);
});
