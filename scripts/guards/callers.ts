/** What keeps the doors: who is believed, for how long, and for what. */
import type { Guard } from './guard.ts';

const callers = 'apps/api/src/callers.integration.test.ts';
const jwt = 'apps/api/src/auth/jwt.ts';
const jwtTest = 'apps/api/src/auth/jwt.test.ts';
const lookup = 'apps/api/src/auth/key-lookup.ts';

const guards: readonly (Omit<Guard, 'invariant' | 'project'> & { project?: Guard['project'] })[] = [
  {
    says: 'a secret is compared, not its id alone',
    file: lookup,
    guard: '!row || !isApiKey(text, row.key_hash)',
    without: '!row',
    testFile: callers,
    test: 'of scope app that is wrong, expired or revoked is 401 everywhere',
  },
  {
    says: 'a revoked key is refused',
    file: lookup,
    guard: "if (row.revoked_at) return { refused: 'revoked' };",
    without: '',
    testFile: callers,
    test: 'two of them live side by side',
  },
  {
    says: 'a row is believed for less than a second',
    file: lookup,
    guard: 'const believedMs = 500;',
    without: 'const believedMs = 500_000;',
    testFile: callers,
    test: 'two of them live side by side',
  },
  {
    says: 'an expired key is refused',
    file: lookup,
    guard: 'row.expires_at <= now',
    without: 'row.expires_at < new Date(0)',
    testFile: callers,
    test: 'of scope admin that is wrong, expired or revoked is 401 everywhere',
  },
  {
    says: 'administrators alone',
    file: 'apps/api/src/application.ts',
    guard: 'if (forAdministrators) app.use(`${prefix}/admin`, adminsOnly(context));',
    without: '',
    testFile: callers,
    test: 'of scope app: any user',
  },
  {
    says: 'the board is for admin keys',
    file: 'apps/api/src/auth/admin-page.ts',
    guard: 'if (!isAdmin(caller)) {',
    without: 'if (caller.kind !== caller.kind) {',
    testFile: callers,
    test: 'of scope app: any user',
  },
  {
    says: 'a token is good for its own user',
    file: 'apps/api/src/auth/caller.ts',
    guard: 'named.every((name) => textOf(name) === caller.userId)',
    without: 'named.length >= 0',
    testFile: callers,
    test: 'its user and nobody else',
  },
  {
    says: 'forged key ids ask the sign-in once a minute',
    file: 'apps/api/src/auth/key-set.ts',
    guard: 'if (mayLook(now)) looking',
    without: 'if (mayLook(now) || true) looking',
    testFile: callers,
    test: 'rotate without a restart',
  },
  {
    says: 'a secret verifies HS256 where there is one',
    file: jwt,
    guard: "alg === 'HS256' && settings.secret !== null",
    without: 'settings.secret !== null',
    project: 'unit',
    testFile: jwtTest,
    test: 'HS512',
  },
  {
    says: 'a critical extension is not passed over',
    file: jwt,
    guard: "if ('crit' in header) return { refused: 'algorithm' };",
    without: '',
    project: 'unit',
    testFile: jwtTest,
    test: 'a critical extension',
  },
  {
    says: 'a token ends',
    file: jwt,
    guard: '!Number.isFinite(exp) || ',
    without: '',
    project: 'unit',
    testFile: jwtTest,
    test: 'without an end',
  },
  {
    says: 'a token is meant for us',
    file: jwt,
    guard: 'wanted.audience !== null && ',
    without: 'wanted.audience === null && ',
    project: 'unit',
    testFile: jwtTest,
    test: 'another audience',
  },
  {
    says: 'the kill switch is not counted',
    file: 'apps/api/src/application.ts',
    guard: "isAdmin(caller) && request.path.startsWith('/admin/')",
    without: 'false',
    testFile: 'apps/api/src/rate-limit.integration.test.ts',
    test: 'an administrator at work is not counted',
  },
];

export const callersGuards: readonly Guard[] = guards.map((guard) => ({
  project: 'integration',
  ...guard,
  invariant: 'callers',
}));
