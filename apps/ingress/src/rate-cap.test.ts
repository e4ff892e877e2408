import { ManualClock } from '@calfleet/testkit';
import { createRateCap } from './rate-cap.ts';

const limits = { perWindow: 2, windowMs: 1000, sourcesMax: 3 };

test('a source has its own count, and a new one in the next window', () => {
  const clock = new ManualClock();
  const withinCap = createRateCap(clock, limits);
  expect([withinCap('a'), withinCap('a'), withinCap('a'), withinCap('b')]).toEqual([true, true, false, true]);
  clock.advance(1000);
  expect(withinCap('a')).toBe(true);
});

test('sources beyond the table share one count', () => {
  const withinCap = createRateCap(new ManualClock(), limits);
  for (const source of ['a', 'b', 'c']) withinCap(source);
  expect([withinCap('d'), withinCap('e'), withinCap('f')]).toEqual([true, true, false]);
  expect(withinCap('a')).toBe(true);
});
