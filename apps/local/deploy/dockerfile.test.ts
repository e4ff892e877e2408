import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { readCopy, readDockerfile, readDockerignore } from './dockerfile.fixture.ts';

const instructions = readDockerfile();
const isLeftOut = readDockerignore();
const named = (name: string) => instructions.filter((instruction) => instruction.name === name);
const runtime = instructions.filter(({ stage }) => stage === '0');

test('both stages stand on one Node of a stated version, which package.json admits', () => {
  const bases = named('FROM').map(({ text }) => text.replace(/ AS \w+$/, ''));
  expect(bases).toHaveLength(2);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(/^node:20\.(19|[2-9]\d)\.\d+-bookworm-slim(@sha256:[0-9a-f]{64})?$/);
});

test('the image runs one process as an ordinary user, and signals reach it', () => {
  expect(runtime.find(({ name }) => name === 'USER')?.text).toBe('1000:1000');
  expect(runtime.find(({ name }) => name === 'STOPSIGNAL')?.text).toBe('SIGTERM');
  // A shell between the engine and Node would keep SIGTERM to itself.
  expect(JSON.parse(runtime.find(({ name }) => name === 'CMD')?.text ?? 'null')).toEqual([
    'node',
    'dist/worker.js',
  ]);
  expect(named('ENTRYPOINT')).toEqual([]);
  expect(runtime.find(({ name }) => name === 'ENV')?.text).toContain('NODE_ENV=production');
  expect(runtime.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
    runtime.findIndex(({ name }) => name === 'COPY'),
  );
});

test('the image holds what its build stage laid out, and nothing of the context', () => {
  expect(runtime.filter(({ name }) => name === 'COPY').map(readCopy)).toEqual([
    { from: 'build', sources: ['/calfleet'], destination: './' },
  ]);
  expect(runtime.filter(({ name }) => name === 'RUN')).toEqual([]);
});

test('whatever is copied from the context is there, and let in', () => {
  const sources = named('COPY')
    .map(readCopy)
    .filter(({ from }) => from === null)
    .flatMap((copy) => copy.sources);
  expect(sources.length).toBeGreaterThan(10);
  expect(sources.filter((path) => !existsSync(path))).toEqual([]);
  expect(sources.filter(isLeftOut)).toEqual([]);
});

test('npm ci sees the manifest of every workspace', () => {
  const copied = named('COPY').flatMap((instruction) => readCopy(instruction).sources);
  const manifests = ['apps', 'packages'].flatMap((home) =>
    readdirSync(home).map((name) => `${home}/${name}/package.json`),
  );
  expect(manifests.filter((path) => !copied.includes(path))).toEqual([]);
});

test.each([
  '.env',
  '.git/config',
  '.calfleet/keys.json',
  'node_modules/express/index.js',
  'packages/db/node_modules/x/index.js',
  'packages/db/generated/client.ts',
  'dist/worker.js',
  'apps/api/.env',
  'apps/local/src/launch.e2e.test.ts',
  'apps/worker/src/fleet.fixture.ts',
  'docs/ARCHITECTURE.md',
])('%s never enters the build', (path) => {
  expect(isLeftOut(path)).toBe(true);
});

test('the port of each process is announced', () => {
  const settings = readFileSync('.env.example', 'utf8');
  const ports = ['INGRESS_PORT', 'API_PORT', 'WORKER_METRICS_PORT'].map(
    (name) => new RegExp(`^# ${name}=(\\d+)$`, 'm').exec(settings)?.[1],
  );
  expect(runtime.find(({ name }) => name === 'EXPOSE')?.text.split(' ')).toEqual(ports);
});
