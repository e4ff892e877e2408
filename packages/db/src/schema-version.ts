/**
 * A program works on the schema that it was built for, or on a newer one: so a release can be taken back by its image
 * alone. On an older one it would start, and fail job by job.
 */
import type { Database } from './client.ts';
import { sqlStateOf } from './failures.ts';

/** The newest of prisma/migrations; a test compares. */
export const schemaVersion = '20261126010000_audit_chain';

/** Asked at the start of each process. @throws when the database is not migrated as far as this program */
export async function refuseOlderSchema(db: Database): Promise<void> {
  const version = await db.schemaVersion().catch((error: unknown) => {
    throw explainSchema(error);
  });
  // Names begin with the time of their making.
  if (version === null || version < schemaVersion) {
    throw notMigrated(
      new Error(`It stands at ${version ?? 'nothing'}, this program is built for ${schemaVersion}`),
    );
  }
}

/** A table, function or role that is not there, or not granted: the schema is older than this program, or missing. */
const schemaStates = ['42P01', '42883', '42703', '42501', '22023', '42704', '3F000'];

/** Names the way out where the failure is that nobody migrated. */
export function explainSchema(error: unknown): unknown {
  const state = sqlStateOf(error);
  return state === null || !schemaStates.includes(state) ? error : notMigrated(error);
}

const notMigrated = (cause: unknown): Error =>
  new Error('The database is not migrated for this version: run "npm run db:migrate"', { cause });
