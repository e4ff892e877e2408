/** `npm start` as a person meets it, in a folder whose path has a space. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { discardServers } from '@calfleet/embedded';
import { eventually } from '@calfleet/testkit';

const checkout = process.cwd();
let root: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  execFileSync(process.execPath, [join(checkout, 'scripts', 'build.mjs')]);
  const home = join(checkout, '.calfleet');
  await mkdir(join(home, 'cache'), { recursive: true });
  root = await mkdtemp(join(home, 'cal fleet '));
  await mkdir(join(root, '.calfleet'));
  await symlink(join(checkout, 'dist'), join(root, 'dist'));
  await symlink(join(checkout, 'prisma'), join(root, 'prisma'));
  await symlink(join(home, 'cache'), join(root, '.calfleet', 'cache'));
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await discardServers(join(root, '.calfleet'));
  await rm(root, { recursive: true, force: true });
});

/** An environment of its own: neither the test run's services nor a developer's settings. */
const plain = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  INGRESS_PORT: '0',
  API_PORT: '0',
  WORKER_METRICS_PORT: '0',
  SANDBOX_PORT: '0',
};

function start(args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(checkout, 'scripts', 'run.mjs'), 'local', ...args], {
    cwd: root,
    env: { ...plain, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  }
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  return { child, exit, text: () => text };
}

const mirrored =
  /Mirrored 12 calendars: [\d,]+ events, [\d,]+ occurrences in [\d.]+ s \([\d,]+ events\/s, \d+ provider calls\)\n {2}Google {4}7 calendars, [\d,]+ events, [\d,]+ occurrences\n {2}Microsoft 5 calendars, [\d,]+ events, [\d,]+ occurrences/;
const arrived = ['Google', 'Microsoft'].map(
  (provider) =>
    new RegExp(`Ada Lindqvist added ".*" at ${provider} in the sandbox: in the change feed after \\d+ ms`),
);

test('the whole fleet, a second start beside it, a pasted line, and Ctrl-C', async () => {
  const first = start();
  await eventually(
    () => {
      if (first.child.exitCode !== null) throw new Error(first.text());
      return first.text().includes('Ctrl-C stops everything');
    },
    { timeoutMs: 300_000, describe: 'the fleet is up' },
  );
  expect(first.text()).toMatch(mirrored);
  for (const line of arrived) expect(first.text()).toMatch(line);
  for (const provider of ['google', 'microsoft']) {
    expect(await accepted(first.text(), provider)).toBeGreaterThan(0);
  }

  const second = start();
  expect(await second.exit).toEqual([1, null]);
  expect(second.text()).toMatch(/already runs in this folder \(process \d+, API http/);

  expect(await pasted(first.text())).toHaveProperty('items.0.summary');
  expect(await queueBoard(first.text())).toContain('schedules');
  const status = execFileSync(
    process.execPath,
    [join(checkout, 'scripts', 'run.mjs'), 'calfleet', 'status'],
    {
      cwd: root,
      env: plain,
    },
  );
  expect(status.toString()).toMatch(/active +push +10 +0/);

  const secrets = await Promise.all(
    ['keys.json', 'running.json'].map((file) => stat(join(root, '.calfleet', file))),
  );
  expect(secrets.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o600]);

  first.child.kill('SIGINT');
  expect(await first.exit).toEqual([0, null]);
  expect(await readdir(join(root, '.calfleet'))).not.toContain('running.json');
});

test('a second life of the sandbox meets the kept mirror, which catches up by itself', async () => {
  const { exit, text } = start(['--once']);
  expect(await exit).toEqual([0, null]);
  expect(text()).toMatch(/the sandbox began anew/);
  expect(text()).toMatch(mirrored);
  for (const line of arrived) expect(text()).toMatch(line);
});

test.each(['GOOGLE', 'MICROSOFT'])(
  'a client of the real %s is not used over the sandbox’s accounts',
  async (name) => {
    const { exit, text } = start(['--once'], {
      [`${name}_CLIENT_ID`]: 'id',
      [`${name}_CLIENT_SECRET`]: 'secret',
    });
    expect(await exit).toEqual([1, null]);
    expect(text()).toMatch(/holds accounts of the sandbox.*"npm start -- --fresh"/);
  },
);

test.each([/Starting Calfleet/, /Connected|are connected/])('Ctrl-C at %s stops everything', async (when) => {
  const { child, exit, text } = start();
  await eventually(() => when.test(text()), { timeoutMs: 300_000, describe: 'it is that far' });
  child.kill('SIGINT');
  expect(await exit).toEqual([0, null]);
  expect(text()).toMatch(/Stopping …\n$/);
  expect(execFileSync('ps', ['-eo', 'args']).toString()).not.toContain(root);
});

test('wrong settings start nothing, and .env says what the environment does not', async () => {
  await writeFile(join(root, '.env'), 'LOG_LEVEL=loud\nCALFLEET_ADMIN_KEY=short\nAPI_PORT=none\n');
  const { exit, text } = start([]);
  expect(await exit).toEqual([78, null]);
  expect(text()).toMatch(/3 settings are wrong:\n {2}- LOG_LEVEL .*\n {2}- CALFLEET_ADMIN_KEY /);
  expect(text()).not.toMatch(/Starting Calfleet/);
  await rm(join(root, '.env'));
});

/** The printed curl line, read by a shell, sent without needing a curl. */
async function pasted(text: string): Promise<unknown> {
  const line = /^ *(curl .*)$/m.exec(text)?.[1] ?? '';
  const args = execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }\n${line}`])
    .toString()
    .trim()
    .split('\n');
  const headers = args.flatMap((arg, index) => (args[index - 1] === '-H' ? [arg.split(': ', 2)] : []));
  const response = await fetch(args.at(-1) ?? '', {
    headers: Object.fromEntries(headers) as Record<string, string>,
  });
  expect(response.status).toBe(200);
  return response.json();
}

/** The queues that the board names, once the printed address has shown its page and loaded its scripts. */
async function queueBoard(text: string): Promise<string[]> {
  const [, address = ''] = /Queues +(http:\S+)/.exec(text) ?? [];
  const [, key = ''] = /Admin key (\S+)/.exec(text) ?? [];
  const headers = { authorization: `Basic ${Buffer.from(`operator:${key}`).toString('base64')}` };
  const open = (path: string) => fetch(`${address}${path}`, { headers });
  const html = await (await open('')).text();
  const scripts = [...html.matchAll(/src="(static\/[^"]+\.js)"/g)].map(([, path]) => path);
  expect(scripts.length).toBeGreaterThan(0);
  for (const path of scripts) expect((await open(`/${path}`)).status).toBe(200);
  const { queues } = (await (await open('/api/queues')).json()) as { queues: { name: string }[] };
  return queues.map(({ name }) => name);
}

/** Changes that a provider told ingress of, by its own count. */
async function accepted(text: string, provider: string): Promise<number> {
  const [, ingress = ''] = /Webhooks +(http:\/\/127\.0\.0\.1:\d+)/.exec(text) ?? [];
  const metrics = await (await fetch(`${ingress}/metrics`)).text();
  const labels = [`provider="${provider}"`, 'outcome="accepted"'];
  const counted = metrics
    .split('\n')
    .filter((line) => line.startsWith('calfleet_notification_received_total{'))
    .filter((line) => labels.every((label) => line.includes(label)));
  return counted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
