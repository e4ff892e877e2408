import { nextPullAt, quietPollsAfter, retryAt } from './next-pull.ts';

const at = new Date('2026-11-20T09:00:00Z');
const minutesFrom = (date: Date): number => (date.getTime() - at.getTime()) / 60_000;

test.each([
  ['push', 0, 18],
  ['push', 1, 36],
  ['push', 3, 144],
  ['push', 4, 288],
  ['push', 5, 360],
  ['push', 1_000_000, 360],
  ['poll', 9, 18],
  ['none', 9, 18],
] as const)('%s-covered after %i quiet looks is looked at in %i minutes', (coverage, quietPolls, minutes) => {
  expect(minutesFrom(nextPullAt({ at, coverage, quietPolls }))).toBe(minutes);
});

test.each([
  ['schedule', 3, 0, 4],
  ['schedule', 3, 1, 0],
  ['notify', 3, 5, 3],
  ['user', 3, 0, 3],
])('a %s pull after %i quiet looks with %i changes leaves %i', (trigger, quietPolls, changes, after) => {
  expect(quietPollsAfter({ trigger, quietPolls, changes })).toBe(after);
});

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [5, 16],
  [6, 18],
  [1_000, 18],
])('after %i failures it is tried again in %i minutes', (failures, minutes) => {
  expect(minutesFrom(retryAt({ at, failures }))).toBe(minutes);
});
