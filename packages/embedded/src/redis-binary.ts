/**
 * Finds a Redis to run: on PATH, in our cache, or from the system's Debian or Ubuntu packages, which are unpacked
 * into the cache and never installed. No npm package ships one.
 */
import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
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
    const problem = await fetchWithApt(cached, options.account).catch((error: Error) => error.message);
    const fetched = await unpackedBinary(cached);
    if (problem === undefined && fetched !== undefined) return fetched;
    reasons.push(
      `apt-get could not provide one: ${problem?.trim().split('\n').at(-1) ?? 'no program unpacked'}`,
    );
  }
  throw new NoRedis(reasons);
}

function findOnPath(name: string, path: string): string[] {
  const candidates = path.split(delimiter).filter((folder) => folder !== '');
  return candidates
    .map((folder) => join(folder, name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** BullMQ needs Redis 6.2; every Valkey is later than that. */
function runs(binary: RedisBinary, account: Account | undefined): boolean {
  const options = { ...account, cwd: '/', env: binary.env, encoding: 'utf8', timeout: 20_000 } as const;
  const { status, stdout } = spawnSync(binary.file, ['--version'], options);
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  return status === 0 && Number(major) * 100 + Number(minor) >= 602;
}

async function unpackedBinary(root: string): Promise<RedisBinary | undefined> {
  const libraries = join(root, 'usr', 'lib');
  const folders = await readdir(libraries).catch(() => undefined);
  if (folders === undefined) return undefined;
  const paths = [...folders.map((name) => join(libraries, name)), libraries, join(root, 'lib')];
  // The loader separates paths with colons and semicolons and cannot escape them.
  if (/[:;]/.test(root)) return undefined;
  return { file: join(root, 'usr', 'bin', 'redis-server'), env: { LD_LIBRARY_PATH: paths.join(':') } };
}

// redis-server is a link into redis-tools' redis-check-rdb; the two libraries are on no base image. Slim images lack
// some of the others too (libssl3, libatomic1, Lua), whose names differ between releases: those are asked of apt.
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];

async function fetchWithApt(target: string, account: Account | undefined): Promise<undefined> {
  const work = `${target}.${randomUUID()}`;
  const root = join(work, 'root');
  await mkdir(join(work, 'debs'), { recursive: true });
  await mkdir(root);
  try {
    let lists: string[] = [];
    await download(packages, work, lists).catch(async () => {
      // A fresh image has no package lists, and only root may write the system's: ours are private.
      lists = await privateLists(work);
      await download(packages, work, lists);
    });
    await unpack(work, root);
    const binary = await unpackedBinary(root);
    if (binary !== undefined && !runs(binary, account)) {
      for (const name of await libraryPackages(lists)) {
        await download([name], work, lists).catch(() => undefined);
      }
      await unpack(work, root);
      if (!runs(binary, account)) throw new Error('the unpacked redis-server does not start');
    }
    await rm(target, { recursive: true, force: true });
    await rename(root, target);
    return undefined;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const run = async (file: string, args: string[], cwd: string): Promise<string> => {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  return (await promisify(execFile)(file, args, { cwd, env, timeout: 180_000 })).stdout;
};

const download = (names: string[], work: string, lists: string[]): Promise<string> =>
  run('apt-get', [...lists, '-o', 'APT::Sandbox::User=root', 'download', ...names], join(work, 'debs'));

async function privateLists(work: string): Promise<string[]> {
  const state = join(work, 'lists');
  const cache = join(work, 'apt');
  await mkdir(join(state, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const options = ['-o', `Dir::State::lists=${state}`, '-o', `Dir::Cache=${cache}`];
  await run('apt-get', [...options, '-o', 'APT::Sandbox::User=root', 'update'], work);
  return options;
}

async function libraryPackages(lists: string[]): Promise<string[]> {
  const args = [...lists, 'depends', '--recurse', '--important', ...packages];
  const output = await run('apt-cache', args, '/');
  const names = [...output.matchAll(/Depends: ((?:lib|lua)[a-z0-9.+-]+)/g)].map((match) => match[1] ?? '');
  return [...new Set(names)].filter((name) => name !== 'libc6' && !packages.includes(name));
}

async function unpack(work: string, root: string): Promise<void> {
  const debs = await readdir(join(work, 'debs'));
  for (const deb of debs.filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(work, 'debs', deb), root], work);
  }
  await chmod(root, 0o755);
}
