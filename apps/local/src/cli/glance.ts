/** The fleet at a glance: what Postgres knows, and what Redis says if it answers. */
import { listSchedules, readFleetStatus, type FleetStatus, type ScheduleRun } from '@calfleet/db';
import { createQueueMonitor, tickNames, type QueueReading, type ScheduleReading } from '@calfleet/jobs';
import { duration } from './duration.ts';
import type { Fleet } from './fleet.ts';

export interface ScheduleGlance {
  name: string;
  last_started_at: Date | null;
  /** null: none has run, or it still runs. */
  last_took_ms: number | null;
  outcome: ScheduleRun['outcome'] | 'never';
  counts: Record<string, number>;
  next_at: Date | null;
  /** What an operator has to know; '' when all is well. */
  remark: string;
}

export interface Glance extends Omit<FleetStatus, 'quarantined'> {
  at: Date;
  /** null: Redis does not answer. */
  queues: QueueReading[] | null;
  schedules: ScheduleGlance[];
  quarantined: number;
  /** Failed for good, as many as are kept; null: Redis does not answer. */
  dead_jobs: number | null;
}

export async function glanceAt({ config, db, clock }: Fleet): Promise<Glance> {
  const at = clock.now();
  const status = await db.transaction({ role: 'worker' }, (tx) => readFleetStatus(tx, at));
  const runs = await db.transaction({ role: 'worker' }, listSchedules);
  const redis = await askRedis(config, at);
  return {
    at,
    ...status,
    queues: redis && redis.queues,
    schedules: tickNames.map((name) => scheduleOf(name, { at, runs, installed: redis && redis.schedules })),
    dead_jobs: redis && redis.queues.reduce((sum, { jobs }) => sum + jobs.failed, 0),
  };
}

async function askRedis(
  { redisUrl, redisPrefix: prefix }: Fleet['config'],
  at: Date,
): Promise<{ queues: QueueReading[]; schedules: ScheduleReading[] } | null> {
  const monitor = createQueueMonitor({ redisUrl, prefix, onError: () => undefined });
  try {
    const [queues, schedules] = await Promise.all([monitor.read(at), monitor.schedules()]);
    return { queues, schedules };
  } catch {
    return null;
  } finally {
    await monitor.close();
  }
}

/** A tick waits its turn for a moment at every beat. */
const lateMs = 60_000;

function scheduleOf(
  name: string,
  known: { at: Date; runs: readonly ScheduleRun[]; installed: readonly ScheduleReading[] | null },
): ScheduleGlance {
  const { at, installed } = known;
  const run = known.runs.find((one) => one.name === name);
  const isInstalled = installed?.some((one) => one.name === name) ?? true;
  const nextAt = installed?.find((one) => one.name === name)?.nextAt ?? null;
  const late = nextAt === null ? 0 : at.getTime() - nextAt.getTime();
  const remarks = [
    ...(isInstalled ? [] : ['not installed in Redis']),
    ...(late > lateMs ? [`overdue for ${duration(late)}`] : []),
    ...(run ? [] : ['has never run']),
    ...(run?.outcome === 'failed' ? [`failed: ${run.error ?? 'unknown'}`] : []),
  ];
  return {
    name,
    last_started_at: run?.started_at ?? null,
    last_took_ms: run?.ended_at ? run.ended_at.getTime() - run.started_at.getTime() : null,
    outcome: run?.outcome ?? 'never',
    counts: run?.counts ?? {},
    next_at: nextAt,
    remark: remarks.join(', '),
  };
}
