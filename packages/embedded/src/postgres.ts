/**
 * Postgres for a machine that has none: on 127.0.0.1 only, with passwords, no Unix socket, data kept in the folder.
 */
import { execFile } from 'node:child_process';
import { chown, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createApplicationLogin } from './application-login.ts';
import { makeDirectoryFor } from './home.ts';
import { endStrayPostmaster, releaseSharedMemory } from './postmaster.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { EndingStep } from './process-identity.ts';
import { keepSecret } from './secret.ts';
import type { ServerSpec } from './server-process.ts';
import { occupy, serve } from './managed-server.ts';
import type { Place, Service } from './managed-server.ts';

export interface PostgresOptions {
  /** Everything lies below it (`<folder>/postgres`); usually `.calfleet` in the checkout. */
  folder: string;
  /** Where copies of programs go. Default: `<folder>/cache`. */
  cache?: string;
  /** Begin with empty data. */
  fresh?: boolean;
  /** `off` loses data in a power cut (never in a crash of a process alone) and is for tests. */
  durability: 'on' | 'off';
  /** Default: any free one. */
  port?: number;
}

export interface Postgres extends Service {
  /** Superuser, database `calfleet`. Carries a password. */
  adminUrl: string;
  /** Login `calfleet_app` (no superuser, no BYPASSRLS, no CREATEROLE), database `calfleet`. Carries a password. */
  url: string;
}

// Fast shutdown, then immediate, then the end: https://www.postgresql.org/docs/current/server-shutdown.html
export const postgresEnding: [EndingStep, ...EndingStep[]] = [
  { signal: 'SIGINT', graceMs: 20_000 },
  { signal: 'SIGQUIT', graceMs: 10_000 },
  { signal: 'SIGKILL', graceMs: 10_000 },
];

/** @throws {AlreadyRunning} when another living process runs Postgres in this folder */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const place = await occupy({ folder: options.folder, service: 'Postgres', ending: postgresEnding });
  try {
    return await start(options, place);
  } catch (error) {
    await place.release();
    throw error;
  }
}

/** Removes the data, and what the system still holds for a server that was killed. The place must be occupied. */
export async function wipePostgres(directory: string): Promise<void> {
  await endStrayPostmaster(join(directory, 'data'), postgresEnding);
  await releaseSharedMemory(join(directory, 'data'));
  for (const name of ['data', 'data.new', 'secret.json']) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

async function start(options: PostgresOptions, place: Place): Promise<Postgres> {
  const { directory, account } = place;
  const cache = options.cache ?? join(options.folder, 'cache');
  const binaries = await postgresBinaries({ cache, account });
  const data = join(directory, 'data');
  if (options.fresh === true) await wipePostgres(directory);
  await endStrayPostmaster(data, postgresEnding);
  const secret = await keepSecret(directory);
  await initialise({ place, binaries, data, password: secret.admin });

  const adminUrlOf = (port: number, database: string): string =>
    `postgresql://calfleet_admin:${secret.admin}@127.0.0.1:${port}/${database}`;
  const spec: ServerSpec = {
    service: 'Postgres',
    directory,
    account,
    command: (port) => ({ file: binaries.postgres, args: ['-D', data, ...settings(options, port)] }),
    isReady: (port) => answers(adminUrlOf(port, 'postgres')),
    ending: postgresEnding,
  };
  const service = await serve(spec, { port: options.port, release: place.release });
  try {
    await createApplicationLogin(adminUrlOf(service.port, 'postgres'), {
      name: 'calfleet_app',
      password: secret.application,
    });
    await createDatabase(adminUrlOf(service.port, 'postgres'));
  } catch (error) {
    await service.stop();
    throw error;
  }
  return {
    ...service,
    adminUrl: adminUrlOf(service.port, 'calfleet'),
    url: `postgresql://calfleet_app:${secret.application}@127.0.0.1:${service.port}/calfleet`,
  };
}

function settings(options: PostgresOptions, port: number): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '128MB',
    // The default leaves segments in /dev/shm after a kill; these lie in the data folder.
    dynamic_shared_memory_type: 'mmap',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // synchronous_commit stays on: without fsync it costs little, and without it a killed server forgets commits.
    ...(options.durability === 'off' && { fsync: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Makes the cluster under another name and moves it, so that an interrupted start leaves no half cluster. */
async function initialise(work: {
  place: Place;
  binaries: PostgresBinaries;
  data: string;
  password: string;
}): Promise<void> {
  const { account, directory } = work.place;
  if (
    await stat(work.data).then(
      () => true,
      () => false,
    )
  )
    return;
  const draft = join(directory, 'data.new');
  await rm(draft, { recursive: true, force: true });
  await makeDirectoryFor(account, draft);
  const passwordFile = join(directory, 'initdb-password');
  await writeFile(passwordFile, work.password, { mode: 0o600 });
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  // Text compares bytewise and lower() knows Unicode, the same on every machine: no locale of the host is needed.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
  const login = ['--username=calfleet_admin', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  try {
    await promisify(execFile)(
      work.binaries.initdb,
      [`--pgdata=${draft}`, ...locale, ...login, '--no-sync', '--no-instructions'],
      { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }, timeout: 120_000 },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, work.data);
}

/** @throws when the server answers but knows another password: data and secret do not belong together */
async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '28P01') throw error;
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'calfleet'");
    if (rowCount === 0) await client.query('create database calfleet');
  } finally {
    await client.end();
  }
}
