/** What keeps writes from leaving when somebody said so, or when they go in circles. */
import type { Guard } from './guard.ts';

const testFile = 'packages/sync/src/write-brake.integration.test.ts';
const push = 'packages/sync/src/push.ts';
const writes = 'packages/db/src/writes.ts';

export const writeBrake: readonly Guard[] = [
  {
    says: 'nobody begins to push what is stopped',
    file: writes,
    guard: 'and not ${areWritesStopped(Prisma.sql`a.id`)}',
    without: '',
    test: 'nothing leaves and nobody is rung for',
  },
  {
    says: 'a push that is under way takes nothing more',
    file: writes,
    guard: 'and not ${areWritesStopped(Prisma.sql`n.account_id`)}',
    without: '',
    test: 'a push that is under way ends what it has begun',
  },
  {
    says: 'nobody is rung for what is stopped',
    file: writes,
    guard: 'and not ${areWritesStopped(Prisma.sql`w.account_id`)}',
    without: '',
    test: 'nothing leaves and nobody is rung for',
  },
  {
    says: 'an event that goes in circles rests',
    file: push,
    guard: "if (!lease.isLeaving && (await brakeWrite(deps, tx, write))) return 'held';",
    without: '',
    test: 'two programs that answer each other for ever',
  },
  {
    says: 'a loop leaves one write behind',
    file: 'packages/sync/src/note-write.ts',
    guard: "({ state }) => state === 'pending' || state === 'parked',",
    without: "({ state }) => state === 'pending',",
    test: 'two programs that answer each other for ever',
  },
  {
    says: 'a person lets it go, counted anew',
    file: 'packages/db/src/api/writes.ts',
    guard: 'error = null, released_at = ${now}, ',
    without: 'error = null, ',
    test: 'a person lets it go',
  },
  {
    says: 'an account that goes in circles stops',
    file: push,
    guard: '!(await brakeAccount(deps, tx, lease))',
    without: 'lease.epoch >= 0n',
    test: 'an account far above what is usual stops',
  },
].map((guard) => ({ invariant: 'brake', project: 'integration' as const, testFile, ...guard }));
