/**
 * What the parts stand on: Postgres and Redis of this run alone, with the durability of production, the sandbox in a
 * process of its own, and a database per part, so that no part measures what another left behind.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureChangePartitions, migrate, openDatabase, type Database } from '@calfleet/db';
import { discardServers, startPostgres, startRedis } from '@calfleet/embedded';
import { ControlClient, sandboxClient } from '@calfleet/sandbox';
import { createVault, type Vault } from '@calfleet/vault';
import { startChild, type Child, type ChildOptions } from './child.ts';
import { bundlePrograms, type ProgramName } from './programs.ts';

export interface Ground {
  quick: boolean;
  folder: string;
  redisUrl: string;
  /** The provider. `url` without a slash at its end. */
  sandbox: SandboxProcess;
  /** One more provider, for who moves its time. */
  startSandbox(): Promise<SandboxProcess>;
  vault: Vault;
  /** Settings that several processes must agree on. */
  settings: Record<string, string>;
  /** An empty, migrated database. */
  openStore(name: string): Promise<Store>;
  start(program: ProgramName, options?: Omit<ChildOptions, 'file'>): Promise<Child>;
  /** Path of a bundled program, for `--require`. */
  programFile(program: ProgramName): string;
  versions: { postgres: string; redis: string };
  /** Ends every process of this run and removes its data. */
  close(): Promise<void>;
}

export interface SandboxProcess {
  url: string;
  control: ControlClient;
}

export interface Store {
  /** The application's login. */
  url: string;
  /** Superuser: not bound by row-level security. */
  admin: Client;
  adminUrl: string;
  db: Database;
  close(): Promise<void>;
}

export async function openGround(root: string, quick: boolean): Promise<Ground> {
  const folder = join(root, '.calfleet', `bench-${process.pid}`);
  const cache = join(root, '.calfleet', 'cache');
  const closing: (() => Promise<unknown>)[] = [() => discardServers(folder)];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) {
      await end().catch((error: unknown) => console.error('Something did not end:', error));
    }
  };
  try {
    const postgres = await startPostgres({ folder, cache, durability: 'on' });
    closing.push(() => postgres.stop());
    const redis = await startRedis({ folder, cache, persistence: 'aof' });
    closing.push(() => redis.stop());
    const programs = await bundlePrograms(root, folder);
    const start: Ground['start'] = async (program, options = {}) => {
      const child = await startChild({ ...options, file: programs.file(program) });
      closing.push(() => child.stop());
      return child;
    };
    const startSandbox = async (): Promise<SandboxProcess> => {
      const { listening } = await start('sandbox', { env: { SANDBOX_PORT: '0' } });
      return { url: listening, control: new ControlClient(listening) };
    };
    const sandbox = await startSandbox();
    const key = (id: string) => ({ id, key: randomBytes(32) });
    const [sealing, signing] = [key('k1'), key('k1')];
    const ring = ({ id, key: secret }: { id: string; key: Buffer }) => `${id}:${secret.toString('base64')}`;
    const openStore = async (name: string): Promise<Store> => {
      const store = await createStore(root, { name, adminUrl: postgres.adminUrl, url: postgres.url });
      closing.push(() => store.close());
      return store;
    };
    return {
      quick,
      folder,
      redisUrl: redis.url,
      sandbox,
      startSandbox,
      vault: createVault([sealing]),
      settings: {
        REDIS_URL: redis.url,
        TOKEN_ENCRYPTION_KEYS: ring(sealing),
        CHANNEL_SIGNING_KEYS: ring(signing),
        CALFLEET_ADMIN_KEY: randomBytes(24).toString('hex'),
        // One key asks for everything here.
        API_REQUESTS_PER_KEY_MINUTE: '100000000',
        GOOGLE_CLIENT_ID: sandboxClient.id,
        GOOGLE_CLIENT_SECRET: sandboxClient.secret,
        GOOGLE_API_ROOT_URL: `${sandbox.url}/google/`,
        GOOGLE_TOKEN_URL: `${sandbox.url}/google/oauth2/token`,
        MICROSOFT_CLIENT_ID: sandboxClient.id,
        MICROSOFT_CLIENT_SECRET: sandboxClient.secret,
        MICROSOFT_GRAPH_ROOT_URL: `${sandbox.url}/microsoft/v1.0`,
        MICROSOFT_LOGIN_ROOT_URL: `${sandbox.url}/microsoft/login`,
        API_PUBLIC_URL: 'http://127.0.0.1:9/',
        API_BASE_URL: 'http://127.0.0.1:9/',
      },
      openStore,
      start,
      programFile: (program) => programs.file(program),
      versions: { postgres: await serverVersion(postgres.adminUrl), redis: await redisVersion(redis.url) },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createStore(
  root: string,
  given: { name: string; adminUrl: string; url: string },
): Promise<Store> {
  const name = `bench_${given.name}`;
  await query(given.adminUrl, `create database ${name}`);
  const adminUrl = inDatabase(given.adminUrl, name);
  const url = inDatabase(given.url, name);
  await migrate({ migrationUrl: adminUrl, applicationUrl: url, folder: join(root, 'prisma', 'migrations') });
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  const db = openDatabase({ url, poolSize: 10, applicationName: 'calfleet-bench' });
  await db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, new Date(), 8));
  let isOpen = true;
  return {
    url,
    adminUrl,
    admin,
    db,
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      await db.close();
      await admin.end();
      await query(given.adminUrl, `drop database ${name} with (force)`);
    },
  };
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function serverVersion(url: string): Promise<string> {
  const [row] = await query(url, 'show server_version');
  return String(row?.['server_version']);
}

async function redisVersion(url: string): Promise<string> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  const info = await client.info('server');
  client.disconnect();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
}
