import { ConfigError } from '@calfleet/config';
import { checkSettings, composeSettings, portWishes, wantsSandbox } from './settings.ts';
import { addresses } from './summary.ts';

const parts = {
  keys: {
    TOKEN_ENCRYPTION_KEYS: `k1:${Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37 + 11) % 256)).toString('base64')}`,
    CHANNEL_SIGNING_KEYS: `k1:${Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 53 + 7) % 256)).toString('base64')}`,
    CALFLEET_ADMIN_KEY: 'cf_admin_0123456789abcdefghijklmnop',
  },
  ports: { INGRESS_PORT: '1', API_PORT: '2', WORKER_METRICS_PORT: '3', SANDBOX_PORT: '4' },
  servers: { DATABASE_URL: 'postgresql://app@127.0.0.1/calfleet', REDIS_URL: 'redis://127.0.0.1' },
};

const problemsOf = (settings: Record<string, string>): readonly string[] => {
  try {
    checkSettings(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

test('an empty environment becomes a whole fleet on the sandbox', () => {
  const settings = composeSettings({}, parts);
  expect(problemsOf(settings)).toEqual([]);
  expect(settings).toMatchObject({
    API_BASE_URL: 'http://127.0.0.1:1',
    API_PUBLIC_URL: 'http://127.0.0.1:2',
    GOOGLE_API_ROOT_URL: 'http://127.0.0.1:4/google/',
    MICROSOFT_GRAPH_ROOT_URL: 'http://127.0.0.1:4/microsoft/v1.0',
    MICROSOFT_LOGIN_ROOT_URL: 'http://127.0.0.1:4/microsoft/login',
    SANDBOX_SEED: 'demo',
  });
});

test('what the environment says is not replaced, and an empty text says nothing', () => {
  const env = {
    DATABASE_URL: 'postgresql://mine@db/x',
    API_BASE_URL: 'https://hooks.example',
    REDIS_URL: '',
  };
  expect(composeSettings(env, parts)).toMatchObject({
    DATABASE_URL: 'postgresql://mine@db/x',
    API_BASE_URL: 'https://hooks.example',
    REDIS_URL: 'redis://127.0.0.1',
  });
});

test.each(['GOOGLE', 'MICROSOFT'])(
  'with a client of %s it is the real one: no sandbox, none of its addresses',
  (name) => {
    const env = { [`${name}_CLIENT_ID`]: 'id', [`${name}_CLIENT_SECRET`]: 'secret', SANDBOX_PORT: '0' };
    expect(wantsSandbox(env)).toBe(false);
    const settings = composeSettings(env, parts);
    expect(settings).not.toHaveProperty('GOOGLE_API_ROOT_URL');
    expect(settings).not.toHaveProperty('MICROSOFT_GRAPH_ROOT_URL');
    expect(addresses(settings, 'key').join('\n')).not.toMatch(/Sandbox/);
    expect(portWishes(env).map(({ setting }) => setting)).toEqual([
      'INGRESS_PORT',
      'API_PORT',
      'WORKER_METRICS_PORT',
    ]);
  },
);

test('all that is wrong is said at once, each thing once', () => {
  const env = { LOG_LEVEL: 'loud', INGRESS_PORT: 'x', CALFLEET_ADMIN_KEY: 'short' };
  const problems = problemsOf(composeSettings(env, { ...parts, ports: {} }));
  expect(problems).toHaveLength(new Set(problems).size);
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual(
    expect.arrayContaining(['LOG_LEVEL', 'INGRESS_PORT', 'CALFLEET_ADMIN_KEY']),
  );
  expect(problems.map((problem) => problem.split(' ')[0])).not.toContain('API_BASE_URL');
});
