import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readersOf, settings, type SettingName } from '@calfleet/config';
import {
  filesBelow,
  manifests,
  readDocuments,
  render,
  type Fields,
  type Manifest,
} from './manifests.fixture.ts';
import { roleNames, roles, type Role } from './roles.fixture.ts';

const { objects, kustomizations, files } = render(`${manifests}/overlays/example`);
const secrets = readDocuments<Manifest>(`${manifests}/overlays/example/secrets.example.yaml`);
const long = ['ingress', 'api', 'worker'] as const;

function find(kind: string, name: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} × ${kind} ${name}`);
  return found[0];
}
const podOf = (role: Role): Fields =>
  find(role === 'migrate' ? 'Job' : 'Deployment', role).spec['template'] as Fields;
const containerOf = (role: Role): Fields =>
  (podOf(role)['spec'] as { containers: Fields[] }).containers[0] ?? {};
const labelsOf = (role: Role) => (podOf(role)['metadata'] as Manifest['metadata']).labels ?? {};
const fits = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(selector).every(([name, text]) => labels[name] === text);

const literals = kustomizations
  .flatMap(({ configMapGenerator = [] }) => configMapGenerator)
  .flatMap((generator) => generator.literals)
  .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);

interface Variable {
  name: string;
  valueFrom: { secretKeyRef: { name: string; key: string; optional?: boolean } };
}
const variablesOf = (role: Role) => containerOf(role)['env'] as Variable[];

const random = () => `k1:${randomBytes(32).toString('base64')}`;
const values: Record<string, string> = {
  DATABASE_URL: 'postgresql://app:x@db.test/calfleet',
  MIGRATION_DATABASE_URL: 'postgresql://admin:x@db.test/calfleet',
  REDIS_URL: 'rediss://:x@redis.test:6379',
  TOKEN_ENCRYPTION_KEYS: random(),
  CHANNEL_SIGNING_KEYS: random(),
  CALFLEET_ADMIN_KEY: randomBytes(24).toString('hex'),
  AUTH_JWT_SECRET: randomBytes(24).toString('hex'),
};

test('every manifest belongs to a kustomization, and every file that one names is there', () => {
  const all = filesBelow(manifests).filter((file) => !/README\.md$|\.example\.yaml$/.test(file));
  expect(all.sort()).toEqual([...new Set(files)].sort());
  expect(objects.length).toBeGreaterThan(20);
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
});

test.each(roleNames)('%s starts with what the manifests and secrets give it', (role) => {
  const given = Object.fromEntries(variablesOf(role).map(({ name }) => [name, values[name] ?? 'given']));
  expect(() => roles[role]({ ...Object.fromEntries(literals), ...given })).not.toThrow();
});

test.each(roleNames)(
  '%s gets the secrets that it reads, from secrets that are described, and no other',
  (role) => {
    const names = variablesOf(role).map(({ name }) => name);
    const all = Object.entries(settings) as [SettingName, object][];
    const readable = all.filter(([name]) => readersOf(name).includes(role)).map(([name]) => name as string);
    expect(names.filter((name) => !readable.includes(name))).toEqual([]);
    const secret = all.filter(([, setting]) => 'secret' in setting).map(([name]) => name as string);
    expect(readable.filter((name) => secret.includes(name) && !names.includes(name))).toEqual([]);
    for (const { name, valueFrom } of variablesOf(role)) {
      const { name: from, key, optional } = valueFrom.secretKeyRef;
      expect(key).toBe(name);
      expect(Object.keys(secrets.find(({ metadata }) => metadata.name === from)?.stringData ?? {})).toContain(
        key,
      );
      // One provider may be left out, and tokens of users; nothing else.
      expect(optional === true).toBe(/^(GOOGLE|MICROSOFT)_|^AUTH_/.test(name));
    }
  },
);

test('what the settings say is known and no secret', () => {
  for (const [name] of literals) {
    expect(settings).toHaveProperty(name);
    expect(settings[name as SettingName]).not.toHaveProperty('secret');
  }
});

test.each(roleNames)('%s is the one image in its own role, without rights', (role) => {
  const container = containerOf(role);
  expect(container).toMatchObject({
    image: 'calfleet',
    command: ['node', `dist/${role}.js`],
    envFrom: [{ configMapRef: { name: 'calfleet-settings' } }],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: {
      requests: { cpu: expect.any(String) as string, memory: expect.any(String) as string },
      limits: { memory: expect.any(String) as string },
    },
  });
  expect(podOf(role)['spec']).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  });
  expect(readFileSync('Dockerfile', 'utf8')).toContain('USER 1000:1000');
});

test.each([
  ['ingress', 'INGRESS_PORT'],
  ['api', 'API_PORT'],
  ['worker', 'WORKER_METRICS_PORT'],
] as const)('%s listens and is probed where it is by default', (role, setting) => {
  const port = Number(settings[setting].default);
  const container = containerOf(role);
  expect(container['ports']).toEqual([{ name: 'http', containerPort: port }]);
  // Liveness asks for the process alone: one that is restarted finds the same Postgres and the same Redis.
  for (const probe of ['livenessProbe', 'startupProbe']) {
    expect(container[probe]).toMatchObject({ httpGet: { path: '/healthz', port: 'http' } });
  }
  expect(container['readinessProbe']).toMatchObject({ httpGet: { path: '/readyz', port: 'http' } });
  const service = find('Service', `calfleet-${role}`);
  expect(service.spec['ports']).toEqual([{ name: 'http', port, targetPort: 'http' }]);
  expect(fits(service.spec['selector'] as Record<string, string>, labelsOf(role))).toBe(true);
  expect((podOf(role)['metadata'] as Fields)['annotations']).toEqual({
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(port),
  });
});

test.each(long)('%s has a second one, and is left time to stop', (role) => {
  const { spec } = find('Deployment', role);
  const selector = (spec['selector'] as Fields)['matchLabels'] as Record<string, string>;
  expect(selector['app.kubernetes.io/component']).toBe(role);
  expect(fits(selector, labelsOf(role))).toBe(true);
  expect(long.filter((other) => fits(selector, labelsOf(other)))).toEqual([role]);
  const budget = find('PodDisruptionBudget', role).spec;
  expect(budget['maxUnavailable']).toBe(1);
  expect((budget['selector'] as Fields)['matchLabels']).toEqual(selector);
  const pod = podOf(role)['spec'] as Fields;
  for (const spread of pod['topologySpreadConstraints'] as Fields[]) {
    expect((spread['labelSelector'] as Fields)['matchLabels']).toEqual(selector);
  }
  const leaving = containerOf(role)['lifecycle'] === undefined ? 0 : 5;
  expect(pod['terminationGracePeriodSeconds']).toBeGreaterThanOrEqual(leaving + 10);
  expect((spec['strategy'] as Fields)['rollingUpdate']).toEqual({ maxSurge: 1, maxUnavailable: 0 });
});

test('autoscalers aim at deployments that leave the number to them', () => {
  const scalers = objects.filter(({ kind }) => ['HorizontalPodAutoscaler', 'ScaledObject'].includes(kind));
  expect(scalers.map(({ metadata }) => metadata.name).sort()).toEqual(['api', 'ingress', 'worker']);
  for (const { kind, spec } of scalers) {
    const target = find('Deployment', (spec['scaleTargetRef'] as { name: string }).name);
    const least = (spec['minReplicas'] ?? spec['minReplicaCount']) as number;
    expect(least).toBeGreaterThanOrEqual(2);
    // Where KEDA may be missing, the base has a number, and the component takes it away.
    if (kind === 'HorizontalPodAutoscaler') expect(target.spec['replicas']).toBeUndefined();
    else expect(target.spec['replicas']).toBeGreaterThanOrEqual(2);
  }
  const component = readFileSync(`${manifests}/components/worker-autoscaling/kustomization.yaml`, 'utf8');
  expect(component).toMatch(/kind: Deployment, name: worker[\s\S]*op: remove[\s\S]*path: \/spec\/replicas/);
});

test('workers are scaled by a metric that they export', () => {
  const triggers = find('ScaledObject', 'worker').spec['triggers'] as { metadata: { query: string } }[];
  const telemetry = filesBelow('packages/telemetry/src')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  for (const { metadata } of triggers) {
    const [metric = ''] = /calfleet_\w+/.exec(metadata.query) ?? [];
    expect(telemetry).toMatch(new RegExp(`'(calfleet_)?${metric.slice('calfleet_'.length)}'`));
  }
});

test('migrations go first: the job and all that it needs are picked by their label', () => {
  const first = (object: Manifest) => object.metadata.labels?.['calfleet/rollout'] === 'first';
  const kinds = objects.filter(first).map(({ kind }) => kind);
  expect([...new Set(kinds)].sort()).toEqual(['Job', 'Namespace', 'NetworkPolicy']);
  expect(readFileSync(`${manifests}/README.md`, 'utf8')).toContain('-l calfleet/rollout=first');
  expect(find('Job', 'migrate').spec).toMatchObject({ backoffLimit: expect.any(Number) as number });
  expect((podOf('migrate')['spec'] as Fields)['restartPolicy']).toBe('Never');
});

interface Rule {
  ports: { port: number | string }[];
  to?: { ipBlock?: { cidr: string; except: string[] } }[];
}

test('the network is closed but for what each role needs', () => {
  expect(find('NetworkPolicy', 'deny').spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  const out = (role: Role) => {
    const { podSelector, egress } = find('NetworkPolicy', role).spec as {
      podSelector: { matchLabels: Record<string, string> };
      egress: Rule[];
    };
    expect(fits(podSelector.matchLabels, labelsOf(role))).toBe(true);
    return egress.flatMap(({ ports }) => ports.map(({ port }) => port));
  };
  expect(out('ingress')).toEqual([6379]);
  expect(out('api')).toEqual([5432, 6379, 443]);
  expect(out('migrate')).toEqual([5432]);
  expect(out('worker')).toEqual([5432, 6379, 443]);
  for (const role of ['worker', 'api']) {
    const internet = (find('NetworkPolicy', role).spec['egress'] as Rule[])[1]?.to?.map((to) => to.ipBlock);
    expect(internet?.[0]?.except).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']),
    );
  }
});

test('the overlay names the image of every role', () => {
  const images = kustomizations.flatMap((kustomization) => kustomization.images ?? []);
  expect(images).toHaveLength(1);
  expect(images[0]?.name).toBe('calfleet');
  expect(images[0]?.newTag).not.toBe('latest');
});

test('Prometheus finds the services by what they are called', () => {
  const { selector, endpoints } = find('ServiceMonitor', 'calfleet').spec as {
    selector: { matchLabels: Record<string, string> };
    endpoints: { port: string; path: string }[];
  };
  expect(endpoints).toMatchObject([{ port: 'http', path: '/metrics' }]);
  for (const role of long) {
    expect(fits(selector.matchLabels, find('Service', `calfleet-${role}`).metadata.labels ?? {})).toBe(true);
  }
});
