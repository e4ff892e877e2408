/**
 * Takes each guard of the invariants out in turn and sees its test fail: a guard that nobody would miss is none.
 * `npm run test:guards` runs all, `npm run test:guards -- I5` some. Files are put back whatever happens.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface Guard {
  invariant: string;
  says: string;
  file: string;
  /** Stands exactly once in the file … */
  guard: string;
  /** … and becomes this. */
  without: string;
  project: 'unit' | 'integration' | 'conformance';
  testFile: string;
  test: string;
}

const guards: Guard[] = [
  {
    invariant: 'I1',
    says: 'a last page without a cursor is not believed',
    file: 'packages/sync/src/apply.ts',
    guard: `if (page.nextCursor === null) {`,
    without: `if (page.nextCursor === 'never') {`,
    project: 'integration',
    testFile: 'packages/sync/src/round.integration.test.ts',
    test: 'I1: a last page without a cursor is not believed',
  },
  {
    invariant: 'I1',
    says: 'the cursor moves in the last transaction only',
    file: 'packages/db/src/rounds.ts',
    guard: 'set round_page_cursor = ${page.nextPageCursor}, round_page_at',
    without: 'set round_page_cursor = ${page.nextPageCursor}, cursor = ${page.nextPageCursor}, round_page_at',
    project: 'integration',
    testFile: 'packages/sync/src/round.integration.test.ts',
    test: 'I1: the cursor moves only with the last page of its round',
  },
  {
    invariant: 'I2',
    says: 'an empty page is not the end',
    file: 'packages/sync/src/apply.ts',
    guard: 'if (page.nextPageCursor !== null) {',
    without: 'if (page.nextPageCursor !== null && page.items.length > 0) {',
    project: 'integration',
    testFile: 'packages/sync/src/round.integration.test.ts',
    test: 'I2: an empty page is not the end',
  },
  {
    invariant: 'I3',
    says: 'ingress knows no database',
    file: 'apps/ingress/src/index.ts',
    guard: `export {`,
    without: `import '@calfleet/db';\nexport {`,
    project: 'unit',
    testFile: 'packages/testkit/src/house-rules.test.ts',
    test: 'I3: imports point one way',
  },
  {
    invariant: 'I4',
    says: 'every item of a batch is read',
    file: 'apps/ingress/src/microsoft-body.ts',
    guard: 'read.data.value.map(readItem)',
    without: 'read.data.value.slice(0, 1).map(readItem)',
    project: 'integration',
    testFile: 'apps/ingress/src/microsoft.integration.test.ts',
    test: 'I4: every item of a batch counts',
  },
  {
    invariant: 'I4',
    says: 'a batch is acknowledged only when all of it is stored',
    file: 'apps/ingress/src/microsoft-batch.ts',
    guard: `if (!isStored) return { code: 'provider_unavailable' };`,
    without: '',
    project: 'integration',
    testFile: 'apps/ingress/src/microsoft-trouble.integration.test.ts',
    test: 'is full: 503',
  },
  {
    invariant: 'I5',
    says: 'a hint during the round rings again',
    file: 'packages/sync/src/pull.ts',
    guard: 'if (end.stillDirty) await ring(',
    without: 'if (end.stillDirty && false) await ring(',
    project: 'integration',
    testFile: 'packages/sync/src/round.integration.test.ts',
    test: 'I5: a hint during a round leads to one more pull',
  },
  {
    invariant: 'I5',
    says: 'only hints from before the first request are answered, also by a resumed round',
    file: 'packages/db/src/rounds.ts',
    guard: 'synced_seq = greatest(c.synced_seq, c.round_dirty_seq),',
    without: 'synced_seq = c.dirty_seq,',
    project: 'integration',
    testFile: 'packages/sync/src/round.integration.test.ts',
    test: 'I5: a hint that falls between the death of a worker',
  },
  {
    invariant: 'I6',
    says: 'a page names the epoch of its lease',
    file: 'packages/db/src/lease.ts',
    guard: 'and lease_epoch = ${calendar.epoch} and lease_until is not null\n       and round_id',
    without: 'and lease_until is not null\n       and round_id',
    project: 'integration',
    testFile: 'packages/sync/src/lease.integration.test.ts',
    test: 'I6: two workers at the same page of the same round',
  },
  {
    invariant: 'I6',
    says: 'one lease at a time',
    file: 'packages/db/src/lease.ts',
    guard: 'and (c.lease_until is null or c.lease_until < clock_timestamp())',
    without: '',
    project: 'integration',
    testFile: 'packages/sync/src/lease.integration.test.ts',
    test: 'I6: a second worker is turned away',
  },
  {
    invariant: 'I7',
    says: 'a missing start is an error',
    file: 'packages/providers/src/google/times.ts',
    guard: `if (start === null) throw new UnreadableTime('no start');`,
    without: `if (start === null) return { start: { kind: 'date', date: '2026-01-01' }, end: { kind: 'date', date: '2026-01-02' } };`,
    project: 'unit',
    testFile: 'packages/providers/src/google/normalise.test.ts',
    test: '',
  },
  {
    invariant: 'I8',
    says: 'a page is applied at its own place in the round',
    file: 'packages/db/src/lease.ts',
    guard: 'and round_page_cursor is not distinct from ${calendar.round.pageCursor}',
    without: '',
    project: 'integration',
    testFile: 'packages/sync/src/lease.integration.test.ts',
    test: 'I8: a page applied twice within its lease',
  },
  {
    invariant: 'I8',
    says: 'what shows nothing new is only stamped',
    file: 'packages/db/src/events.ts',
    guard: `when o.fingerprint = decode(i.fingerprint, 'hex') and o.deleted_at is null and o.held_at is null`,
    without: `when false and o.deleted_at is null and o.held_at is null`,
    project: 'integration',
    testFile: 'packages/sync/src/lease.integration.test.ts',
    test: 'I8: the same items in a later round add no change',
  },
  {
    invariant: 'I10',
    says: 'an empty answer deletes nothing',
    file: 'packages/sync/src/sweep.ts',
    guard: 'if (seen === 0) return true;',
    without: '',
    project: 'integration',
    testFile: 'packages/sync/src/brake.integration.test.ts',
    test: 'I10: an empty answer while rows exist',
  },
  {
    invariant: 'I10',
    says: 'a large share is held',
    file: 'packages/sync/src/sweep.ts',
    guard: 'return unseen >= settings.massDeleteMin && unseen * 100 > settings.massDeletePercent * live;',
    without: 'return false;',
    project: 'integration',
    testFile: 'packages/sync/src/brake.integration.test.ts',
    test: 'I10: a drop past the limit',
  },
  {
    invariant: 'I10',
    says: 'never without a word that was given before the round',
    file: 'packages/sync/src/sweep.ts',
    guard: 'const agreedAt = isFresh ? calendar.heldApplyUntil : null;',
    without: 'const agreedAt = isFresh ? calendar.heldApplyUntil : deps.clock.now();',
    project: 'integration',
    testFile: 'packages/sync/src/brake.integration.test.ts',
    test: 'I10:',
  },
  {
    invariant: 'I10',
    says: 'what is stored during the round carries its generation',
    file: 'packages/sync/src/recheck.ts',
    guard: '...(await takeEvidence(tx, calendar.id)),',
    without: '...(await takeEvidence(tx, calendar.id)), generation: 0n,',
    project: 'integration',
    testFile: 'packages/sync/src/brake.integration.test.ts',
    test: 'I10: what is born during a full round',
  },
  {
    invariant: 'I12',
    says: 'a Redis without the epoch has forgotten',
    file: 'packages/sync/src/redis-loss.ts',
    guard: 'if (epoch === null || epoch !== fleet.redis_epoch) {',
    without: 'if (fleet.redis_epoch === null) {',
    project: 'integration',
    testFile: 'packages/sync/src/redis-loss.integration.test.ts',
    test: 'I12: a Redis that forgot a notification',
  },
  {
    invariant: 'I12',
    says: 'an unfinished pass is carried on',
    file: 'packages/sync/src/redis-loss.ts',
    guard: 'if (fleet.pass_epoch === null || fleet.pass_done_at !== null) return null;',
    without: 'if (epoch === fleet.redis_epoch) return null;',
    project: 'integration',
    testFile: 'packages/sync/src/redis-loss.integration.test.ts',
    test: 'I12: a pass that its worker did not finish',
  },
];

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
  const text = readFileSync(guard.file, 'utf8');
  const count = text.split(guard.guard).length - 1;
  if (guard.invariant !== 'I3' && count !== 1) return `the guard stands ${count} times in ${guard.file}`;
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
