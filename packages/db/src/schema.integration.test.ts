/** The typed client and the migrations must speak of the same columns. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { migrate } from './migrate.ts';

let database: TestDatabase;
let admin: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

test('schema.prisma names exactly the columns that the migrations make, with the same nullability', async () => {
  const { rows } = await admin.query<{ line: string }>(`
    select c.table_name || '.' || c.column_name || case when c.is_nullable = 'YES' then '?' else '' end as line
      from information_schema.columns c join pg_class p on p.relname = c.table_name and not p.relispartition
     where c.table_schema = 'public' and c.table_name not like '\\_prisma%' order by 1`);
  const modelled = columnsOf(await readFile('prisma/schema.prisma', 'utf8'));
  expect(modelled.length).toBeGreaterThan(100);
  expect(modelled).toEqual(rows.map((row) => row.line).sort());
});

function columnsOf(schema: string): string[] {
  return [...schema.matchAll(/^model \w+ \{\n(.*?)^\}/gms)]
    .flatMap(([, body = '']) => {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
      return body
        .split('\n')
        .filter((line) => /^\s+\w+\s+\w/.test(line))
        .map((line) => {
          const [, name = '', type = ''] = /^\s+(\w+)\s+(\S+)/.exec(line) ?? [];
          const column = /@map\("(\w+)"\)/.exec(line)?.[1] ?? name;
          return `${table}.${column}${type.endsWith('?') ? '?' : ''}`;
        });
    })
    .sort();
}

test('migrating again changes nothing, and a changed migration is refused', async () => {
  const options = {
    migrationUrl: database.adminUrl,
    applicationUrl: database.url,
    folder: 'prisma/migrations',
  };
  expect(await migrate(options)).toEqual({ applied: [] });
  await admin.query(`update _prisma_migrations set checksum = repeat('0', 64)`);
  await expect(migrate(options)).rejects.toThrow(/was changed after it had been applied/);
});

test('a migration that waits for a lock gives up, names itself and the way out, and can be run again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'calfleet-migrations-'));
  await mkdir(join(folder, '99990101000000_later'));
  const script = 'create table made_before (); alter table calendars add column made_after integer;';
  await writeFile(join(folder, '99990101000000_later', 'migration.sql'), script);
  const options = {
    migrationUrl: database.adminUrl,
    applicationUrl: database.url,
    folder,
    lockTimeoutMs: 50,
  };
  try {
    await admin.query('begin; lock table calendars in access share mode');
    await expect(migrate(options)).rejects.toThrow(
      /^Migration 99990101000000_later waited too long for a lock and was rolled back: stop api and worker/,
    );
    await admin.query('rollback');
    expect(await migrate(options)).toEqual({ applied: ['99990101000000_later'] });
  } finally {
    await rm(folder, { recursive: true });
  }
});
