/** What a key of the vault has sealed is known by name: a rotation that misses a place would lose it. */
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';

let database: TestDatabase;
let admin: Client;
let login: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  [admin, login] = [database.adminUrl, database.url].map((url) => new Client({ connectionString: url })) as [
    Client,
    Client,
  ];
  await Promise.all([admin.connect(), login.connect()]);
});
afterAll(async () => {
  await Promise.all([admin.end(), login.end()]);
  await database.drop();
});

test('every column of bytes is known: data keys, what they seal, hashes, and items as a provider sent them', async () => {
  const { rows } = await admin.query<{ name: string }>(`
    select c.table_name || '.' || c.column_name as name
      from information_schema.columns c join pg_class p on p.relname = c.table_name and not p.relispartition
     where c.table_schema = 'public' and c.data_type = 'bytea' and c.table_name not like '\\_prisma%' order by 1`);
  expect(rows.map(({ name }) => name)).toEqual(
    [
      // Data keys: places of packages/db/src/data-keys.ts, beside answers in JSON.
      'calendar_accounts.data_key',
      'calendar_oauth_states.data_key',
      // Sealed by them.
      'calendar_accounts.access_token',
      'calendar_accounts.refresh_token',
      'calendar_oauth_states.code_verifier',
      // Hashes.
      'api_keys.key_hash',
      'audit_chain.hash',
      'calendar_events.fingerprint',
      'calendar_idempotency_keys.request_hash',
      'calendar_oauth_states.state_hash',
      // As a provider sent it.
      'calendar_quarantine.raw',
    ].toSorted(),
  );
});

test.each(['data_key', 'refresh_token', 'access_token'])(
  'who serves the API cannot read %s of any account, its user’s own included',
  async (column) => {
    await login.query('begin');
    await login.query(`set local role calfleet_api`);
    await login.query(`select set_config('calfleet.user_id', 'ada', true)`);
    await expect(login.query(`select ${column} from calendar_accounts`)).rejects.toThrow('permission denied');
    await login.query('rollback');
    // Nor does the login of its own, whatever it is a member of.
    const { rows } = await login.query(`select ${column} from calendar_accounts`);
    expect(rows).toEqual([]);
  },
);
