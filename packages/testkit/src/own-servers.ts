/** Servers for one test alone, always embedded: for tests that kill, restart, fill or flush them. */
import { randomBytes } from 'node:crypto';
import { discardServers, startPostgres, startRedis } from '@calfleet/embedded';
import type { Postgres, PostgresOptions, Redis, RedisOptions } from '@calfleet/embedded';
import { checkout, sharedCache, testFolder } from './test-run.ts';

/** `stop` also removes the data. */
export async function startOwnPostgres(
  options: Partial<Omit<PostgresOptions, 'folder'>> = {},
): Promise<Postgres> {
  const place = ownPlace();
  return disposable(await startPostgres({ durability: 'off', ...place, ...options }), place.folder);
}

/** `stop` also removes the data. Default persistence: `aof`, so that a restart keeps what it had. */
export async function startOwnRedis(options: Partial<Omit<RedisOptions, 'folder'>> = {}): Promise<Redis> {
  const place = ownPlace();
  return disposable(await startRedis({ persistence: 'aof', ...place, ...options }), place.folder);
}

function ownPlace(): { folder: string; cache: string } {
  const root = checkout();
  return {
    folder: testFolder(root, `${process.pid}_${randomBytes(4).toString('hex')}`),
    cache: sharedCache(root),
  };
}

function disposable<S extends Postgres | Redis>(server: S, folder: string): S {
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await discardServers(folder);
    },
  };
}
