/** A user who had many conflicts: the few that are open cost no more than a page of them, and there is one per write. */
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { explain, type PlanFacts } from '../testing/explain.ts';
import { openDatabase, type Database } from './client.ts';
import { api, openConflicts } from './index.ts';

let database: TestDatabase;
let db: Database;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'calfleet-test' });
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  // Every reference is right by construction: nobody needs to look them up.
  await admin.query('set session_replication_role = replica');
  // The open ones are the oldest, before all others of their user, and before those of other users.
  await admin.query(`
    insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, strategy,
      status, resolution, resolved_by, created_at, resolved_at)
    select (lpad(to_hex(n), 12, '0') || substr(md5(n::text), 1, 20))::uuid,
      case when n <= 200 then 'ada' else 'user ' || n % 9 end, gen_random_uuid(),
      gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '{summary}', 'manual',
      case when n <= 3 then 'open' else 'resolved' end, case when n > 3 then 'provider' end,
      case when n > 3 then 'ada' end, now(), case when n > 3 then now() end
    from generate_series(1, 20000) n`);
  await admin.query('vacuum analyze calendar_sync_conflicts');
});
afterAll(async () => {
  await admin.end();
  await db.close();
  await database.drop();
});

test.each([
  ['open', 'calendar_sync_conflicts_status|calendar_sync_conflicts_open'],
  ['resolved', 'calendar_sync_conflicts_status|calendar_sync_conflicts_user'],
  [null, 'calendar_sync_conflicts_user'],
])('a page of those that are %s goes through %s', async (status, index) => {
  const of = { userId: 'ada', status, after: null, limit: 50 };
  const asUser = { role: 'api' as const, userId: 'ada' };
  const rows = await db.transaction(asUser, (tx) => api.listConflicts(tx, of));
  expect(rows).toHaveLength(status === 'open' ? 3 : 50);
  const plan = await db.transaction(asUser, (tx) => explain(tx, (asked) => api.listConflicts(asked, of)));
  expectThrough(plan, index);
});

test('the tick walks over the open ones alone', async () => {
  const plan = await db.transaction({ role: 'worker' }, (tx) =>
    explain(tx, (asked) => openConflicts(asked, { after: null, limit: 500 })),
  );
  expectThrough(plan, 'calendar_sync_conflicts_open');
});

test('a write has one conflict to be decided at most', async () => {
  const again = `
    insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, strategy,
      status, created_at)
    select gen_random_uuid(), user_id, account_id, calendar_id, event_id, write_id, fields, strategy, 'open', now()
    from calendar_sync_conflicts where status = $1 limit 1`;
  await expect(admin.query(again, ['open'])).rejects.toThrow('calendar_sync_conflicts_one_open');
  await expect(admin.query(again, ['resolved'])).resolves.toMatchObject({ rowCount: 1 });
});

function expectThrough({ scanned, indexes, buffers }: PlanFacts, index: string): void {
  expect(scanned).not.toContain('calendar_sync_conflicts');
  expect(index.split('|').some((name) => indexes.includes(name))).toBe(true);
  // A page's rows, each in a place of its own, and the way to them.
  expect(buffers).toBeLessThan(100);
}
