/**
 * A database per test file, cloned from a template that is migrated once per run. Roles belong to the whole server:
 * tests share them.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { currentRun } from './test-run.ts';
import type { TestRun } from './test-run.ts';

export interface TestDatabase {
  name: string;
  /** The application's login. */
  url: string;
  /** Owner of the tables. For arranging and inspecting what the login may not. */
  adminUrl: string;
  /** Closes all connections to the database and removes it. */
  drop(): Promise<void>;
}

/** An empty, migrated database of its own; drop it in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const run = currentRun();
  const name = `${databasePrefix(run.id)}${randomBytes(6).toString('hex')}`;
  await withAdmin(run.adminUrl, async (admin) => {
    // Postgres clones only a database that nobody is connected to, so one clone (or the migration) at a time.
    await admin.query('select pg_advisory_lock(hashtextextended($1, 0))', [databasePrefix(run.id)]);
    const template = await migratedTemplate(admin, run);
    await admin.query(`create database ${name} template ${template}`);
  });
  return {
    name,
    url: inDatabase(run.databaseUrl, name),
    adminUrl: inDatabase(run.adminUrl, name),
    drop: () => withAdmin(run.adminUrl, (admin) => dropDatabase(admin, name)),
  };
}

/** Removes what a run left on a server that outlives it: its databases, and its login where it had one. */
export async function dropRunFrom(adminUrl: string, run: { id: string; login: string }): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [databasePrefix(run.id)],
    );
    for (const { datname } of rows) await dropDatabase(admin, datname);
    await admin.query(`drop role if exists ${admin.escapeIdentifier(run.login)}`);
  });
}

const databasePrefix = (id: string): string => `calfleet_test_${id}_`;

async function migratedTemplate(admin: Client, run: TestRun): Promise<string> {
  const template = `${databasePrefix(run.id)}template`;
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [template]);
  if (rowCount !== 0) return template;
  // Migrated under another name: a template that failed half-way is never cloned.
  const draft = `${template}_draft`;
  await dropDatabase(admin, draft);
  await admin.query(`create database ${draft}`);
  const migrate = await loadMigrate();
  await migrate({
    migrationUrl: inDatabase(run.adminUrl, draft),
    applicationUrl: inDatabase(run.databaseUrl, draft),
    folder: join(run.root, 'prisma', 'migrations'),
  });
  await admin.query(`alter database ${draft} with allow_connections false`);
  await admin.query(`alter database ${draft} rename to ${template}`);
  return template;
}

/** Imported when needed: one worker of a run migrates, the others need not load Prisma's client for it. */
async function loadMigrate() {
  const { migrate } = await import('@calfleet/db');
  return migrate;
}

async function dropDatabase(admin: Client, name: string): Promise<void> {
  await admin.query(`drop database if exists ${admin.escapeIdentifier(name)} with (force)`);
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function withAdmin(adminUrl: string, work: (admin: Client) => Promise<void>): Promise<void> {
  const admin = new Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}
