/** No tick reads a table from one end to the other, and none walks over calendars that nobody can ask. */
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { explain, type PlanFacts } from '../testing/explain.ts';
import { plantFleet } from '../testing/planted-fleet.ts';
import { selectionsAt } from '../testing/selections.ts';
import { openDatabase, type Database } from './client.ts';
import { dueCalendars, unsettledCalendars, unwatchedCalendars } from './index.ts';
import type { Transaction } from './transaction.ts';

const at = new Date('2026-11-20T09:00:00Z');
const calendars = 50_000;
/** A page of 500 rows, each with its account, and what stands between them: pages of 8 KiB. */
const buffersMax = 30_000;

let database: TestDatabase;
let db: Database;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'calfleet-test' });
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  await plantFleet(admin, { calendars, at });
}, 120_000);
afterAll(async () => {
  await admin.end();
  await db.close();
  await database.drop();
});

class Undo extends Error {}

/** Selections that write are looked at, and undone. */
async function planOf(run: (tx: Transaction) => Promise<unknown>): Promise<PlanFacts> {
  let facts: PlanFacts | null = null;
  await db
    .transaction({ role: 'worker' }, async (tx) => {
      // Of a table as small as a test's, reading all may be the shortest way: only what has no other way does so now.
      await tx.$queryRaw`select set_config('enable_seqscan', 'off', true)`;
      facts = await explain(tx, run);
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
  if (!facts) throw new Error('No plan.');
  return facts;
}

test.each(selectionsAt(at).map(({ tick, what, index, run }) => [tick, what, index, run] as const))(
  '%s, %s: through %s',
  async (_tick, _what, index, run) => {
    const plan = await planOf(run);
    expect(plan.scanned).toEqual([]);
    expect(index.split('|').some((name) => plan.indexes.includes(name))).toBe(true);
    expect(plan.buffers).toBeLessThan(buffersMax);
  },
);

const page = { after: null, limit: 500, at };

test.each([
  ['due', (tx: Transaction) => dueCalendars(tx, { ...page, whose: 'all' })],
  ['dirty', (tx: Transaction) => unsettledCalendars(tx, page)],
  ['without a channel', (tx: Transaction) => unwatchedCalendars(tx, { ...page, triedBefore: at })],
] as const)(
  'calendars that are %s and cannot be asked cost a tick nothing, and are back at once',
  async (_, select) => {
    const askable = await planOf(select);
    // Half of all that can be asked are not any more, and are first in every line.
    const set = (status: string) =>
      admin.query(
        `update calendar_accounts set status = $1
        where id in (select id from calendar_accounts where status <> 'disconnected' and user_id like '%5')`,
        [status],
      );
    const before = await db.transaction({ role: 'worker' }, (tx) => select(tx));
    await set('reauth_needed');
    const after = await planOf(select);
    expect(after.scanned).toEqual([]);
    expect(after.buffers).toBeLessThan(askable.buffers * 1.5 + 500);
    await set('active');
    const again = await db.transaction({ role: 'worker' }, (tx) => select(tx));
    expect(again.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  },
);

test('a policy holds for its own role alone, and says so in a form that the planner takes for true', async () => {
  // Else it takes one row in two hundred for all there are, and reads whole ranges for a page.
  const { rows } = await admin.query<{ policy: string }>(
    `select tablename || ' ' || policyname as policy from pg_policies where schemaname = 'public'
        -- Its name begins with that of its role.
        and (roles <> array['calfleet_' || split_part(policyname, '_', 1)]::name[] or qual not like format(
          '%%NULLIF((CURRENT_USER = ''calfleet_%s''::name), false) IS NOT NULL%%', split_part(policyname, '_', 1)))`,
  );
  expect(rows.map(({ policy }) => policy)).toEqual([]);
});

test('a calendar follows the status of its account, whoever changes it', async () => {
  const { rows } = await admin.query<{ astray: number }>(
    `select count(*)::int as astray from calendars c join calendar_accounts a on a.id = c.account_id
      where c.account_active <> (a.status = 'active')`,
  );
  expect(rows[0]?.astray).toBe(0);
});
