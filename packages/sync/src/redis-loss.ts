/**
 * Redis is a doorbell and may forget (I12). Redis and Postgres hold the same epoch; missing or different means that
 * hints may be lost, so every push-covered calendar that was last asked before the discovery is marked dirty, in
 * batches that any worker can carry on.
 */
import { newId, type CalendarId } from '@calfleet/domain';
import { beginPass, markBatch, readFleet, type FleetRow } from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { announcedPerMinute, announcedPerTick } from './pace.ts';
import { ringMany } from './ring.ts';

export interface RedisMemory {
  read(): Promise<string | null>;
  write(epoch: string): Promise<void>;
}

const batchSize = 500;

/** @returns how many calendars were marked; null when Redis remembers everything */
export async function checkRedisMemory(
  deps: SyncDeps,
  redis: RedisMemory,
  reinstallSchedules: () => Promise<void>,
): Promise<number | null> {
  const epoch = await redis.read();
  let fleet = await deps.db.transaction({ role: 'worker' }, readFleet);
  if (epoch === null || epoch !== fleet.redis_epoch) {
    if (!(await announceLoss(deps, redis, fleet, reinstallSchedules))) return null;
    fleet = await deps.db.transaction({ role: 'worker' }, readFleet);
  }
  if (fleet.pass_epoch === null || fleet.pass_done_at !== null) return null;
  return carryOn(deps, fleet);
}

/**
 * Postgres first, Redis last: when this process dies before Redis has its schedules and the new epoch, the next check
 * begins once more.
 */
async function announceLoss(
  deps: SyncDeps,
  redis: RedisMemory,
  fleet: FleetRow,
  reinstallSchedules: () => Promise<void>,
): Promise<boolean> {
  const epoch = newId();
  const at = deps.clock.now();
  const isOurs = await deps.db.transaction({ role: 'worker' }, (tx) =>
    beginPass(tx, { was: fleet.redis_epoch, epoch, at }),
  );
  if (!isOurs) return false;
  await reinstallSchedules();
  await publish(deps, redis, epoch);
  if (fleet.redis_epoch !== null) {
    deps.logger.warn('Redis has lost its memory: marking what was asked before', { epoch });
  }
  return true;
}

/** More workers than this do not notice in the same moment, and the next check would mend it. */
const writesMax = 5;

/**
 * Two workers may have begun a pass, one after the other: Redis gets what Postgres holds in the end, whoever writes
 * last, or the fleet would notice a loss once more that there was not.
 */
async function publish(deps: SyncDeps, redis: RedisMemory, ours: string): Promise<void> {
  let epoch: string | null = ours;
  for (let writes = 0; epoch !== null && writes < writesMax; writes += 1) {
    await redis.write(epoch);
    const { redis_epoch: held } = await deps.db.transaction({ role: 'worker' }, readFleet);
    epoch = held === epoch ? null : held;
  }
}

async function carryOn(deps: SyncDeps, fleet: FleetRow): Promise<number> {
  // One check marks what the budget serves until the next: with Google's own quota 3,800 in 30 s, 7,600 a minute.
  const most = announcedPerTick(deps);
  let marked = 0;
  let position = fleet.pass_position;
  while (marked < most) {
    const limit = Math.min(batchSize, most - marked);
    const batch = await markNext(deps, fleet, { position, limit });
    if (batch === null) break;
    await ringBatch(deps, batch, marked);
    marked += batch.length;
    if (batch.length < limit) break;
    position = batch.at(-1) ?? position;
  }
  return marked;
}

async function markNext(
  deps: SyncDeps,
  fleet: FleetRow,
  { position, limit }: { position: CalendarId | null; limit: number },
): Promise<CalendarId[] | null> {
  const { pass_epoch: epoch, pass_detected_at: detectedAt } = fleet;
  if (epoch === null || detectedAt === null) return null;
  const at = deps.clock.now();
  return deps.db.transaction({ role: 'worker' }, (tx) =>
    markBatch(tx, { epoch, position, detectedAt, limit, at }),
  );
}

async function ringBatch(deps: SyncDeps, batch: readonly CalendarId[], before: number): Promise<void> {
  const perMinute = announcedPerMinute(deps);
  const requestedAt = deps.clock.now().toISOString();
  await ringMany(
    deps,
    batch.map((calendarId, index) => ({
      name: 'pull-calendar' as const,
      payload: { calendarId, reason: 'notify' as const, requestedAt },
      options: { delayMs: Math.floor(((before + index) * 60_000) / perMinute) },
    })),
  );
}
