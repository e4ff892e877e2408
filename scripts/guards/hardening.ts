/** What keeps strangers, mistakes and owners of the database in bounds. */
import type { Guard } from './guard.ts';

const ingress = 'apps/ingress/src/hardening.integration.test.ts';
const api = 'apps/api/src/hardening.integration.test.ts';
const auditLog = 'apps/local/src/cli/audit-log.integration.test.ts';
const audited = 'apps/api/src/audited.integration.test.ts';

const guards: readonly (Omit<Guard, 'invariant' | 'project'> & { project?: Guard['project'] })[] = [
  {
    says: 'an entry is hashed with the one before it',
    file: 'packages/db/src/audit-chain.ts',
    guard: "createHash('sha256').update(before)",
    without: "createHash('sha256')",
    testFile: auditLog,
    test: 'a link that was laid anew',
  },
  {
    says: 'a noted link is compared',
    file: 'apps/local/src/cli/audit-log.ts',
    guard: 'noted?.n === link.n && noted.hash !== link.hash',
    without: 'noted === undefined',
    testFile: auditLog,
    test: 'a chain that was laid anew',
  },
  {
    says: 'one worker lays the chain at a time',
    file: 'packages/db/src/audit-chain.ts',
    guard: 'if (!lock?.mine) return [];',
    without: '',
    testFile: auditLog,
    test: 'many workers at once',
  },
  {
    says: 'a first answer that is told again is no act',
    file: 'apps/api/src/writes.ts',
    guard: 'if (first) return { written: replay(first), rings: [] };',
    without:
      'if (first) { await auditWrite(tx, call, { answer: replay(first), at: context.clock.now() }); return { written: replay(first), rings: [] }; }',
    testFile: audited,
    test: 'an account that a backend brings',
  },
  {
    says: 'states that are no good are counted, not listed',
    file: 'apps/api/src/connect/finish.ts',
    guard: 'context.refusals.count(`state_${refused}`, arrival.address);',
    without: '',
    testFile: audited,
    test: 'replayed and made-up states',
  },
  {
    says: 'a channel has a cap',
    file: 'apps/ingress/src/google.ts',
    guard: 'if (!withinChannelCap(watchId)) {',
    without: 'if (watchId === null) {',
    testFile: ingress,
    test: 'a channel over its cap',
  },
  {
    says: 'a body is refused before it is sent',
    file: 'apps/api/src/application.ts',
    guard: 'app.use(prefix, demandJson, capBody, express',
    without: 'app.use(prefix, demandJson, express',
    testFile: api,
    test: '10 MB are 413',
  },
  {
    says: 'requests have an end',
    file: 'packages/config/src/slow-clients.ts',
    guard: 'requestTimeout: requestMs,',
    without: 'requestTimeout: 0,',
    project: 'unit',
    testFile: 'packages/config/src/slow-clients.test.ts',
    test: 'whoever sends a body',
  },
  {
    says: 'answers that nobody reads have an end',
    file: 'packages/config/src/slow-clients.ts',
    guard: 'server.setTimeout(stalledMs);',
    without: '',
    project: 'unit',
    testFile: 'packages/config/src/slow-clients.test.ts',
    test: 'whoever does not read',
  },
  {
    says: 'the public port knows no queue board beside an admin port',
    file: 'apps/api/src/application.ts',
    guard: 'pageRoutes.filter((placed) => isServed(placed.route))',
    without: 'pageRoutes',
    testFile: api,
    test: 'the public port answers 404',
  },
  {
    says: 'no redirect of Google is followed',
    file: 'packages/providers/src/google/call.ts',
    guard: "redirect: 'manual',",
    without: '',
    project: 'unit',
    testFile: 'packages/providers/src/hostile-addresses.test.ts',
    test: 'of google is not followed',
  },
  {
    says: 'links stay below the root',
    file: 'packages/providers/src/microsoft/call.ts',
    guard: 'url?.origin === wanted.origin &&',
    without: 'url !== null &&',
    project: 'unit',
    testFile: 'packages/providers/src/hostile-addresses.test.ts',
    test: 'leads nowhere',
  },
  {
    says: 'row-level security is forced',
    file: 'prisma/migrations/20261126010000_audit_chain/migration.sql',
    guard: 'enable row level security, force row level security',
    without: 'enable row level security',
    testFile: 'packages/db/src/row-level-security.integration.test.ts',
    test: 'every table has row-level security on and forced',
  },
  {
    says: 'new install scripts wait for a person',
    file: 'scripts/dependencies.mjs',
    guard: 'hasInstallScript && !installScripts.has(name)',
    without: 'hasInstallScript && installScripts.has(path)',
    project: 'unit',
    testFile: 'packages/testkit/src/dependencies.test.ts',
    test: 'a new install script',
  },
];

export const hardeningGuards: readonly Guard[] = guards.map((guard) => ({
  project: 'integration',
  ...guard,
  invariant: 'hardening',
}));
