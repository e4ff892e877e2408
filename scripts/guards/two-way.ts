/** What keeps a local edit from being lost, doubled or undone. */
import type { Guard } from './guard.ts';

const testFile = 'packages/sync/src/two-way.integration.test.ts';
const conflicts = 'packages/sync/src/conflicts.integration.test.ts';
const occurrences = 'packages/sync/src/occurrence-writes.integration.test.ts';
const project = 'integration';

const push = 'packages/sync/src/push.ts';
const meeting = 'packages/sync/src/meet-writes.ts';

export const twoWay: readonly Guard[] = [
  {
    says: 'an older page says nothing against a write',
    file: 'packages/db/src/writes.ts',
    guard: 'and e.written_seq <= ${writeSeq}\n',
    without: '\n',
    test: 'such a page says nothing against a second edit',
  },
  {
    says: 'a deletion that was answered is newer than any page asked for before',
    file: push,
    guard: 'return stampWritten(tx, event.id, evidence.writtenSeq);',
    without: 'return;',
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
    says: 'who is faster each time is given way to',
    file: push,
    guard: 'if (isMoved && write.rounds < roundsMax) {',
    without: 'if (isMoved) {',
    testFile: conflicts,
    test: 'newest_wins a racing owner',
  },
  {
    says: 'a write that was decided about while it was under way gets no second conflict',
    file: push,
    guard: 'if (!(await isPushing(tx, write.id))) return;',
    without: '',
    testFile: conflicts,
    test: 'what came in between in the last round',
  },
  {
    says: 'what a person decides about is what is there now',
    file: meeting,
    guard: 'await refreshConflict(this.tx, write.id, sidesOf(collisions));',
    without: '',
    testFile: conflicts,
    test: 'a conflict says what the provider has now',
  },
  {
    says: 'a conflict is decided once',
    file: 'packages/db/src/conflicts.ts',
    guard: "${id}::uuid and status = 'open' for update skip locked`",
    without: '${id}::uuid for update skip locked`',
    testFile: conflicts,
    test: 'a person decides while the tick has it',
  },
  {
    says: 'a strategy does not undo what the user wrote since',
    file: 'packages/sync/src/resolve.ts',
    guard: '.filter(([field]) => !said.has(field))',
    without: '',
    testFile: conflicts,
    test: 'a strategy does not undo',
  },
  {
    says: 'quick edits are told as one',
    file: 'packages/sync/src/note-write.ts',
    guard: 'const goesWith = waiting && folded(waiting, wish);',
    without: 'const goesWith = waiting && (null as ReturnType<typeof folded>);',
    test: 'wishes for what has not left yet go together',
  },
  {
    says: 'a wish is not added to a write that leaves at this moment',
    file: 'packages/db/src/writes.ts',
    guard: 'order by id for update`;',
    without: 'order by id`;',
    testFile: 'packages/sync/src/fold-race.integration.test.ts',
    test: 'it goes behind that one',
  },
  {
    says: 'an echo of guests is no change, whatever order Postgres keeps them in',
    file: 'packages/domain/src/fingerprint.ts',
    guard: 'fields.attendees.map(attendeeOf),',
    without: 'fields.attendees,',
    project: 'unit' as const,
    testFile: 'packages/domain/src/fingerprint.test.ts',
    test: 'not at the order of its members',
  },
  {
    says: 'what the provider changes is kept as it was',
    file: 'packages/db/src/events.ts',
    guard: 'kept as (${keepUpdates(evidence)}),',
    without: '',
    testFile: 'packages/sync/src/history.integration.test.ts',
    test: 'names what changed',
  },
  {
    says: 'what goes with its series is kept, too',
    file: 'packages/db/src/deletions.ts',
    guard: 'union all select id from orphaned where was_live`;',
    without: '`;',
    testFile: 'packages/sync/src/history.integration.test.ts',
    test: 'with a series go its exceptions',
  },
  {
    says: 'a deletion that may be done takes no event with it that was restored since',
    file: 'packages/sync/src/restore.ts',
    guard: 'if (mayBeDone(last)) {',
    without: 'if (last.state === null) {',
    testFile: 'packages/sync/src/restore.integration.test.ts',
    test: 'where the answer to the deletion was lost, after',
  },
  {
    says: 'one day of a series leaves behind its series',
    file: 'packages/db/src/writes.ts',
    guard: `and (o.event_id in (n.event_id, n.series_event_id)
      or coalesce(o.series_event_id, o.event_id) = coalesce(n.series_event_id, n.event_id)))`,
    without: 'and o.event_id = n.event_id)',
    testFile: occurrences,
    test: 'an occurrence of a series that nobody was told of yet waits',
  },
  {
    says: 'a day that others changed first gets no second row',
    file: meeting,
    guard: 'if (unsettled.unnamed) await nameOccurrences(',
    without: 'if (unsettled.writes === null) await nameOccurrences(',
    testFile: occurrences,
    test: 'others changed and called off the same occurrences first',
  },
  {
    says: 'a slot that we emptied stays so',
    file: 'packages/db/src/sweep.ts',
    guard:
      'and written_seq <= ${evidence.writeSeq} and not ${hasUnsettledWrites(Prisma.sql`calendar_events.id`)}',
    without: '',
    testFile: occurrences,
    test: 'one occurrence is called off',
  },
  {
    says: 'a series that is deleted takes its changed days with it',
    file: meeting,
    guard: 'return this.keepDaysOf(write);',
    without: 'return;',
    testFile: occurrences,
    test: 'a series is deleted here with its changed days',
  },
  {
    says: 'a day that was called off takes place again',
    file: 'packages/sync/src/restore.ts',
    guard: 'revives: event.slot_cancelled',
    without: 'revives: false',
    testFile: 'packages/sync/src/restore-series.integration.test.ts',
    test: 'a changed day that its owner called off takes place again',
  },
].map((guard) => ({ invariant: 'two-way', project, testFile, ...guard }));
