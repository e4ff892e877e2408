/** A sandbox, an ingress and a worker's settings around a test's Postgres and Redis, with one connected mailbox. */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { ingressConfig, workerConfig, type Environment } from '@calfleet/config';
import { api, openDatabase, type Database } from '@calfleet/db';
import { newId, systemClock, type AccountId } from '@calfleet/domain';
import { startIngress } from '@calfleet/ingress';
import { createProducer } from '@calfleet/jobs';
import { sandboxClient, startSandbox } from '@calfleet/sandbox';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { eventually } from '@calfleet/testkit';
import { createChannelSigner, createVault } from '@calfleet/vault';
import { startWorker, type Worker } from './start.ts';

export interface Services {
  databaseUrl: string;
  redisUrl: string;
  prefix: string;
}

export const mailbox = 'ada@example.test';

/** @param more settings of the worker besides, or instead of, those that follow from the services */
export async function fleetOn({ databaseUrl, redisUrl, prefix }: Services, more: Environment = {}) {
  const sandbox = await startSandbox();
  const ring = () => `k1:${randomBytes(32).toString('base64')}`;
  const shared = {
    REDIS_URL: redisUrl,
    REDIS_PREFIX: prefix,
    CHANNEL_SIGNING_KEYS: ring(),
    LOG_LEVEL: 'debug',
  };
  const { log, lines } = recorder();
  const ingressSettings = ingressConfig({ ...shared, INGRESS_PORT: '0' });
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  const ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1' },
    producer,
    signer: createChannelSigner(ingressSettings.channelSigningKeys),
    logger: createLogger({ service: 'ingress', level: 'debug', destination: log }),
    metrics: createMetrics(),
    clock: systemClock,
  });
  const env: Environment = {
    ...shared,
    DATABASE_URL: databaseUrl,
    WORKER_METRICS_PORT: '0',
    TOKEN_ENCRYPTION_KEYS: ring(),
    API_BASE_URL: ingress.url,
    GOOGLE_CLIENT_ID: sandboxClient.id,
    GOOGLE_CLIENT_SECRET: sandboxClient.secret,
    GOOGLE_API_ROOT_URL: sandbox.googleRootUrl,
    GOOGLE_TOKEN_URL: `${sandbox.googleRootUrl}oauth2/token`,
    // A schedule that runs in a test would do what the test says something else does.
    SCHEDULE_WEBHOOK_DRAIN: 'every 1h',
    SCHEDULE_INCREMENTAL_PULL: 'every 1h',
    SCHEDULE_AUTO_SYNC: 'every 1h',
    SCHEDULE_CONFLICT_RESOLUTION: 'every 1h',
    ...more,
  };
  const db = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'calfleet-test' });
  const workers: Worker[] = [];
  const ada = sandbox.google.createAccount({ email: mailbox });
  const calendar = ada.createCalendar({ primary: true, summary: 'Ada' });
  return {
    sandbox,
    producer,
    db,
    env,
    calendar,
    lines,
    work: async (options: { timings?: { lockMs: number; stalledCheckMs: number } } = {}): Promise<Worker> => {
      const worker = await startWorker({
        config: { ...workerConfig(env), host: '127.0.0.1' },
        clock: systemClock,
        logger: createLogger({ service: 'worker', level: 'debug', destination: log }),
        metrics: createMetrics(),
        ...options,
      });
      workers.push(worker);
      return worker;
    },
    /** Connects the mailbox; a worker must be running, or be started before this is awaited to its end. */
    connect: async () => {
      await addAccount(db, env, ada.refreshTokens[0] ?? '', producer);
      await eventually(() => isCovered(db), { describe: 'the calendar is mirrored and watched' });
    },
    holds: (summary: string) => holds(db, summary),
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      await ingress.close({ timeoutMs: 500 });
      await Promise.all([producer.close(), db.close(), sandbox.close()]);
    },
  };
}

export type Fleet = Awaited<ReturnType<typeof fleetOn>>;

export const timed = (summary: string) => ({
  summary,
  start: { dateTime: '2026-12-01T10:00:00Z' },
  end: { dateTime: '2026-12-01T11:00:00Z' },
});

async function addAccount(
  db: Database,
  env: Environment,
  refreshToken: string,
  producer: ReturnType<typeof createProducer>,
): Promise<void> {
  const vault = createVault(workerConfig(env).tokenEncryptionKeys);
  const id = newId<AccountId>();
  const dataKey = vault.newDataKey(id);
  await db.transaction({ role: 'api', userId: 'ada' }, (tx) =>
    api.insertAccount(tx, {
      id,
      userId: 'ada',
      provider: 'google',
      scopes: [],
      dataKey: new Uint8Array(dataKey),
      refreshToken: new Uint8Array(
        vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext: refreshToken }),
      ),
      now: systemClock.now(),
    }),
  );
  await producer.enqueue('discover-account', { accountId: id });
}

async function isCovered(db: Database): Promise<boolean> {
  const rows = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ ok: boolean }[]>`
      select coverage = 'push' and state = 'active' and dirty_seq = synced_seq and lease_until is null as ok
      from calendars`,
  );
  return rows[0]?.ok === true;
}

async function holds(db: Database, summary: string): Promise<boolean> {
  const rows = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ n: number }[]>`
      select count(*)::int as n from calendar_events where summary = ${summary} and deleted_at is null`,
  );
  return rows[0]?.n === 1;
}

interface Line {
  message: string;
  [fact: string]: unknown;
}

function recorder() {
  const lines: Line[] = [];
  const log = new Writable({
    write: (chunk: Buffer, _, done) => {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line) as Line);
      done();
    },
  });
  return { log, lines };
}
