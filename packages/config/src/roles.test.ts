import { randomBytes } from 'node:crypto';
import {
  ConfigError,
  apiConfig,
  ingressConfig,
  migrateConfig,
  sandboxConfig,
  workerConfig,
} from './index.ts';

const ring = () => `k1:${randomBytes(32).toString('base64')}`;

const complete = () => ({
  DATABASE_URL: 'postgres://app:secret-word@127.0.0.1/calfleet',
  REDIS_URL: 'redis://127.0.0.1:6379',
  API_BASE_URL: 'https://hooks.example.test',
  API_PUBLIC_URL: 'https://calendar.example.test',
  TOKEN_ENCRYPTION_KEYS: ring(),
  CHANNEL_SIGNING_KEYS: ring(),
  CALFLEET_ADMIN_KEY: 'Zq3-8hdK2mVb_7xRt5yWc1nPe9sLf4uA',
  GOOGLE_CLIENT_ID: 'client',
  GOOGLE_CLIENT_SECRET: 'shhh',
});

function problemsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('the ingress needs Redis and signing keys, and nothing else', () => {
  const { REDIS_URL, CHANNEL_SIGNING_KEYS } = complete();
  const config = ingressConfig({ REDIS_URL, CHANNEL_SIGNING_KEYS });
  expect(config).toMatchObject({ port: 4000, redisPrefix: '{calfleet}', logLevel: 'info' });
  expect(config.channelSigningKeys[0]?.key).toHaveLength(32);
});

test('the worker gets its defaults', () => {
  const config = workerConfig(complete());
  expect(config.schedules).toEqual({
    'auto-sync': { everyMs: 600_000 },
    'webhook-drain': { everyMs: 30_000 },
    'conflict-resolution': { everyMs: 1_800_000 },
    cleanup: { cron: '0 3 * * *' },
    'incremental-pull': { everyMs: 1_200_000 },
    'watch-renewal': { everyMs: 3_600_000 },
    'mirror-audit': { cron: '30 2 * * *' },
  });
  expect(config.queues).toContain('backfill');
  expect(config.baseUrl).toBe('https://hooks.example.test/');
  expect(config.providers.google?.apiRootUrl).toBe('https://www.googleapis.com/');
  expect(config.providers.microsoft).toBeNull();
  expect(config.massDelete).toEqual({ percent: 50, min: 20 });
  expect(config.writeBrake).toEqual({ perEvent: 60, perAccount: 10_000 });
});

test('tokens of users: nothing is accepted by default, and what cannot work is said', () => {
  const none = { secret: null, keySetUrl: null, issuer: null, audience: null };
  expect(apiConfig(complete())).toMatchObject({ jwt: none, callerLimits: { perKey: 60_000, perUser: 600 } });
  const url = 'https://login.example.test/keys?p=policy';
  const published = { AUTH_JWKS_URL: url, AUTH_JWT_ISSUER: 'us', AUTH_JWT_AUDIENCE: 'calendars' };
  expect(apiConfig({ ...complete(), ...published }).jwt).toEqual({
    secret: null,
    keySetUrl: url,
    issuer: 'us',
    audience: 'calendars',
  });
  const problems = (env: Record<string, string>) => problemsOf(() => apiConfig({ ...complete(), ...env }));
  expect(problems({ AUTH_JWT_SECRET: 'word' }).join()).toMatch(/^AUTH_JWT_SECRET must have at least 32/);
  expect(problems({ AUTH_JWKS_URL: 'http://login.example.test/keys' })).toHaveLength(1);
  expect(problems({ AUTH_JWKS_URL: 'http://127.0.0.1:9/keys' })).toEqual([]);
  expect(problems({ AUTH_JWT_ISSUER: 'us' })).toEqual([
    'AUTH_JWT_ISSUER is set, and neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is',
  ]);
  // Whoever does not read them does not mind them.
  expect(problemsOf(() => workerConfig({ ...complete(), AUTH_JWT_SECRET: 'word' }))).toEqual([]);
});

test('migrations use the application login unless told otherwise', () => {
  const { DATABASE_URL } = complete();
  expect(migrateConfig({ DATABASE_URL }).migrationDatabaseUrl).toBe(DATABASE_URL);
  const other = 'postgres://owner@127.0.0.1/calfleet';
  expect(migrateConfig({ DATABASE_URL, MIGRATION_DATABASE_URL: other }).migrationDatabaseUrl).toBe(other);
});

test('an empty environment gets one message with every problem in it', () => {
  const problems = problemsOf(() => workerConfig({}));
  for (const name of [
    'DATABASE_URL',
    'REDIS_URL',
    'API_BASE_URL',
    'TOKEN_ENCRYPTION_KEYS',
    'CHANNEL_SIGNING_KEYS',
  ]) {
    expect(problems.some((problem) => problem.startsWith(`${name} is missing`))).toBe(true);
  }
  expect(problems.some((problem) => problem.startsWith('No provider is on'))).toBe(true);
  expect(() => workerConfig({})).toThrow(/6 settings are wrong/);
});

test('a problem never repeats a secret', () => {
  const env = { ...complete(), DATABASE_URL: 'mysql://u:secret-word@h', CALFLEET_ADMIN_KEY: 'short-word' };
  const problems = problemsOf(() => apiConfig(env)).join('\n');
  expect(problems).toContain('DATABASE_URL');
  expect(problems).toContain('CALFLEET_ADMIN_KEY');
  expect(problems).not.toMatch(/secret-word|short-word/);
});

const entra = { MICROSOFT_CLIENT_ID: 'app-id', MICROSOFT_CLIENT_SECRET: 'hush' };
const noGoogle = { GOOGLE_CLIENT_ID: '', GOOGLE_CLIENT_SECRET: '' };

test('Microsoft is on beside Google, and alone', () => {
  const microsoft = {
    clientId: 'app-id',
    clientSecret: 'hush',
    tenant: 'common',
    graphRootUrl: 'https://graph.microsoft.com/v1.0',
    loginRootUrl: 'https://login.microsoftonline.com',
  };
  for (const load of [apiConfig, workerConfig]) {
    expect(load({ ...complete(), ...entra }).providers).toMatchObject({ google: {}, microsoft });
    expect(load({ ...complete(), ...noGoogle, ...entra }).providers).toEqual({ google: null, microsoft });
  }
});

test('a window that Microsoft cannot show is refused where Microsoft is on', () => {
  const wide = { ...complete(), SYNC_PAST_DAYS: '30', SYNC_FUTURE_DAYS: '1763' };
  expect(problemsOf(() => workerConfig({ ...wide, ...entra }))).toEqual([
    'SYNC_PAST_DAYS and SYNC_FUTURE_DAYS come to more than 1792, which Microsoft does not show',
  ]);
  expect(workerConfig(wide).window.futureDays).toBe(1763);
  expect(workerConfig({ ...wide, ...entra, SYNC_FUTURE_DAYS: '1762' }).window.futureDays).toBe(1762);
});

test('Microsoft can be somewhere else: another tenant, another root', () => {
  const { providers } = workerConfig({
    ...complete(),
    ...entra,
    MICROSOFT_TENANT: 'contoso.onmicrosoft.com',
    MICROSOFT_GRAPH_ROOT_URL: 'http://127.0.0.1:9/microsoft/v1.0/',
    MICROSOFT_LOGIN_ROOT_URL: 'https://login.microsoftonline.us//',
  });
  expect(providers.microsoft).toMatchObject({
    tenant: 'contoso.onmicrosoft.com',
    graphRootUrl: 'http://127.0.0.1:9/microsoft/v1.0',
    loginRootUrl: 'https://login.microsoftonline.us',
  });
});

test.each(['..', '.', 'a/b', 'common?x=1', 'common#', 'te nant', '%2e%2e', 'tenant\u0000'])(
  'tenant %j is refused: it becomes part of an address',
  (MICROSOFT_TENANT) => {
    expect(problemsOf(() => apiConfig({ ...complete(), ...entra, MICROSOFT_TENANT }))).toEqual([
      'MICROSOFT_TENANT must be common, organizations, consumers, a tenant id or a domain',
    ]);
  },
);

test.each(['MICROSOFT_GRAPH_ROOT_URL', 'MICROSOFT_LOGIN_ROOT_URL'])(
  '%s takes plain http on loopback alone',
  (name) => {
    const load = (root: string) => problemsOf(() => workerConfig({ ...complete(), ...entra, [name]: root }));
    expect(load('http://localhost:9/graph')).toEqual([]);
    for (const root of ['http://graph.example.test/v1.0', 'https://u:p@graph.test/', 'nonsense']) {
      expect(load(root)).toEqual([expect.stringMatching(`^${name} `)]);
    }
  },
);

test.each(['GOOGLE', 'MICROSOFT'])('half of %s is named, whatever else is on', (name) => {
  const [id, secret] = [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`];
  for (const [set, missing] of [
    [id, secret],
    [secret, id],
  ] as const) {
    const problems = [`${missing} is missing: ${set} is set`];
    const both = { ...complete(), ...entra, [missing]: '' };
    const alone = { ...complete(), ...noGoogle, [set]: 'given-word' };
    for (const env of [both, alone]) {
      expect(problemsOf(() => workerConfig(env))).toEqual(problems);
      expect(problemsOf(() => apiConfig(env))).toEqual(problems);
    }
  }
});

test('without any provider both ways out are named', () => {
  expect(problemsOf(() => workerConfig({ ...complete(), ...noGoogle }))).toEqual([
    expect.stringMatching(/^No provider is on: .*GOOGLE_CLIENT_SECRET.*MICROSOFT_CLIENT_SECRET$/),
  ]);
});

test.each([
  'http://127.0.0.1:9/google/',
  'http://localhost:9/google',
  'http://[::1]:9/google',
  'https://g.test/google',
])('root address %s is accepted and keeps its path', (GOOGLE_API_ROOT_URL) => {
  const root = workerConfig({ ...complete(), GOOGLE_API_ROOT_URL }).providers.google?.apiRootUrl;
  expect(new URL(root ?? '').pathname).toBe('/google/');
});

test.each([
  'http://example.test/',
  'http://127.0.0.1.example.test/',
  'ftp://127.0.0.1/',
  'https://u:p@g.test/',
  'nonsense',
])('root address %s is refused', (GOOGLE_API_ROOT_URL) => {
  expect(problemsOf(() => workerConfig({ ...complete(), GOOGLE_API_ROOT_URL }))).toEqual([
    expect.stringMatching(/^GOOGLE_API_ROOT_URL /),
  ]);
});

test('plain http leaves this machine only to hosts that are named', () => {
  const addresses = {
    API_BASE_URL: 'http://ingress:4000',
    API_PUBLIC_URL: 'http://api:4001',
    GOOGLE_TOKEN_URL: 'http://sandbox:4010/google/oauth2/token',
  };
  const env = { ...complete(), ...addresses };
  expect(problemsOf(() => workerConfig({ ...env, PLAIN_HTTP_HOSTS: 'ingress,sandbox' }))).toEqual([]);
  expect(problemsOf(() => workerConfig({ ...env, PLAIN_HTTP_HOSTS: 'ingress' }))).toEqual([
    expect.stringMatching(/^GOOGLE_TOKEN_URL must be https:\/\/ .*PLAIN_HTTP_HOSTS/),
  ]);
  expect(problemsOf(() => apiConfig({ ...env, PLAIN_HTTP_HOSTS: 'ingress, sandbox' }))).toEqual([
    expect.stringMatching(/^API_PUBLIC_URL /),
  ]);
});

test('ports may be 0, and nothing that is no port', () => {
  expect(sandboxConfig({ SANDBOX_PORT: '0' }).port).toBe(0);
  for (const SANDBOX_PORT of ['-1', '65536', '4e3', '40 00', '0x10']) {
    expect(problemsOf(() => sandboxConfig({ SANDBOX_PORT }))).toHaveLength(1);
  }
});

test('the sandbox starts without any setting, on loopback', () => {
  expect(sandboxConfig({})).toMatchObject({ host: '127.0.0.1', port: 4010, client: null, pushHttpHosts: [] });
  expect(sandboxConfig({ SANDBOX_PUSH_HTTP_HOSTS: 'ingress, other' }).pushHttpHosts).toEqual([
    'ingress',
    'other',
  ]);
});

test('addresses to be sent back to are kept to the letter, and are https outside this machine', () => {
  const env = complete();
  expect(apiConfig(env).redirectUris).toEqual([]);
  const given = 'https://app.example.test/done?from=calfleet, http://localhost:3000/done';
  expect(apiConfig({ ...env, OAUTH_REDIRECT_URIS: given }).redirectUris).toEqual(given.split(', '));
  const problems = (list: string) => problemsOf(() => apiConfig({ ...env, OAUTH_REDIRECT_URIS: list }));
  expect(problems('https://a.test/, nowhere, https://b.test/#x')).toEqual([
    'OAUTH_REDIRECT_URIS entry 2 is not a URL',
    'OAUTH_REDIRECT_URIS entry 3 must not carry a fragment',
  ]);
  expect(problems('https://a.test/,http://b.test/')).toEqual([expect.stringContaining('must be https://')]);
});
