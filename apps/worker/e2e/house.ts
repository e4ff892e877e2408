/**
 * A whole house for one test: sandbox, ingress, Postgres and Redis, all real and over the wire. Workers are started
 * when a test says so, inside its process or as processes of their own.
 */
import { randomBytes } from 'node:crypto';
import { workerConfig } from '@calfleet/config';
import { api, openDatabase, type Database } from '@calfleet/db';
import {
  newId,
  systemClock,
  type AccountId,
  type CalendarId,
  type Clock,
  type ProviderName,
} from '@calfleet/domain';
import { startIngress, type Ingress } from '@calfleet/ingress';
import { createProducer, type Producer } from '@calfleet/jobs';
import {
  sandboxClient,
  startSandbox,
  type CalendarOwner,
  type NewCalendar,
  type Sandbox,
} from '@calfleet/sandbox';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createChannelSigner, createVault } from '@calfleet/vault';
import { startWorker, type Worker } from '../src/index.ts';
import { recordLines } from './lines.ts';

export interface Services {
  /** The application's login. */
  databaseUrl: string;
  redisUrl: string;
  redisPrefix: string;
}

export interface HouseOptions {
  /** Seconds between two drain ticks, and between two looks at Redis' memory. Default 30, as in production. */
  drainSeconds?: number;
}

/** One connected account with one calendar. */
export interface Mailbox {
  email: string;
  userId: string;
  accountId: AccountId;
  owner: CalendarOwner;
  /** What its user consented to, for another connection of the same mailbox. */
  refreshTokens: readonly string[];
}

export interface House {
  services: Services;
  db: Database;
  producer: Producer;
  sandbox: Sandbox;
  ingress: Ingress;
  /** What every worker of this process said. */
  lines: ReturnType<typeof recordLines>['lines'];
  /** What a worker is told; for processes of their own. */
  environment(changes?: Record<string, string>): Record<string, string>;
  /** @param clock the system's, unless the worker lives at another time */
  startWorker(changes?: Record<string, string>, clock?: Clock): Promise<Worker>;
  stopWorkers(): Promise<void>;
  /** The row of an account as the API leaves it after a consent; nothing is rung. */
  addAccount(of: {
    provider: ProviderName;
    refreshTokens: readonly string[];
  }): Promise<{ accountId: AccountId; userId: string }>;
  /** A Google account as the API leaves it after a consent, its first job rung for. */
  connect(email: string, calendar?: NewCalendar): Promise<Mailbox>;
  /** The calendar of the mailbox, once its list was read. */
  calendarOf(mailbox: Pick<Mailbox, 'accountId'>): Promise<CalendarId>;
  close(): Promise<void>;
}

export async function openHouse(services: Services, options: HouseOptions = {}): Promise<House> {
  const keys = { token: randomBytes(32), channel: randomBytes(32) };
  const ring = (key: Buffer): string => `e2e:${key.toString('base64')}`;
  const vault = createVault([{ id: 'e2e', key: keys.token }]);
  const address = { redisUrl: services.redisUrl, prefix: services.redisPrefix };
  const db = openDatabase({ url: services.databaseUrl, poolSize: 8, applicationName: 'calfleet-e2e' });
  const producer = createProducer({ ...address, onError: () => undefined });
  const sandbox = await startSandbox();
  const ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1' },
    producer,
    signer: createChannelSigner([{ id: 'e2e', key: keys.channel }]),
    logger: createLogger({ service: 'ingress', level: 'error' }),
    metrics: createMetrics(),
    clock: systemClock,
  });
  const { logger, lines } = recordLines();
  const workers: Worker[] = [];
  const stopWorkers = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
  };
  const environment = (changes: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: services.databaseUrl,
    REDIS_URL: services.redisUrl,
    REDIS_PREFIX: services.redisPrefix,
    API_BASE_URL: ingress.url,
    WORKER_METRICS_PORT: '0',
    INGRESS_PORT: '0',
    TOKEN_ENCRYPTION_KEYS: ring(keys.token),
    CHANNEL_SIGNING_KEYS: ring(keys.channel),
    GOOGLE_CLIENT_ID: sandboxClient.id,
    GOOGLE_CLIENT_SECRET: sandboxClient.secret,
    GOOGLE_API_ROOT_URL: sandbox.googleRootUrl,
    GOOGLE_TOKEN_URL: `${sandbox.googleRootUrl}oauth2/token`,
    GOOGLE_REVOKE_URL: `${sandbox.googleRootUrl}oauth2/revoke`,
    MICROSOFT_CLIENT_ID: sandboxClient.id,
    MICROSOFT_CLIENT_SECRET: sandboxClient.secret,
    MICROSOFT_GRAPH_ROOT_URL: sandbox.microsoftRootUrl,
    MICROSOFT_LOGIN_ROOT_URL: sandbox.microsoftLoginUrl,
    SYNC_FUTURE_DAYS: '60',
    SCHEDULE_WEBHOOK_DRAIN: `every ${options.drainSeconds ?? 30}s`,
    LOG_LEVEL: 'warn',
    ...changes,
  });
  const addAccount: House['addAccount'] = async ({ provider, refreshTokens: [plaintext = ''] }) => {
    const accountId = newId<AccountId>();
    const userId = `user-${accountId}`;
    const dataKey = vault.newDataKey(accountId);
    const refreshToken = vault.seal({ accountId, dataKey, field: 'refresh_token', plaintext });
    const row = { id: accountId, userId, provider, scopes: [], dataKey, refreshToken };
    await db.transaction({ role: 'api', userId }, (tx) =>
      api.insertAccount(tx, { ...row, now: systemClock.now() }),
    );
    return { accountId, userId };
  };
  return {
    services,
    db,
    producer,
    sandbox,
    ingress,
    lines,
    environment,
    addAccount,
    startWorker: async (changes, clock = systemClock) => {
      const config = { ...workerConfig(environment(changes)), host: '127.0.0.1' };
      const worker = await startWorker({ config, clock, logger, metrics: createMetrics() });
      workers.push(worker);
      return worker;
    },
    stopWorkers,
    connect: async (email, calendar = {}) => {
      const account = sandbox.google.createAccount({ email });
      const owner = account.createCalendar({ timeZone: 'UTC', ...calendar, primary: true });
      const { refreshTokens } = account;
      const { accountId, userId } = await addAccount({ provider: 'google', refreshTokens });
      await producer.enqueue('discover-account', { accountId });
      return { email, userId, accountId, owner, refreshTokens };
    },
    calendarOf: async ({ accountId }) => {
      const rows = await db.transaction(
        { role: 'worker' },
        (tx) =>
          tx.$queryRaw<{ id: CalendarId }[]>`select id from calendars where account_id = ${accountId}::uuid`,
      );
      if (!rows[0]) throw new Error('The calendar list was not read yet.');
      return rows[0].id;
    },
    close: async () => {
      await stopWorkers();
      await ingress.close({ timeoutMs: 500 });
      await producer.close();
      await sandbox.close();
      await db.close();
    },
  };
}
