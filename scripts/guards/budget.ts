import type { Guard } from './guard.ts';

const limiter = {
  invariant: 'budget',
  file: 'packages/jobs/src/limiter-scripts.ts',
  project: 'integration',
  testFile: 'packages/jobs/src/limiter-budget.integration.test.ts',
} as const;

/** What keeps the fleet inside its quotas, and the urgent in front. */
export const budget: readonly Guard[] = [
  {
    ...limiter,
    says: 'who is less urgent leaves a reserve',
    guard: 'local usable = depth - reserve',
    without: 'local usable = depth',
    test: 'who is less urgent leaves the last part of the project to those that are more urgent',
  },
  {
    ...limiter,
    says: 'what is let in is taken from the project',
    guard: 'take(projectFull, projectDebt, projectStepMs)',
    without: '',
    test: 'four processes with ten callers each share one bucket, to the last token',
  },
  {
    ...limiter,
    says: 'who is refused stands in a line',
    guard: 'local at = math.min(math.max(from, last) + step * requests, from + lineMsMax)',
    without: 'local at = from + step',
    test: 'who is refused is told a time of its own, a line that moves at the rate of the bucket',
  },
  {
    ...limiter,
    says: 'a parked project is asked by nobody',
    guard: "if held >= 0 then return comeBack('closed', math.max(held, 1), projectLine, projectStepMs) end",
    without: '',
    test: 'a hold of an account keeps out that account alone; a hold of the project everybody, and says nothing of accounts',
  },
  {
    invariant: 'budget',
    says: 'every request to Google is asked for first',
    file: 'packages/providers/src/google/call.ts',
    guard: 'const admission = await session.admit?.(1);',
    without:
      'const admission = undefined as Awaited<ReturnType<NonNullable<typeof session.admit>>> | undefined;',
    project: 'unit',
    testFile: 'packages/providers/src/google/provider.test.ts',
    test: 'sends nothing without it',
  },
  {
    invariant: 'budget',
    says: 'our own wait is no failure of a calendar',
    file: 'packages/sync/src/pull-failure.ts',
    guard: 'const isOurs = error instanceof NotAsked;',
    without: 'const isOurs = false;',
    project: 'integration',
    testFile: 'packages/sync/src/not-asked.integration.test.ts',
    test: 'a pull that waits for its budget leaves no mark, and nobody has to wait for it',
  },
  {
    invariant: 'budget',
    says: 'a round that waits does not overtake what was announced',
    file: 'packages/sync/src/plan.ts',
    guard: "isFirst ? 'backfill' : isDirty ? 'notify' : 'schedule';",
    without: "isFirst ? 'backfill' : isDirty ? 'notify' : 'notify';",
    project: 'integration',
    testFile: 'packages/sync/src/not-asked.integration.test.ts',
    test: 'a round that waits for its budget is rung for at its own urgency, not as if it were announced',
  },
];
