/** No process starts on keys that are missing, weak, a sample, or used for two things; one message says all that is wrong. */
import { randomBytes } from 'node:crypto';
import { bundleProgram, type Program } from './bundle.ts';

type Role = 'ingress' | 'api' | 'worker' | 'cli';
const sources: Record<Role, string> = {
  ingress: 'apps/ingress/src/main.ts',
  api: 'apps/api/src/main.ts',
  worker: 'apps/worker/src/main.ts',
  cli: 'apps/local/src/cli/main.ts',
};
const roles = Object.keys(sources) as Role[];

let programs: Record<Role, Program>;

beforeAll(async () => {
  const bundled = await Promise.all(roles.map(async (role) => [role, await bundleProgram(sources[role])]));
  programs = Object.fromEntries(bundled as [Role, Program][]) as Record<Role, Program>;
});
afterAll(() => Promise.all(Object.values(programs).map((program) => program.remove())));

const key = (): string => randomBytes(32).toString('base64');
const [one, other] = [key(), key()];
const adminKey = randomBytes(24).toString('base64url');

/** Nobody listens there: whoever starts in spite of its keys does not get far, and ends otherwise. */
const complete = (): Record<string, string> => ({
  DATABASE_URL: 'postgres://app:words@127.0.0.1:9/calfleet',
  REDIS_URL: 'redis://127.0.0.1:9',
  API_BASE_URL: 'https://hooks.calfleet.test',
  API_PUBLIC_URL: 'https://api.calfleet.test',
  INGRESS_PORT: '0',
  API_PORT: '0',
  WORKER_METRICS_PORT: '0',
  TOKEN_ENCRYPTION_KEYS: `k1:${key()}`,
  CHANNEL_SIGNING_KEYS: `k1:${key()}`,
  CALFLEET_ADMIN_KEY: adminKey,
  GOOGLE_CLIENT_ID: 'client',
  GOOGLE_CLIENT_SECRET: 'a-client-secret-of-theirs',
});

const refusal = 78;

async function start(role: Role, changes: Record<string, string>) {
  const args = role === 'cli' ? ['keys', 'status'] : [];
  const { code, output } = await programs[role].start({ ...complete(), ...changes }, args).ended;
  return { code, output };
}

const readers: Record<'TOKEN_ENCRYPTION_KEYS' | 'CHANNEL_SIGNING_KEYS', Role[]> = {
  TOKEN_ENCRYPTION_KEYS: ['api', 'worker'],
  CHANNEL_SIGNING_KEYS: ['ingress', 'worker'],
};

const weak: [name: string, text: string, problem: RegExp][] = [
  ['missing', '', /is missing/],
  ['the sample of the README', 'k1:…', /needs exactly 32 bytes in base64/],
  ['all zero', `k1:${Buffer.alloc(32).toString('base64')}`, /is a sample or a pattern/],
  [
    'a word again and again',
    `k1:${Buffer.alloc(32, 'changeme').toString('base64')}`,
    /is a sample or a pattern/,
  ],
  [
    'readable text',
    `k1:${Buffer.from('correct horse battery staple 123').toString('base64')}`,
    /is readable text/,
  ],
  ['too short', `k1:${randomBytes(16).toString('base64')}`, /needs exactly 32 bytes in base64/],
  ['one id for two keys', `k1:${one},k1:${other}`, /names a key id twice/],
  ['one key under two ids', `k1:${one},k2:${one}`, /holds the same key twice/],
];

describe.each(Object.entries(readers))('%s', (setting, readBy) => {
  test.each(weak)('%s: nobody starts who reads it', async (_, text, problem) => {
    for (const role of readBy) {
      const { code, output } = await start(role, { [setting]: text });
      expect({ role, code }).toEqual({ role, code: refusal });
      expect(output).toMatch(new RegExp(`- ${setting}( entry \\d)? ${problem.source}`));
      const secret = text.split(':').at(-1) ?? '';
      if (secret.length > 8) expect(output).not.toContain(secret);
    }
  });
});

test.each([
  [
    'one key that seals and signs',
    'worker',
    { TOKEN_ENCRYPTION_KEYS: `t1:${one}`, CHANNEL_SIGNING_KEYS: `c1:${other},c2:${one}` },
    /share a key/,
  ],
  [
    'one secret for administrators and users',
    'api',
    { AUTH_JWT_SECRET: adminKey },
    /AUTH_JWT_SECRET and CALFLEET_ADMIN_KEY are the same/,
  ],
  [
    'an admin key of a manual',
    'api',
    { CALFLEET_ADMIN_KEY: 'please-change-me-before-production-2026' },
    /CALFLEET_ADMIN_KEY is a sample/,
  ],
  [
    'an admin key of one letter',
    'api',
    { CALFLEET_ADMIN_KEY: 'a'.repeat(40) },
    /CALFLEET_ADMIN_KEY is too simple/,
  ],
  [
    'a short secret for tokens of users',
    'api',
    { AUTH_JWT_SECRET: 'hunter2' },
    /AUTH_JWT_SECRET must have at least 32 characters/,
  ],
] as const)('%s: %s does not start', async (_, role, changes, problem) => {
  const { code, output } = await start(role, changes);
  expect(code).toBe(refusal);
  expect(output).toMatch(problem);
  for (const secret of [one, other, adminKey, 'hunter2']) expect(output).not.toContain(secret);
});

test('one message lists every problem, one line each', async () => {
  const { code, output } = await start('worker', {
    TOKEN_ENCRYPTION_KEYS: `k1:${one},k1:${one}`,
    CHANNEL_SIGNING_KEYS: '',
    REDIS_URL: 'here',
    GOOGLE_CLIENT_ID: '',
    GOOGLE_CLIENT_SECRET: '',
  });
  expect(code).toBe(refusal);
  const [head, ...lines] = output.trim().split('\n');
  expect(head).toBe('Calfleet cannot start, 5 settings are wrong:');
  expect(lines.map((line) => /^ {2}- (\S+)/.exec(line)?.[1]).toSorted()).toEqual([
    'CHANNEL_SIGNING_KEYS',
    'No',
    'REDIS_URL',
    'TOKEN_ENCRYPTION_KEYS',
    'TOKEN_ENCRYPTION_KEYS',
  ]);
});

test('good keys are no reason to refuse: what ends them then is that no server answers', async () => {
  const { code, output } = await start('cli', {});
  expect(code).toBe(1);
  expect(output).toContain('Postgres does not answer at DATABASE_URL.');
});
