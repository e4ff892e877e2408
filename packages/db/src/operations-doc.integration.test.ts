/** docs/OPERATIONS.md tells operators what to ask the database: every statement of it runs on the schema as it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';

const text = readFileSync(join(process.cwd(), 'docs/OPERATIONS.md'), 'utf8');
const fenced = [...text.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].flatMap(([, sql = '']) => sql.trim());
/** Of shell lines: what `fleet` and `psql` are given in double quotes. */
const inShell = [...text.matchAll(/^(fleet|psql .*\\\n {2}) ?"((?:select|update) [^"]*)"$/gm)].map(
  ([, , sql = '']) => sql,
);

let database: TestDatabase;
let login: Client;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  login = new Client({ connectionString: database.url });
  admin = new Client({ connectionString: database.adminUrl });
  await Promise.all([login.connect(), admin.connect()]);
  await login.query('set role calfleet_worker');
});
afterAll(async () => {
  await Promise.all([login.end(), admin.end()]);
  await database.drop();
});

test('there is something to check', () => {
  expect(fenced.length).toBeGreaterThan(10);
  expect(inShell).toHaveLength(2);
});

test.each([...fenced, ...inShell.filter((sql) => sql.startsWith('select'))])(
  'as the worker: %s',
  async (sql) => {
    await expect(login.query(sql)).resolves.toBeDefined();
  },
);

test.each(inShell.filter((sql) => sql.startsWith('update')))('as the administrator: %s', async (sql) => {
  await expect(admin.query(sql)).resolves.toMatchObject({ rowCount: 1 });
});
