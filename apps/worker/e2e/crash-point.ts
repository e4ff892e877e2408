/**
 * One pull, or one renewal of a channel, in a process of its own that is killed, by SIGKILL from within, at one point of its nth transaction.
 * Without a point it runs to its end and prints how many transactions that took.
 */
import { workerConfig } from '@calfleet/config';
import { openDatabase, type Database } from '@calfleet/db';
import type { CalendarId, WatchId } from '@calfleet/domain';
import { createLimiter, createProducer } from '@calfleet/jobs';
import { ensureWatch, pullCalendar, stopWatch, type SyncDeps } from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createEngine } from '../src/engine.ts';
import { clockAhead } from './clock-ahead.ts';

const die = (): void => void process.kill(process.pid, 'SIGKILL');

function dyingAt(db: Database, at: { step: number; point: string }): { db: Database; count: () => number } {
  let step = 0;
  const reach = (mine: number, point: string): void => {
    if (mine === at.step && point === at.point) die();
  };
  const transaction: Database['transaction'] = async (options, work) => {
    const mine = (step += 1);
    reach(mine, 'before');
    const result = await db.transaction(options, async (tx) => {
      const value = await work(tx);
      reach(mine, 'inside');
      return value;
    });
    reach(mine, 'after');
    return result;
  };
  return { db: { ...db, transaction }, count: () => step };
}

const pull = (sync: SyncDeps, calendarId: CalendarId): Promise<string> => {
  const wish = { calendarId, reason: 'backfill' as const, requestedAt: sync.clock.now() };
  return pullCalendar(sync, wish, new AbortController().signal);
};

/** The renewal, and the stop that it rings for. */
async function renew(sync: SyncDeps, calendarId: CalendarId): Promise<string> {
  const toStop: { watchId: WatchId; resourceId: string }[] = [];
  const enqueue: SyncDeps['jobs']['enqueue'] = async (name, payload) => {
    if (name === 'stop-watch') toStop.push(payload as (typeof toStop)[number]);
  };
  const result = await ensureWatch({ ...sync, jobs: { ...sync.jobs, enqueue } }, calendarId, { ahead: true });
  for (const watch of toStop) await stopWatch(sync, watch);
  return result;
}

async function main(): Promise<void> {
  const config = workerConfig(process.env);
  const { CRASH_CALENDAR: calendarId, CRASH_STEP: step = '0', CRASH_POINT: point = '' } = process.env;
  const clock = clockAhead(Number(process.env['CRASH_DAYS'] ?? 0));
  const real = openDatabase({ url: config.databaseUrl, poolSize: 2, applicationName: 'calfleet-crash' });
  const { db, count } = dyingAt(real, { step: Number(step), point });
  const address = { redisUrl: config.redisUrl, prefix: config.redisPrefix };
  const producer = createProducer({ ...address, onError: () => undefined });
  const logger = createLogger({ service: 'crash-point', level: 'error' });
  const limiter = createLimiter(address);
  const parts = { db, producer, limiter, logger, metrics: createMetrics(), clock };
  const sync = createEngine(config, parts);
  const work = process.env['CRASH_WORK'] === 'renew' ? renew : pull;
  const result = await work(sync, calendarId as CalendarId);
  process.stdout.write(JSON.stringify({ result, transactions: count() }));
  await limiter.close();
  await producer.close();
  await real.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
