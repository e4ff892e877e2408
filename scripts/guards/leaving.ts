/** What keeps accounts that leave from hurting others, and from leaving anything behind. */
import type { Guard } from './guard.ts';

const leaveTest = 'packages/sync/src/leave.integration.test.ts';
const leaving = 'packages/db/src/leaving.ts';
const leave = 'packages/sync/src/leave.ts';

const guards: readonly Omit<Guard, 'invariant' | 'project' | 'testFile'>[] = [
  {
    says: 'a grant is ended by whoever leaves its mailbox last',
    file: leave,
    guard: "sharing === 'shared' || isLate",
    without: 'isLate',
    test: 'another user of the same mailbox keeps its grant',
  },
  {
    says: 'the provider is waited for no longer than a day',
    file: leave,
    guard: 'account.asks && deps.clock.now().getTime() - account.since.getTime() < dayMs',
    without: 'account.asks',
    test: 'a provider that does not answer is waited for',
  },
  {
    says: "another user's account is not asked to leave",
    file: leaving,
    guard: 'and (${wish.userId}::text is null or user_id = ${wish.userId}) for update',
    without: 'for update',
    test: 'nobody asks another user to leave',
  },
  {
    says: 'what was made through us is deleted whatever became of it',
    file: 'packages/sync/src/push.ts',
    guard: 'const sent = lease.isLeaving',
    without: 'const sent = lease.epoch < 0n',
    test: 'what was made through us is deleted there',
  },
  {
    says: 'jobs of whoever is gone are forgotten',
    file: leave,
    guard: 'await forgetJobs([account.id, ...calendars, ...watches]);',
    without: 'await forgetJobs([]);',
    test: 'purge: nothing of it is left here',
  },
  {
    says: 'channels go with their account',
    file: 'packages/db/src/purge.ts',
    guard: 'delete from calendar_sync_channels where account_id = ${id}::uuid`;',
    without: 'delete from calendar_sync_channels where account_id = ${id}::uuid and false`;',
    test: 'purge: nothing of it is left here',
  },
  {
    says: 'answers that were kept are forgotten while their events can be known',
    file: leave,
    guard: 'if (account.purge) await purgeAnswers(tx, account);',
    without: '',
    test: 'purge: nothing of it is left here',
  },
];

export const leavingGuards: readonly Guard[] = guards.map((guard) => ({
  ...guard,
  project: 'integration',
  testFile: leaveTest,
  invariant: 'leaving',
}));
