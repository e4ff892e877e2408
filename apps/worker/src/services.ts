/** Postgres and Redis, as a worker meets them at its start: maybe later than itself, maybe not as they should be. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '@calfleet/db';
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
