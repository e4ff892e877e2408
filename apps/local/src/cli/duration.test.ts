import { duration } from './duration.ts';

test.each([
  [null, '-'],
  [0, '0.0 s'],
  [1_234, '1.2 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_199_000, '120 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
  [-1_000, '-1.0 s'],
])('%s ms: %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
