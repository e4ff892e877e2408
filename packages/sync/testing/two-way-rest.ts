/** What has to hold of a calendar that is kept both ways, once nothing goes wrong any more and time has passed. */
import type { Database } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import type { Kept } from './ledger.ts';
import { decideHere, textFields, type Sides } from './two-way-commands.ts';

export interface Resting {
  db: Database;
  calendarId: CalendarId;
  /** Nothing goes wrong any more, and time passes. */
  settle: () => Promise<void>;
  /** @throws an assertion error (by `expect`) that names what differs between both sides */
  expectExact: () => Promise<void>;
}

/** @throws an assertion error (by `expect`) */
export async function expectRest(sides: Sides, rest: Resting): Promise<void> {
  const { there, ledger } = sides;
  await settle(rest, sides);
  await rest.expectExact();
  const shown = await shownHere(rest);
  const kept: Kept = { shown: there.shown(), ...(await keptIn(rest)) };
  expect(ledger.differing(shown, kept.shown)).toEqual([]);
  expect(ledger.lost(kept)).toEqual([]);
  const titles = there.titles();
  // Each title is said once, of one event.
  expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([]);
  expect(ledger.writes).toBeLessThanOrEqual(ledger.wishes + (await countConflicts(rest)) * 3);
  const told = ledger.writes;
  await settle(rest, sides);
  expect(ledger.writes).toBe(told);
}

/** So often a person lets a refused write go; then it is taken back, as the provider will never have it. */
const retriesMax = 10;

/** Time passes, and what was refused is asked again, until nothing is on its way. */
async function settle(rest: Resting, sides: Sides): Promise<void> {
  for (let rounds = 0; rounds < 30; rounds += 1) {
    await rest.settle();
    // Once more: what came in with the last answers.
    if ((await countWrites(rest, ['pending', 'pushing', 'parked'])) === 0) return rest.settle();
    if (rounds < retriesMax) await sides.here.decide('retry', rounds);
    else await decideHere(sides, { word: 'discard', which: rounds });
  }
  throw new Error('What is written here never reaches the provider.');
}

const countWrites = ({ db, calendarId }: Resting, states: string[]): Promise<number> =>
  db.transaction({ role: 'worker' }, async (tx) => {
    const rows = await tx.$queryRaw<unknown[]>`
      select 1 from calendar_writes where calendar_id = ${calendarId}::uuid and state = any(${states})`;
    return rows.length;
  });

const countConflicts = ({ db, calendarId }: Resting): Promise<number> =>
  db.transaction({ role: 'worker' }, async (tx) => {
    const rows = await tx.$queryRaw<unknown[]>`
      select 1 from calendar_sync_conflicts where calendar_id = ${calendarId}::uuid`;
    return rows.length;
  });

/** The ledger's words in the mirror. */
const shownHere = ({ db, calendarId }: Resting): Promise<string> =>
  db.transaction({ role: 'worker' }, async (tx) => {
    const rows = await tx.$queryRaw<Record<string, string | null>[]>`
      select summary, location, description,
        to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as start
      from calendar_events where calendar_id = ${calendarId}::uuid and deleted_at is null`;
    return rows
      .flatMap((row) => [...textFields.map((field) => row[field] ?? ''), row['start'] ?? ''])
      .join(' ');
  });

/** What is left of values that are not shown. */
const keptIn = ({ db, calendarId }: Resting): Promise<Omit<Kept, 'shown'>> =>
  db.transaction({ role: 'worker' }, async (tx) => {
    const conflicts = await tx.$queryRaw`
      select base, local, provider from calendar_sync_conflicts where calendar_id = ${calendarId}::uuid`;
    const revisions = await tx.$queryRaw`
      select before, after from calendar_event_revisions where calendar_id = ${calendarId}::uuid`;
    const resting = await tx.$queryRaw`
      select patch from calendar_writes
       where calendar_id = ${calendarId}::uuid and state in ('conflict', 'parked', 'discarded')`;
    return {
      conflicts: JSON.stringify(conflicts),
      revisions: JSON.stringify(revisions),
      resting: JSON.stringify(resting),
    };
  });
