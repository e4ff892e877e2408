/** Redis for a machine that has none: on 127.0.0.1 only, with a password, data kept in the folder. */
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { makeDirectoryFor } from './home.ts';
import type { EndingStep } from './process-identity.ts';
import { redisBinary } from './redis-binary.ts';
import type { RedisSearch } from './redis-binary.ts';
import { keepSecret } from './secret.ts';
import type { ServerSpec } from './server-process.ts';
import { occupy, serve } from './managed-server.ts';
import type { Place, Service } from './managed-server.ts';

export interface RedisOptions {
  /** Everything lies below it (`<folder>/redis`); usually `.calfleet` in the checkout. */
  folder: string;
  /** Where fetched programs go. Default: `<folder>/cache`. */
  cache?: string;
  /** Begin with empty data. */
  fresh?: boolean;
  /** `aof` writes through every second; `none` keeps nothing over a restart. */
  persistence: 'aof' | 'none';
  /** Default: any free one. */
  port?: number;
  search?: RedisSearch;
}

export interface Redis extends Service {
  /** Carries a password. */
  url: string;
}

export const redisEnding: [EndingStep, ...EndingStep[]] = [
  { signal: 'SIGTERM', graceMs: 15_000 },
  { signal: 'SIGKILL', graceMs: 10_000 },
];

/**
 * @throws {AlreadyRunning} when another living process runs Redis in this folder
 * @throws {NoRedis} when the machine has none and none can be fetched
 */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const place = await occupy({ folder: options.folder, service: 'Redis', ending: redisEnding });
  try {
    return await start(options, place);
  } catch (error) {
    await place.release();
    throw error;
  }
}

export async function wipeRedis(directory: string): Promise<void> {
  for (const name of ['data', 'secret.json']) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

async function start(options: RedisOptions, place: Place): Promise<Redis> {
  const { directory, account } = place;
  const cache = options.cache ?? join(options.folder, 'cache');
  const binary = await redisBinary({ cache, account, search: options.search });
  if (options.fresh === true) await wipeRedis(directory);
  const data = join(directory, 'data');
  await makeDirectoryFor(account, data);
  const { admin: password } = await keepSecret(directory);
  const config = join(directory, 'redis.conf');
  await rm(config, { force: true });
  await writeFile(config, configuration({ data, password, persistence: options.persistence }), {
    mode: 0o600,
  });
  if (account !== undefined) await chown(config, account.uid, account.gid);

  const urlOf = (port: number): string => `redis://:${password}@127.0.0.1:${port}`;
  const spec: ServerSpec = {
    service: 'Redis',
    directory,
    account,
    command: (port) => ({ file: binary.file, args: [config, '--port', String(port)], env: binary.env }),
    isReady: (port) => answers(urlOf(port)),
    ending: redisEnding,
  };
  const service = await serve(spec, { port: options.port, release: place.release });
  return { ...service, url: urlOf(service.port) };
}

/** The password stands in the file and not among the arguments, which every user of the machine can read. */
function configuration(values: { data: string; password: string; persistence: 'aof' | 'none' }): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return [
    'bind 127.0.0.1',
    'protected-mode yes',
    `requirepass ${values.password}`,
    `dir ${quoted(values.data)}`,
    'daemonize no',
    'logfile ""',
    // BullMQ's keys are not a cache: https://docs.bullmq.io/guide/going-to-production#max-memory-policy
    'maxmemory-policy noeviction',
    'save ""',
    `appendonly ${values.persistence === 'aof' ? 'yes' : 'no'}`,
    'appendfsync everysec',
    '',
  ].join('\n');
}

async function answers(url: string): Promise<boolean> {
  const client = new Client(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 0,
    // ioredis keeps a timer of this length for a connection that was refused; its 2 s would hold up our exit.
    disconnectTimeout: 50,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
