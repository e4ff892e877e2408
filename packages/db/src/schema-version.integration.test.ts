import { readdirSync } from 'node:fs';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { openDatabase, refuseOlderSchema, schemaVersion, type Database } from './index.ts';

const notMigrated = 'The database is not migrated for this version: run "npm run db:migrate"';

let database: TestDatabase;
let admin: Client;
let db: Database;

beforeEach(async () => {
  database = await createTestDatabase();
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  db = openDatabase({ url: database.url, poolSize: 1, applicationName: 'test' });
});
afterEach(async () => {
  await Promise.all([admin.end(), db.close()]);
  await database.drop();
});

const record = (name: string, columns: string, values: string) =>
  admin.query(
    `insert into _prisma_migrations (id, checksum, migration_name, ${columns})
     values (gen_random_uuid()::text, '', $1, ${values})`,
    [name],
  );

test('programs are built with the newest of the migrations, and a migrated database stands there', async () => {
  const names = readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(schemaVersion).toBe(
    names
      .map(({ name }) => name)
      .sort()
      .at(-1),
  );
  expect(await db.schemaVersion()).toBe(schemaVersion);
  await expect(refuseOlderSchema(db)).resolves.toBeUndefined();
});

test('an older schema is refused, with both versions as the cause', async () => {
  await admin.query('delete from _prisma_migrations where migration_name = $1', [schemaVersion]);
  const older = await db.schemaVersion();
  expect(older).not.toBeNull();
  await expect(refuseOlderSchema(db)).rejects.toMatchObject({
    message: notMigrated,
    cause: { message: expect.stringContaining(older ?? '') as unknown },
  });
});

test('a newer one is accepted', async () => {
  await record('99990101000000_later', 'finished_at', 'now()');
  await expect(refuseOlderSchema(db)).resolves.toBeUndefined();
});

test('a migration that failed or was rolled back is none', async () => {
  await admin.query('delete from _prisma_migrations where migration_name = $1', [schemaVersion]);
  await record(schemaVersion, 'started_at', 'now()');
  await record('99990101000000_later', 'finished_at, rolled_back_at', 'now(), now()');
  await expect(refuseOlderSchema(db)).rejects.toThrow(notMigrated);
});

test.each([
  ['older than the function', 'drop function calfleet_schema_version()'],
  ['without any migration', 'delete from _prisma_migrations'],
  ['without a ledger', 'drop table _prisma_migrations'],
])('a database %s is refused', async (_, arrange) => {
  await admin.query(arrange);
  await expect(refuseOlderSchema(db)).rejects.toThrow(notMigrated);
});
