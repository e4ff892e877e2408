/**
 * Finds a Redis to run: on PATH, in our cache, or from the system's Debian or Ubuntu packages, which are unpacked
 * into the cache and never installed. No npm package ships one.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { findOnPath, libraryPath, unpackFromApt } from './apt-packages.ts';
import { settle } from './home.ts';

export interface RedisBinary {
  file: string;
  env: Record<string, string>;
}

/** Where to look; for tests. */
export interface RedisSearch {
  /** Default: `PATH` of the environment. */
  path?: string;
  /** Whether packages may be fetched with apt. Default: true. */
  apt?: boolean;
}

/** No Redis on this machine and no way to fetch one; the message names the ways out. */
export class NoRedis extends Error {
  constructor(reasons: string[]) {
    super(
      `Found no Redis to run (${reasons.join('; ')}). Three ways out: run one in a container ` +
        '(docker run -p 127.0.0.1:6379:6379 redis:7), install the package redis-server or valkey of your system, ' +
        'or set REDIS_URL to a Redis of your own (6.2 or later).',
    );
    this.name = 'NoRedis';
  }
}

/** @throws {NoRedis} */
export async function redisBinary(options: {
  cache: string;
  account: Account | undefined;
  search?: RedisSearch | undefined;
}): Promise<RedisBinary> {
  const path = options.search?.path ?? process.env['PATH'] ?? '';
  const onPath = ['redis-server', 'valkey-server'].flatMap((name) => findOnPath(name, path));
  for (const file of onPath) if (runs({ file, env: {} }, options.account)) return { file, env: {} };
  const reasons = ['no redis-server or valkey-server 6.2 or later on PATH'];

  const home = await settle(options.cache, options.account);
  const cached = join(home, 'redis');
  const known = await unpackedBinary(cached);
  if (known !== undefined && runs(known, options.account)) return known;

  const [aptGet] = findOnPath('apt-get', path);
  if (options.search?.apt === false) reasons.push('apt is not to be used');
  else if (aptGet === undefined) reasons.push('this is no Debian or Ubuntu: there is no apt-get');
  else {
    const problem = await fetchWithApt(cached, options.account).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const fetched = await unpackedBinary(cached);
    if (problem === undefined && fetched !== undefined) return fetched;
    reasons.push(
      `apt-get could not provide one: ${problem?.trim().split('\n').at(-1) ?? 'no program unpacked'}`,
    );
  }
  throw new NoRedis(reasons);
}

/** BullMQ needs Redis 6.2; every Valkey is later than that. */
function runs(binary: RedisBinary, account: Account | undefined): boolean {
  const options = { ...account, cwd: '/', env: binary.env, encoding: 'utf8', timeout: 20_000 } as const;
  const { status, stdout } = spawnSync(binary.file, ['--version'], options);
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  return status === 0 && Number(major) * 100 + Number(minor) >= 602;
}

async function unpackedBinary(root: string): Promise<RedisBinary | undefined> {
  const libraries = await libraryPath(root);
  if (libraries === undefined) return undefined;
  return { file: join(root, 'usr', 'bin', 'redis-server'), env: { LD_LIBRARY_PATH: libraries } };
}

/** redis-server is a link into redis-tools' redis-check-rdb; the two libraries are on no base image. */
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];

const fetchWithApt = (target: string, account: Account | undefined): Promise<void> =>
  unpackFromApt({
    packages,
    target,
    starts: async (root) => {
      const binary = await unpackedBinary(root);
      return binary !== undefined && runs(binary, account);
    },
  });
