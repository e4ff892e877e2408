/** What keeps a rotation of keys from losing a grant, and from leaving one behind. */
import type { Guard } from './guard.ts';

const testFile = 'apps/local/src/cli/token-keys.integration.test.ts';
const dataKeys = 'packages/db/src/data-keys.ts';

const guards: readonly Omit<Guard, 'invariant' | 'project' | 'testFile'>[] = [
  {
    says: 'a data key is replaced only where it still is the one that was read',
    file: dataKeys,
    guard: 'a.id = i.id::uuid and a.data_key = i.was',
    without: 'a.id = i.id::uuid',
    test: 'a grant that is renewed between the look and the replacement',
  },
  {
    says: 'what was held or changed is met again',
    file: 'apps/local/src/cli/reseal-data-keys.ts',
    guard: 'if (missed === 0) break;',
    without: 'break;',
    test: 'a row that somebody holds is waited for by nobody',
  },
  {
    says: 'answers that hold a state are sealed anew as well',
    file: dataKeys,
    guard: "export const dataKeyPlaces = ['accounts', 'oauth_states', 'idempotency_keys'] as const;",
    without:
      "export const dataKeyPlaces = ['accounts', 'oauth_states'] as unknown as readonly ['accounts', 'oauth_states', 'idempotency_keys'];",
    test: 'everything that the ring seals is on its first key afterwards',
  },
];

export const vaultGuards: readonly Guard[] = guards.map((guard) => ({
  ...guard,
  project: 'integration',
  testFile,
  invariant: 'vault',
}));
