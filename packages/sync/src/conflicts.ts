/**
 * The tick that ends open conflicts which need no person any more: their calendar's strategy has a word by now, or somebody
 * else was faster too often and may be done. Each in a transaction of its own; the row decides between the tick and a person.
 */
import { asSyncError, type CalendarId } from '@calfleet/domain';
import { isDatabaseUnavailable, lockConflict, openConflicts, type OpenConflict } from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { resolveByStrategy } from './resolve.ts';
import { ringMany } from './ring.ts';
import type { TickCounts } from './tick.ts';

const pageSize = 500;
/** A million open conflicts are looked at, and so many ended at a time: the next tick goes on. */
const pagesMax = 2_000;
const endedMax = 10_000;

type Outcome = 'local' | 'provider' | 'left';

/**
 * @param signal the process stops: the next tick goes on
 * @returns how many went which side; `left`: they wait for a person, or somebody is at them
 */
export async function resolveConflicts(
  deps: SyncDeps,
  signal: AbortSignal | null = null,
): Promise<TickCounts> {
  const counts = { local: 0, provider: 0, left: 0, failed: 0 };
  let after: string | null = null;
  for (let pages = 0; pages < pagesMax && counts.local + counts.provider < endedMax; pages += 1) {
    const page: OpenConflict[] = await deps.db.transaction({ role: 'worker' }, (tx) =>
      openConflicts(tx, { after, limit: pageSize }),
    );
    const toPush = new Set<CalendarId>();
    for (const conflict of page) {
      if (signal?.aborted) break;
      const outcome = await attempt(deps, conflict);
      counts[outcome] += 1;
      if (outcome === 'local') toPush.add(conflict.calendarId);
    }
    await ringMany(
      deps,
      [...toPush].map((calendarId) => ({ name: 'push-calendar', payload: { calendarId } })),
    );
    after = page.at(-1)?.id ?? null;
    if (page.length < pageSize || signal?.aborted) break;
  }
  return counts;
}

/** One that cannot be ended stops no other. @throws when the database is away */
async function attempt(deps: SyncDeps, conflict: OpenConflict): Promise<Outcome | 'failed'> {
  if (conflict.strategy === 'manual') return 'left';
  try {
    return await resolve(deps, conflict);
  } catch (thrown) {
    if (isDatabaseUnavailable(thrown)) throw thrown;
    const { code, message } = asSyncError(thrown);
    deps.logger.error('A conflict cannot be ended', {
      calendar_id: conflict.calendarId,
      conflict_id: conflict.id,
      code,
      error: message,
    });
    return 'failed';
  }
}

const resolve = (deps: SyncDeps, open: OpenConflict): Promise<Outcome> =>
  deps.db.transaction({ role: 'worker', calendars: [open.calendarId] }, async (tx) => {
    const conflict = await lockConflict(tx, open.id);
    if (!conflict) return 'left';
    const { calendarId: id, userId, accountId, strategy, mayWrite } = open;
    const of = { conflict, strategy, mayWrite };
    return (await resolveByStrategy(tx, deps, { id, userId, accountId }, of)) ?? 'left';
  });
