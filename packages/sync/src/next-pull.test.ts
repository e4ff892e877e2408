import { looksAfter, noMoreLooks, quietPollsAfter, retryAt } from './next-pull.ts';

const at = new Date('2026-11-20T09:00:00Z');
const minutesFrom = (date: Date): number => (date.getTime() - at.getTime()) / 60_000;

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

describe('an empty answer to a notification', () => {
  const at = new Date('2026-11-21T12:00:00Z');
  const after = (seconds: number) => new Date(at.getTime() + seconds * 1000);
  const quiet = { dirtySeq: 4n, syncedSeq: 4n, lookAgainAt: null, looks: 0, round: { trigger: 'schedule' } };
  const hinted = { ...quiet, dirtySeq: 5n, round: { trigger: 'notify' } };

  test('is asked for again after 2 s, 30 s and 3 min, and then believed', () => {
    const first = looksAfter({ calendar: hinted, changes: 0, at });
    expect(first).toEqual({ lookAgainAt: after(2), looks: 0 });
    const second = looksAfter({ calendar: { ...quiet, ...first }, changes: 0, at: after(2) });
    expect(second).toEqual({ lookAgainAt: after(32), looks: 1 });
    const third = looksAfter({ calendar: { ...quiet, ...second }, changes: 0, at: after(32) });
    expect(third).toEqual({ lookAgainAt: after(212), looks: 2 });
    expect(looksAfter({ calendar: { ...quiet, ...third }, changes: 0, at: after(212) })).toEqual(noMoreLooks);
  });

  test('and one that shows something else, too: the next look comes after 30 s', () => {
    const next = { lookAgainAt: after(30), looks: 1 };
    expect(looksAfter({ calendar: hinted, changes: 1, at })).toEqual(next);
    const waiting = { ...quiet, lookAgainAt: at, looks: 0 };
    expect(looksAfter({ calendar: waiting, changes: 1, at })).toEqual(next);
  });

  test('waits on when another pull comes before its time', () => {
    const waiting = { ...quiet, lookAgainAt: after(30), looks: 1 };
    expect(looksAfter({ calendar: waiting, changes: 0, at })).toEqual({ lookAgainAt: after(30), looks: 1 });
  });

  test('begins anew with the next notification', () => {
    const waiting = { ...hinted, lookAgainAt: after(100), looks: 2 };
    expect(looksAfter({ calendar: waiting, changes: 0, at })).toEqual({ lookAgainAt: after(2), looks: 0 });
  });
});
