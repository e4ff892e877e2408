/**
 * Takes each guard of the invariants out in turn and sees its test fail: a guard that nobody would miss is none.
 * `npm run test:guards` runs all, `npm run test:guards -- I5 windowed` some. Files are put back whatever happens.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Guard } from './guards/guard.ts';
import { guards, misplaced } from './guards/index.ts';

function run({ project, testFile, test }: Guard): { failed: boolean; ran: boolean } {
  const name = test === '' ? [] : ['--testNamePattern', test.replaceAll(/[()[\]]/g, '.')];
  const result = spawnSync(
    process.execPath,
    [
      'node_modules/jest/bin/jest.js',
      '--selectProjects',
      project,
      '--silent',
      '--json',
      ...name,
      '--',
      testFile,
    ],
    { encoding: 'utf8', timeout: 180_000, maxBuffer: 64 * 1024 * 1024 },
  );
  const start = result.stdout.indexOf('{"num');
  if (start < 0) return { failed: false, ran: false };
  const report = JSON.parse(result.stdout.slice(start)) as { numFailedTests: number; numPassedTests: number };
  return { failed: report.numFailedTests > 0, ran: report.numFailedTests + report.numPassedTests > 0 };
}

function takeOut(guard: Guard): string {
  const wrong = misplaced(guard);
  if (wrong !== '') return wrong;
  const text = readFileSync(guard.file, 'utf8');
  const whole = run(guard);
  if (!whole.ran) return 'its test was not found';
  if (whole.failed) return 'its test fails with the guard in place';
  const putBack = (): void => writeFileSync(guard.file, text);
  process.once('SIGINT', putBack);
  try {
    writeFileSync(
      guard.file,
      text.replace(guard.guard, () => guard.without),
    );
    const { failed, ran } = run(guard);
    return failed && ran ? '' : 'its test does not miss it';
  } finally {
    putBack();
    process.removeListener('SIGINT', putBack);
  }
}

const wanted = process.argv.slice(2);
const chosen = guards.filter(({ invariant }) => wanted.length === 0 || wanted.includes(invariant));
let missed = 0;
for (const guard of chosen) {
  const problem = takeOut(guard);
  if (problem !== '') missed += 1;
  console.log(
    `${problem === '' ? 'missed by its test' : 'NOT MISSED'}  ${guard.invariant}  ${guard.says}${problem && `: ${problem}`}`,
  );
}
console.log(`${chosen.length - missed} passed, ${missed} failed`);
process.exitCode = missed === 0 ? 0 : 1;
