/** Sandbox, ingress, API and worker in one process, each with its own log at debug level and its own metrics. */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { startApi } from '@calfleet/api';
import { workerConfig, type Environment } from '@calfleet/config';
import { openDatabase } from '@calfleet/db';
import { systemClock } from '@calfleet/domain';
import { startIngress } from '@calfleet/ingress';
import { createProducer, createQueueBoardSource, createQueueMonitor } from '@calfleet/jobs';
import { sandboxClient, startSandbox } from '@calfleet/sandbox';
import { createLogger, createMetrics, type ProcessName } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis, eventually } from '@calfleet/testkit';
import { createChannelSigner, createVault } from '@calfleet/vault';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { startWorker } from '../src/index.ts';

export interface Line {
  service: string;
  level: string;
  message: string;
  [fact: string]: unknown;
}

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
}

export type TelemetryHouse = Awaited<ReturnType<typeof openTelemetryHouse>>;

export async function openTelemetryHouse() {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const sandbox = await startSandbox();
  const said: string[] = [];
  const log = new Writable({
    write: (chunk: Buffer, _, done) => {
      said.push(...chunk.toString().trim().split('\n'));
      done();
    },
  });
  const loggerOf = (service: ProcessName) => createLogger({ service, level: 'debug', destination: log });
  const keys = { token: randomBytes(32), channel: randomBytes(32) };
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  const onError = () => undefined;
  const producer = createProducer({ ...address, onError });
  const ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1' },
    producer,
    signer: createChannelSigner([{ id: 'k1', key: keys.channel }]),
    logger: loggerOf('ingress'),
    metrics: createMetrics('ingress'),
    clock: systemClock,
  });
  const env: Environment = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    REDIS_PREFIX: redis.prefix,
    API_BASE_URL: ingress.url,
    WORKER_METRICS_PORT: '0',
    TOKEN_ENCRYPTION_KEYS: `k1:${keys.token.toString('base64')}`,
    CHANNEL_SIGNING_KEYS: `k1:${keys.channel.toString('base64')}`,
    GOOGLE_CLIENT_ID: sandboxClient.id,
    GOOGLE_CLIENT_SECRET: sandboxClient.secret,
    GOOGLE_API_ROOT_URL: sandbox.googleRootUrl,
    GOOGLE_TOKEN_URL: `${sandbox.googleRootUrl}oauth2/token`,
    MICROSOFT_CLIENT_ID: sandboxClient.id,
    MICROSOFT_CLIENT_SECRET: sandboxClient.secret,
    MICROSOFT_GRAPH_ROOT_URL: sandbox.microsoftRootUrl,
    MICROSOFT_LOGIN_ROOT_URL: sandbox.microsoftLoginUrl,
    // A tick in the middle of a test would do what the test says something else does.
    SCHEDULE_WEBHOOK_DRAIN: 'every 1h',
    SCHEDULE_INCREMENTAL_PULL: 'every 1h',
    SCHEDULE_AUTO_SYNC: 'every 1h',
    SCHEDULE_CONFLICT_RESOLUTION: 'every 1h',
    LOG_LEVEL: 'debug',
  };
  const db = openDatabase({ url: database.url, poolSize: 6, applicationName: 'calfleet-e2e' });
  const adminKey = randomBytes(32).toString('base64url');
  const queueBoard = createQueueBoardSource({ ...address, onError });
  const config = workerConfig(env);
  const api = await startApi({
    config: { adminKey, providers: config.providers, port: 0, host: '127.0.0.1', allowSuperuser: false },
    db,
    producer,
    queueBoard,
    vault: createVault([{ id: 'k1', key: keys.token }]),
    logger: loggerOf('api'),
    metrics: createMetrics('api'),
    clock: systemClock,
  });
  const worker = await startWorker({
    config: { ...config, host: '127.0.0.1' },
    clock: systemClock,
    logger: loggerOf('worker'),
    metrics: createMetrics('worker'),
  });
  let connected = 0;
  const urls: Record<ProcessName, string> = { ingress: ingress.url, api: api.url, worker: worker.healthUrl };
  const ask = (method: 'GET' | 'POST', path: string, { body, headers = {} }: Ask = {}) =>
    checkedFetch('api')(`${api.url}/integrations/calendar${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        'x-user-id': 'ada',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const monitor = createQueueMonitor({ ...address, onError });
  /** Everything that was asked for is in the mirror, and nothing is left to do but what the schedules bring. */
  const settled = (calendars: number) =>
    eventually(async () => {
      const rows = await db.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ clean: boolean }[]>`
          select dirty_seq = synced_seq and round_id is null and lease_until is null and coverage <> 'none' as clean
          from calendars`,
      );
      expect(rows.filter(({ clean }) => clean)).toHaveLength(calendars);
      const readings = await monitor.read(systemClock.now());
      const busy = readings
        .filter(({ queue }) => queue !== 'schedules')
        // What is delayed and still owed shows in the rows; Graph's later looks are nobody's debt.
        .map(({ jobs: { active, prioritized, waiting } }) => active + prioritized + waiting);
      expect(busy.every((jobs) => jobs === 0)).toBe(true);
    });
  const metricsOf = async (process: ProcessName) => (await fetch(`${urls[process]}/metrics`)).text();
  return {
    sandbox,
    database,
    ingressUrl: ingress.url,
    /** As it was written. */
    said,
    lines: () => said.map((line) => JSON.parse(line) as Line),
    metricsOf,
    /** The sum of the series whose labels hold these; 0 when there is none. */
    sum: async (process: ProcessName, name: string, labels: Record<string, string> = {}) => {
      const text = await metricsOf(process);
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) =>
          Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
        )
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    ask,
    settled,
    /** As a product's backend connects an account, with the request id `connecting-<n>`. */
    connect: async ({ provider, refreshToken }: { provider: string; refreshToken: string | undefined }) => {
      connected += 1;
      const headers = { 'x-request-id': `connecting-${connected}` };
      const body = { provider, refresh_token: refreshToken };
      const answer = await ask('POST', '/accounts', { body, headers });
      expect(answer.status).toBe(201);
    },
    close: async () => {
      await worker.close();
      await api.close();
      await ingress.close({ timeoutMs: 500 });
      await Promise.all([monitor.close(), producer.close(), queueBoard.close(), db.close(), sandbox.close()]);
      await redis.clear();
      await database.drop();
    },
  };
}
