import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readersOf, sandboxConfig, settings, workerConfig, type SettingName } from '@calfleet/config';
import { sandboxClient } from '@calfleet/sandbox';
import { readCompose, readVariables, type ComposeFile } from './compose.fixture.ts';
import { roleNames, roles } from './roles.fixture.ts';

let place: string;
let secrets: Record<string, string>;
let real: ComposeFile;
let played: ComposeFile;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'calfleet-compose-'));
  mkdirSync(join(place, 'scripts'));
  copyFileSync('scripts/secrets.sh', join(place, 'scripts', 'secrets.sh'));
  makeSecrets();
  secrets = readVariables(readFileSync(join(place, '.env'), 'utf8'));
  real = readCompose({ ...secrets, GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' });
  const sandbox = readVariables(readFileSync('deploy/compose/sandbox.env', 'utf8'));
  played = readCompose({ ...secrets, ...sandbox });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const makeSecrets = (): string =>
  execFileSync('sh', [join(place, 'scripts', 'secrets.sh')], { encoding: 'utf8' });

const environmentOf = (file: ComposeFile, name: string) => file.services[name]?.environment ?? {};

test.each(roleNames)('%s accepts its settings, with a real provider and with the sandbox', (role) => {
  expect(() => roles[role](environmentOf(real, role))).not.toThrow();
  expect(() => roles[role](environmentOf(played, role))).not.toThrow();
});

test.each(roleNames)('%s is given every setting that it reads, and no secret besides', (role) => {
  const given = Object.keys(environmentOf(real, role)).filter((name) => !name.startsWith('OTEL_'));
  const all = Object.keys(settings) as SettingName[];
  // Inside its container a port is what the file says it is.
  const readable = all.filter((name) => readersOf(name).includes(role) && !/_PORT$/.test(name));
  expect(given.sort()).toEqual(readable.sort());
});

test('a setting in .env reaches its process', () => {
  const { services } = readCompose({ ...secrets, WORKER_CONCURRENCY: '12', SYNC_PAST_DAYS: '7' });
  expect(services['worker']?.environment).toMatchObject({ WORKER_CONCURRENCY: '12', SYNC_PAST_DAYS: '7' });
});

test('the sandbox is reached by the names of its neighbours, and knows the client', () => {
  const sandbox = sandboxConfig(environmentOf(played, 'sandbox'));
  expect(sandbox).toMatchObject({ host: '0.0.0.0', port: 4010, seed: 'demo', pushHttpHosts: ['ingress'] });
  const { providers, baseUrl } = workerConfig(environmentOf(played, 'worker'));
  expect(new URL(baseUrl).host).toBe('ingress:4000');
  expect(providers.google).toMatchObject({ clientId: sandboxClient.id, clientSecret: sandboxClient.secret });
  expect(providers.microsoft).toMatchObject({
    clientId: sandboxClient.id,
    clientSecret: sandboxClient.secret,
  });
  for (const url of [
    providers.google?.apiRootUrl,
    providers.google?.tokenUrl,
    providers.microsoft?.graphRootUrl,
  ]) {
    expect(new URL(url ?? '').host).toBe('sandbox:4010');
  }
  expect(Object.keys(readVariables(readFileSync('deploy/compose/sandbox.env', 'utf8')))).toEqual(
    expect.not.arrayContaining(['TOKEN_ENCRYPTION_KEYS', 'CALFLEET_ADMIN_KEY']),
  );
});

test('secrets are made once: a second run changes nothing, and only their owner reads them', () => {
  const before = readFileSync(join(place, '.env'), 'utf8');
  expect(makeSecrets()).not.toContain('written');
  expect(readFileSync(join(place, '.env'), 'utf8')).toBe(before);
  expect(statSync(join(place, '.env')).mode & 0o077).toBe(0);
});

test('secrets are added to a .env made of .env.example, and what is set there stays', () => {
  const file = join(place, '.env');
  const kept = readFileSync(file, 'utf8');
  try {
    writeFileSync(file, `${readFileSync('.env.example', 'utf8')}CALFLEET_ADMIN_KEY=mine\nLOG_LEVEL=debug`);
    makeSecrets();
    const made = readVariables(readFileSync(file, 'utf8'));
    expect(made).toMatchObject({ CALFLEET_ADMIN_KEY: 'mine', LOG_LEVEL: 'debug' });
    expect(made['TOKEN_ENCRYPTION_KEYS']).toMatch(/^k1:/);
    expect(made['POSTGRES_PASSWORD']).toMatch(/^[0-9a-f]{48}$/);
  } finally {
    writeFileSync(file, kept);
  }
});

test.each(['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'TOKEN_ENCRYPTION_KEYS'])(
  '%s is asked for by name',
  (name) => {
    expect(() => readCompose({ ...secrets, [name]: '' })).toThrow(
      `${name} is not set. sh scripts/secrets.sh`,
    );
  },
);

const ours = ['migrate', 'ingress', 'api', 'worker', 'sandbox'];

test.each(ours)('%s runs the one image, without rights, and has time to stop', (name) => {
  const service = real.services[name];
  expect(service).toMatchObject({
    image: 'calfleet:local',
    command: ['node', `dist/${name}.js`],
    init: true,
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
  expect(Number.parseInt(service?.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(10);
});

test('one service builds the image, and every other one waits for it', () => {
  expect(ours.filter((name) => real.services[name]?.build !== undefined)).toEqual(['migrate']);
  for (const name of ours.filter((other) => other !== 'migrate')) {
    expect(real.services[name]?.depends_on?.['migrate']?.condition).toBe('service_completed_successfully');
  }
});

test('whoever is waited for says when it is well', () => {
  for (const service of Object.values(real.services)) {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const awaited = real.services[name];
      expect(awaited).toBeDefined();
      if (condition === 'service_healthy') expect(awaited?.healthcheck).toBeDefined();
      else expect(awaited?.restart).toBe('no');
    }
  }
});

test.each([
  ['ingress', 4000, '/readyz'],
  ['api', 4001, '/readyz'],
  ['worker', 4002, '/readyz'],
  ['sandbox', 4010, '/healthz'],
])('%s is probed on %d at %s by a program that its image has', (name, port, path) => {
  const [kind, program, flag, script = ''] = real.services[name]?.healthcheck?.test ?? [];
  expect([kind, program, flag]).toEqual(['CMD', 'node', '-e']);
  expect(script).toContain(`http://127.0.0.1:${port}${path}`);
  // It is a program, and it says 1 where nobody answers.
  const elsewhere = script.replace(/:\d+\//, ':1/');
  expect(spawnSync(process.execPath, ['-e', elsewhere]).status).toBe(1);
});

test('nothing listens beyond this machine, and workers can be many', () => {
  const ports = Object.values(real.services).flatMap((service) => service.ports ?? []);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  expect(Object.values(real.services).filter((service) => service.container_name !== undefined)).toEqual([]);
  expect(real.services['worker']?.ports).toBeUndefined();
});

test('logs are turned over, and data lie in volumes that are declared', () => {
  for (const service of Object.values(real.services)) {
    expect(service.logging?.options).toHaveProperty('max-size');
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./')) expect(existsSync(source)).toBe(true);
      else expect(Object.keys(real.volumes)).toContain(source);
    }
  }
});

test('extras are behind profiles; images are of a stated version', () => {
  const profiles = Object.entries(real.services).flatMap(([name, service]) =>
    (service.profiles ?? []).map((profile) => `${profile}: ${name}`),
  );
  expect(profiles).toEqual(['sandbox: sandbox', 'observability: prometheus', 'observability: grafana']);
  const images = Object.values(real.services).map(({ image }) => image);
  expect(images.filter((image) => !/:[a-z]*v?\d|:local$/.test(image) || image.endsWith(':latest'))).toEqual(
    [],
  );
});

test('Redis loses nothing to evictions, and keeps its file', () => {
  const command = (real.services['redis']?.command ?? []).join(' ');
  expect(command).toContain('--appendonly yes');
  expect(command).toContain('--maxmemory-policy noeviction');
});
