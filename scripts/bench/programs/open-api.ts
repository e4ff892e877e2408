/**
 * The floor of the doors: the API as it is, but that whoever asks is let in unseen and uncounted.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { apiConfig } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock, ZoneTable } from '@calfleet/domain';
import { createProducer, createQueueBoardSource } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createVault } from '@calfleet/vault';
import { createApplication } from '../../../apps/api/src/application.ts';
import { createRefusals } from '../../../apps/api/src/auth/refusals.ts';
import { createPlaceableZones } from '../../../apps/api/src/placeable-zones.ts';

const config = apiConfig(process.env);
const redis = { redisUrl: config.redisUrl, prefix: config.redisPrefix, onError: () => undefined };
const deps = {
  config,
  db: openDatabase({ url: config.databaseUrl, poolSize: 20, applicationName: 'calfleet-open-api' }),
  producer: createProducer(redis),
  queueBoard: createQueueBoardSource(redis),
  vault: createVault(config.tokenEncryptionKeys),
  logger: createLogger({ service: 'api', level: config.logLevel }),
  metrics: createMetrics('api'),
  clock: systemClock,
  zones: new ZoneTable(),
};
const application = createApplication({
  ...deps,
  placeableZones: createPlaceableZones(deps.db, deps.zones),
  identify: () => Promise.resolve({ kind: 'key', id: 'anybody', scope: 'app' }),
  refusals: createRefusals(deps),
  stopping: new AbortController().signal,
});
const server = createServer({ noDelay: true }, application).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}` })}\n`);
});
const close = (): void => process.exit(0);
process.once('SIGTERM', close);
process.once('disconnect', close);
