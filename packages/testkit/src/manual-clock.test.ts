import { ManualClock } from './manual-clock.ts';

test('stands still until it is moved', () => {
  const clock = new ManualClock('2026-03-29T00:59:59Z');
  const before = clock.now();
  expect(clock.now()).toEqual(before);
  clock.advance(1_000);
  expect(clock.now().toISOString()).toBe('2026-03-29T01:00:00.000Z');
  expect(before.toISOString()).toBe('2026-03-29T00:59:59.000Z');
  clock.set(new Date(0));
  expect(clock.now().getTime()).toBe(0);
});

test('nobody can move it through an instant it handed out', () => {
  const clock = new ManualClock(new Date(0));
  clock.now().setTime(5);
  expect(clock.now().getTime()).toBe(0);
});

test('refuses what is no instant', () => {
  expect(() => new ManualClock('soon')).toThrow(RangeError);
  expect(() => new ManualClock().advance(Number.NaN)).toThrow(RangeError);
});
