/** What keeps a local edit from being lost, doubled or undone. */
import type { Guard } from './guard.ts';

const testFile = 'packages/sync/src/two-way.integration.test.ts';
const project = 'integration';

const push = 'packages/sync/src/push.ts';
const meeting = 'packages/sync/src/meet-writes.ts';

export const twoWay: readonly Guard[] = [
  {
    says: 'an older page says nothing against a write',
    file: 'packages/db/src/writes.ts',
    guard: 'and e.written_seq <= ${writeSeq} ',
    without: '',
    test: 'such a page says nothing against a second edit',
  },
  {
    says: 'a deletion that was answered is newer than any page asked for before',
    file: push,
    guard: 'if (!item) return stampWritten(tx, event.id, evidence.writtenSeq);',
    without: 'if (!item) return;',
    test: 'what was deleted here stays so',
  },
  {
    says: 'what we deleted and nobody changed is not brought back by who still shows it',
    file: meeting,
    guard: 'if (shown.providerVersion === write.base_version) {',
    without: 'if (shown.providerVersion === null) {',
    test: 'what was deleted here stays so',
  },
  {
    says: 'under manual a person decides',
    file: meeting,
    guard: 'if (collisions.length > 0 && prefer === null) return;',
    without: '',
    test: 'both changed the same, manual',
  },
  {
    says: 'what does not stand is kept',
    file: meeting,
    guard: 'if (collisions.length > 0) await this.keepConflict(write, collisions, prefer);',
    without: '',
    test: 'both changed the same, provider_wins',
  },
  {
    says: 'quick edits are told as one',
    file: 'packages/sync/src/write.ts',
    guard: 'const goesWith = waiting && folded(waiting, wish);',
    without: 'const goesWith = waiting && (null as ReturnType<typeof folded>);',
    test: 'wishes for what has not left yet go together',
  },
].map((guard) => ({ invariant: 'two-way', project, testFile, ...guard }));
