/** The wall between users as the catalogue has it, and over the connections of a pool that users take turns at. */
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { openDatabase, type Database } from './client.ts';

let database: TestDatabase;
let db: Database;
let login: Client;
let admin: Client;
let tables: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  // One connection, so that everybody has the one that somebody else had before.
  db = openDatabase({ url: database.url, poolSize: 1, applicationName: 'test' });
  login = new Client({ connectionString: database.url });
  admin = new Client({ connectionString: database.adminUrl });
  await Promise.all([login.connect(), admin.connect()]);
  for (const user of ['ada', 'eve']) {
    await db.transaction(
      { role: 'worker' },
      (tx) => tx.$executeRaw`
        insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, created_at, updated_at)
        values (gen_random_uuid(), ${user}, 'google', '\\x01', '\\x02', now(), now())`,
    );
  }
  const { rows } = await admin.query<{ name: string }>(userTables);
  tables = rows.map(({ name }) => name);
});
afterAll(async () => {
  await Promise.all([db.close(), login.end(), admin.end()]);
  await database.drop();
});

/** Whatever has a column `user_id`, partitions too. */
const userTables = `
  select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'user_id' order by 1`;

test('every table of users has row-level security enabled and forced', async () => {
  expect(tables.length).toBeGreaterThan(14);
  const { rows } = await admin.query(
    `select relname from pg_class where oid::regclass::text = any($1) and not (relrowsecurity and relforcerowsecurity)`,
    [tables],
  );
  expect(rows).toEqual([]);
});

test('each has policies for the two roles and nobody else, and that of the API asks for the user', async () => {
  const { rows } = await admin.query<{ name: string; roles: string; asks: boolean }>(
    `select c.oid::regclass::text as name, p.polroles::regrole[]::text as roles,
       coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
         ~ 'current_setting\\(''calfleet\\.(user_id|oauth_state_hash)''' as asks
     from pg_policy p join pg_class c on c.oid = p.polrelid where c.oid::regclass::text = any($1)`,
    [tables],
  );
  const ofApi = rows.filter(({ roles }) => roles === '{calfleet_api}');
  expect(rows.filter(({ roles }) => roles === '{calfleet_worker}').length + ofApi.length).toBe(rows.length);
  expect(ofApi.filter(({ asks }) => !asks)).toEqual([]);
  expect(ofApi.length).toBeGreaterThan(10);
});

test('neither the login nor a role of the fleet owns a table, or could look past its policies', async () => {
  const { rows: roles } = await admin.query(
    `select rolname, rolsuper, rolbypassrls, rolcreaterole from pg_roles
      where rolname in ('calfleet_api', 'calfleet_worker', $1)`,
    [login.user],
  );
  expect(roles).toHaveLength(3);
  for (const role of roles)
    expect(role).toMatchObject({ rolsuper: false, rolbypassrls: false, rolcreaterole: false });
  const { rows: owned } = await admin.query(
    `select relname from pg_class c, unnest(array['calfleet_api', 'calfleet_worker', $1]) as mine (name)
      where relnamespace = 'public'::regnamespace and pg_has_role(mine.name, c.relowner, 'member')`,
    [login.user],
  );
  expect(owned).toEqual([]);
});

test('nothing lets the API borrow another role: no view, and no function of its owner', async () => {
  const { rows: views } = await admin.query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`,
  );
  expect(views).toEqual([]);
  const { rows: lent } = await admin.query<{ proname: string }>(
    `select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
       and has_function_privilege('calfleet_api', oid, 'execute')`,
  );
  expect(lent.map(({ proname }) => proname)).toEqual(['calfleet_schema_version']);
});

test('without a user the API sees no row of any table, whether it names nobody or forgot to', async () => {
  const readable = async (ask: (table: string) => Promise<number>) => {
    const seen: [string, number][] = [];
    for (const table of tables) {
      const { rows } = await admin.query<{ may: boolean }>(
        `select has_any_column_privilege('calfleet_api', $1, 'select') as may`,
        [table],
      );
      if (rows[0]?.may) seen.push([table, await ask(table)]);
    }
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.filter(([, rows]) => rows > 0)).toEqual([]);
  };
  await readable((table) =>
    db.transaction({ role: 'api', userId: '' }, async (tx) => {
      const rows = await tx.$queryRawUnsafe<{ n: number }[]>(`select count(*)::int as n from ${table}`);
      return rows[0]?.n ?? -1;
    }),
  );
  await login.query('set role calfleet_api');
  await readable(async (table) => {
    const { rows } = await login.query<{ n: number }>(`select count(*)::int as n from ${table}`);
    return rows[0]?.n ?? -1;
  });
  await login.query('reset role');
});

test('users who take turns at one connection see their own rows, also after a transaction that failed', async () => {
  const seen = (userId: string) =>
    db.transaction(
      { role: 'api', userId },
      (tx) =>
        tx.$queryRaw<{ user_id: string; pid: number }[]>`
          select user_id, pg_backend_pid() as pid from calendar_accounts`,
    );
  const pids = new Set<number>();
  for (let turn = 0; turn < 20; turn += 1) {
    for (const user of ['ada', 'eve']) {
      const rows = await seen(user);
      expect(rows.map((row) => row.user_id)).toEqual([user]);
      pids.add(rows[0]?.pid ?? 0);
      const failing = db.transaction({ role: 'api', userId: user }, (tx) => tx.$queryRaw`select 1 / 0`);
      await expect(failing).rejects.toThrow(/division by zero/);
      expect(await seen('')).toEqual([]);
    }
  }
  expect(pids.size).toBe(1);
  const both = await Promise.all(Array.from({ length: 20 }, (_, n) => seen(n % 2 ? 'ada' : 'eve')));
  expect(both.map((rows) => rows.map((row) => row.user_id).join())).toEqual(
    both.map((_, n) => (n % 2 ? 'ada' : 'eve')),
  );
});
