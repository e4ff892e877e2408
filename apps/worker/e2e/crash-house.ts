/** Pulls in processes of their own that are killed at a point of a transaction, and the process that takes over. */
import { workerConfig } from '@calfleet/config';
import type { CalendarId } from '@calfleet/domain';
import { createLimiter } from '@calfleet/jobs';
import { pullCalendar, type SyncDeps } from '@calfleet/sync';
import { createMetrics } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis } from '@calfleet/testkit';
import { createEngine } from '../src/engine.ts';
import { bundleProgram, type RunningProgram } from './bundle.ts';
import { clockAhead } from './clock-ahead.ts';
import { openHouse, type House } from './house.ts';
import { recordLines } from './lines.ts';

/** As many as the machine has cores: each kill is a process of its own. */
const atOnce = 2;
const points = ['before', 'inside', 'after'] as const;

/** At a point of the nth transaction of a pull, counted from 1. */
export interface Kill {
  step: number;
  point: (typeof points)[number];
}

export interface CrashHouse {
  house: House;
  /** The process that takes over, inside this one; so many days from now. */
  successor(days?: number): SyncDeps;
  /** A pull in a process of its own, whole or up to its kill. */
  pullInChild(
    calendarId: CalendarId,
    options?: { kill?: Kill | undefined; days?: number },
  ): RunningProgram['ended'];
  /** A renewal of the calendar's channel, and the stop of the old one, in the same way. */
  renewInChild(calendarId: CalendarId, options?: { kill?: Kill }): RunningProgram['ended'];
  /** Sixty seconds pass: whoever held the lease has lost it. */
  expireLease(calendarId: CalendarId): Promise<void>;
  /** Pulls as the worker would that the drain rings, until there is nothing to ring for. */
  pullToRest(successor: SyncDeps, calendarId: CalendarId, name: string): Promise<void>;
  readRounds(calendarId: CalendarId): Promise<Round[]>;
  /** Events that the feed announced as new more than once. */
  createdTwice(calendarId: CalendarId): Promise<string[]>;
  close(): Promise<void>;
}

export interface Round {
  mode: 'full' | 'incremental';
  pages: number;
}

/** @param settings beside the usual ones of a house, for every worker */
export async function openCrashHouse(settings: Record<string, string> = {}): Promise<CrashHouse> {
  const [database, redis, program] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
    bundleProgram('apps/worker/e2e/crash-point.ts'),
  ]);
  const house = await openHouse({
    databaseUrl: database.url,
    redisUrl: redis.url,
    redisPrefix: redis.prefix,
  });
  const { db, producer } = house;
  const { logger } = recordLines();
  const limiter = createLimiter({ redisUrl: redis.url, prefix: redis.prefix });
  const parts = { db, producer, limiter, logger, metrics: createMetrics() };
  const inChild = (environment: Record<string, string>, kill?: Kill): RunningProgram['ended'] =>
    program.start(
      house.environment({
        ...settings,
        ...environment,
        ...(kill && { CRASH_STEP: String(kill.step), CRASH_POINT: kill.point }),
      }),
    ).ended;
  return {
    house,
    successor: (days = 0) =>
      createEngine(workerConfig(house.environment(settings)), { ...parts, clock: clockAhead(days) }),
    pullInChild: (calendarId, { kill, days = 0 } = {}) =>
      inChild({ CRASH_CALENDAR: calendarId, CRASH_DAYS: String(days) }, kill),
    renewInChild: (calendarId, { kill } = {}) =>
      inChild({ CRASH_CALENDAR: calendarId, CRASH_WORK: 'renew' }, kill),
    expireLease: async (calendarId) => {
      await db.transaction(
        { role: 'worker' },
        (tx) => tx.$executeRaw`
          update calendars set lease_until = clock_timestamp() - interval '1 s'
           where id = ${calendarId}::uuid and lease_until is not null`,
      );
    },
    pullToRest: async (successor, calendarId, name) => {
      for (let pulls = 0; await isUnsettled(house, calendarId); pulls += 1) {
        if (pulls === 5) throw new Error(`${name}: the calendar never comes to rest`);
        await pull(successor, calendarId, 'notify');
      }
    },
    readRounds: (calendarId) =>
      db.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<Round[]>`
          select mode, pages from calendar_sync_runs where calendar_id = ${calendarId}::uuid`,
      ),
    createdTwice: async (calendarId) => {
      const rows = await db.transaction(
        { role: 'worker' },
        (tx) => tx.$queryRaw<{ event_id: string }[]>`
          select event_id from calendar_changes where calendar_id = ${calendarId}::uuid and kind = 'created'
           group by event_id having count(*) > 1`,
      );
      return rows.map((row) => row.event_id);
    },
    close: async () => {
      await limiter.close();
      await house.close();
      await program.remove();
      await redis.clear();
      await database.drop();
    },
  };
}

export const pull = (
  deps: SyncDeps,
  calendarId: CalendarId,
  reason: 'notify' | 'backfill',
): ReturnType<typeof pullCalendar> =>
  pullCalendar(deps, { calendarId, reason, requestedAt: deps.clock.now() }, new AbortController().signal);

/** Every point of so many transactions. */
export const killsOf = (transactions: number): Kill[] =>
  Array.from({ length: transactions }, (_, n) => n + 1).flatMap((step) =>
    points.map((point) => ({ step, point })),
  );

export async function inTurns<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const takeTurns = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) await work(each);
  };
  await Promise.all(Array.from({ length: atOnce }, takeTurns));
}

async function isUnsettled({ db }: House, calendarId: CalendarId): Promise<boolean> {
  const [facts] = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ unsettled: boolean }[]>`
      select dirty_seq > synced_seq or round_id is not null as unsettled from calendars
       where id = ${calendarId}::uuid`,
  );
  if (!facts) throw new Error('The calendar is gone.');
  return facts.unsettled;
}
