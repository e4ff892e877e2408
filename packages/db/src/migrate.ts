/**
 * Applies `prisma/migrations` in Prisma's own layout and records them in `_prisma_migrations`, so that
 * `prisma migrate deploy` stays usable where its engine can be fetched. One migrator at a time, each migration in
 * one transaction.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { sqlStateOf } from './failures.ts';

export interface MigrateOptions {
  /** Login that owns the schema; needs CREATEROLE (or is a superuser). */
  migrationUrl: string;
  /** The application's login: the two roles are granted to it. */
  applicationUrl: string;
  /** `prisma/migrations`. */
  folder: string;
  /** Longest wait for one lock of a migration, milliseconds; default 30 s. */
  lockTimeoutMs?: number;
}

/** Whoever comes after a migration that waits for a lock waits behind it: better that it gives up than that all stand. */
const lockTimeoutDefaultMs = 30_000;

/**
 * @returns the names of the migrations that were applied now, oldest first.
 * @throws when one fails, was changed, or waits too long for a lock; those before it stay applied
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const client = new Client({
    connectionString: options.migrationUrl,
    connectionTimeoutMillis: 10_000,
    application_name: 'calfleet-migrate',
  });
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('calfleet.migrate', 0))`);
    await client.query(ledger);
    // Not before: another migrator may take its time.
    const lockTimeoutMs = options.lockTimeoutMs ?? lockTimeoutDefaultMs;
    await client.query(`select set_config('lock_timeout', $1, false)`, [String(lockTimeoutMs)]);
    const applied: string[] = [];
    for (const migration of await readMigrations(options.folder)) {
      if (await applyMigration(client, migration)) applied.push(migration.name);
    }
    await grantRoles(client, new URL(options.applicationUrl).username);
    return { applied };
  } finally {
    await client.end();
  }
}

interface Migration {
  name: string;
  script: string;
  checksum: string;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (names.length === 0) throw new Error(`No migrations in ${folder}: is this the right folder?`);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

async function applyMigration(client: Client, { name, script, checksum }: Migration): Promise<boolean> {
  const known = await client.query<{ checksum: string }>(
    'select checksum from _prisma_migrations where migration_name = $1 and finished_at is not null',
    [name],
  );
  const [row] = known.rows;
  if (row) {
    if (row.checksum !== checksum)
      throw new Error(`Migration ${name} was changed after it had been applied.`);
    return false;
  }
  await client.query('begin');
  try {
    await client.query(script);
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    if (sqlStateOf(error) !== lockNotAvailable) throw error;
    throw new Error(
      `Migration ${name} waited too long for a lock and was rolled back: ` +
        'stop api and worker, or end whoever holds it (pg_stat_activity), and run it again.',
      { cause: error },
    );
  }
  return true;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lockNotAvailable = '55P03';

/** The login may become either role, and sees nothing as itself: the policies name `current_user`. */
async function grantRoles(client: Client, login: string): Promise<void> {
  const name = decodeURIComponent(login);
  if (name === '') throw new Error('DATABASE_URL names no user to grant the roles to.');
  await client.query(`grant calfleet_worker, calfleet_api to ${client.escapeIdentifier(name)}`);
}

/** Prisma's own ledger, to the letter. */
const ledger = `create table if not exists _prisma_migrations (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`;
