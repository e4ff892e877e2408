/** Postgres and Redis, as a worker meets them at its start: maybe later than itself, maybe not as they should be. */
import { setTimeout as pause } from 'node:timers/promises';
import { sqlStateOf, type Database } from '@calfleet/db';
import type { Producer } from '@calfleet/jobs';
import type { Logger } from '@calfleet/telemetry';

export interface Services {
  db: Database;
  producer: Producer;
  logger: Logger;
}

/** Longer than either needs to start; a supervisor that starts us again is the better place to wait longer. */
export const patienceMs = 30_000;
const lookMs = 250;
/** Connecting takes up to a second at a normal start, which is no news. */
const quietMs = 2_000;

/** @throws when one of them is still away after `withinMs`, or `signal` aborts */
export async function awaitServices(
  { db, producer, logger }: Services,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = AbortSignal.timeout(withinMs);
  const quiet = AbortSignal.timeout(quietMs);
  for (let isSaid = false; ;) {
    const [postgres, redis] = await Promise.all([db.isReady(), producer.ready()]);
    if (postgres && redis) return;
    signal.throwIfAborted();
    const away = [...(postgres ? [] : ['Postgres']), ...(redis ? [] : ['Redis'])].join(' and ');
    if (deadline.aborted) throw new Error(`${away} did not answer within ${withinMs / 1000} s`);
    if (quiet.aborted && !isSaid) {
      logger.warn(`Waiting for ${away}`, { seconds_at_most: withinMs / 1000 });
      isSaid = true;
    }
    await pause(lookMs, undefined, { signal });
  }
}

/** @throws when row-level security would not bind this login */
export async function refusePowerfulLogin(db: Database, allowSuperuser: boolean): Promise<void> {
  if (allowSuperuser || !(await db.loginIsTooPowerful())) return;
  throw new Error(
    'DATABASE_URL names a superuser or a login with BYPASSRLS: row-level security would be off. ' +
      'Use a plain login, or set CALFLEET_ALLOW_SUPERUSER=1',
  );
}

/** A table, function or role that is not there, or not granted: the schema is older than this program, or missing. */
const schemaStates = ['42P01', '42883', '42703', '42501', '22023', '42704', '3F000'];

/** Names the way out where the failure is that nobody migrated. */
export function explainSchema(error: unknown): unknown {
  const state = sqlStateOf(error);
  if (state === null || !schemaStates.includes(state)) return error;
  return new Error('The database is not migrated for this version: run "npm run db:migrate"', {
    cause: error,
  });
}
