/** The tables' second wall: without a role nobody sees a row, and the API sees its user's rows alone. */
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { openDatabase, type Database } from './client.ts';
import { ensureChangePartitions } from './partitions.ts';

const userTables = [
  'calendar_accounts',
  'calendars',
  'calendar_sync_channels',
  'calendar_events',
  'calendar_occurrences',
  'calendar_changes',
  'calendar_sync_runs',
  'calendar_quarantine',
  'calendar_idempotency_keys',
];

let database: TestDatabase;
let db: Database;
let login: Client;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'test' });
  login = new Client({ connectionString: database.url });
  admin = new Client({ connectionString: database.adminUrl });
  await Promise.all([login.connect(), admin.connect()]);
  await db.transaction({ role: 'worker' }, async (tx) => {
    await ensureChangePartitions(tx, new Date(), 2);
    for (const user of ['ada', 'noor']) {
      await tx.$executeRaw`
        with account as (
          insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, created_at, updated_at)
          values (gen_random_uuid(), ${user}, 'google', '\\x01', '\\x02', now(), now()) returning id
        ), calendar as (
          insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
            created_at, updated_at)
          select gen_random_uuid(), ${user}, id, 'google', ${user}, ${user}, 'UTC', 'owner', now(), now() from account
          returning id
        )
        insert into calendar_changes (at, user_id, kind, origin) select now(), ${user}, 'calendar_changed', 'system'`;
    }
  });
});
afterAll(async () => {
  await Promise.all([db.close(), login.end(), admin.end()]);
  await database.drop();
});

test('the login of the tests is an ordinary one', async () => {
  expect(await db.loginIsTooPowerful()).toBe(false);
});

test.each([...userTables, 'calendar_fleet'])('the bare login sees no row of %s', async (table) => {
  const { rows } = await login.query(`select count(*)::int as n from ${table}`);
  expect(rows).toEqual([{ n: 0 }]);
  const seen = await db.transaction({ role: 'worker' }, (tx) =>
    tx.$queryRawUnsafe<{ n: number }[]>(`select count(*)::int as n from ${table}`),
  );
  if (['calendar_accounts', 'calendars', 'calendar_changes', 'calendar_fleet'].includes(table)) {
    expect(seen[0]?.n).toBeGreaterThan(0);
  }
});

test('every table has row-level security on and forced, partitions too', async () => {
  const { rows } = await admin.query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname not like '\\_prisma%'
       and not (c.relrowsecurity and c.relforcerowsecurity)`);
  expect(rows).toEqual([]);
  const { rows: all } = await admin.query(
    `select from pg_class where relname like 'calendar_changes_2%' and relkind = 'r'`,
  );
  expect(all.length).toBeGreaterThan(0);
});

test('the API sees its own user, nobody without a user, and cannot write for another', async () => {
  const names = (userId: string): Promise<{ user_id: string }[]> =>
    db.transaction({ role: 'api', userId }, (tx) => tx.$queryRaw`select user_id from calendars`);
  expect(await names('ada')).toEqual([{ user_id: 'ada' }]);
  expect(await names('')).toEqual([]);
  const forge = db.transaction(
    { role: 'api', userId: 'ada' },
    (tx) =>
      tx.$executeRaw`insert into calendar_changes (at, user_id, kind, origin) values (now(), 'noor', 'created', 'local')`,
  );
  await expect(forge).rejects.toThrow(/row-level security/);
});

test('the API writes tokens and cannot read them', async () => {
  const read = db.transaction(
    { role: 'api', userId: 'ada' },
    (tx) => tx.$queryRaw`select refresh_token::text from calendar_accounts`,
  );
  await expect(read).rejects.toThrow(/permission denied/);
});

test('a role does not outlive its transaction', async () => {
  for (let n = 0; n < 4; n += 1) {
    await db.transaction({ role: 'worker' }, (tx) => tx.$queryRaw`select 1`);
    expect(await db.isReady()).toBe(true);
  }
  const rows = await db.transaction(
    { role: 'api', userId: 'nobody' },
    (tx) => tx.$queryRaw<{ n: number }[]>`select count(*)::int as n from calendars`,
  );
  expect(rows[0]?.n).toBe(0);
});

test('only the worker may make and drop partitions of the feed', async () => {
  const make = (role: 'worker' | 'api') =>
    db.transaction(role === 'api' ? { role, userId: 'ada' } : { role }, (tx) =>
      ensureChangePartitions(tx, new Date('2030-01-01T00:00:00Z'), 3),
    );
  await expect(make('api')).rejects.toThrow(/permission denied/);
  expect(await make('worker')).toBe(4);
  expect(await make('worker')).toBe(0);
});
