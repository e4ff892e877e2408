/**
 * Workers on real Redis and Postgres over the memory provider, whose pages a test can hold: for interleavings that no
 * real provider would play twice.
 */
import { openDatabase, type Database } from '@calfleet/db';
import {
  newId,
  systemClock,
  ZoneTable,
  type AccountId,
  type CalendarId,
  type CalendarProvider,
  type WatchId,
} from '@calfleet/domain';
import { createProducer, createQueueMonitor, startWorkers, type Producer } from '@calfleet/jobs';
import { MemoryCloud, createMemoryProvider } from '@calfleet/providers';
import { Courtesy, type SyncDeps } from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { eventually, type TestDatabase, type TestRedis } from '@calfleet/testkit';
import { createHandlers } from '../src/handlers.ts';
import { outcomeOf } from '../src/outcomes.ts';
import { ensurePartitions } from '../src/feed-partitions.ts';

/** Stops one page of one calendar's round until it is opened. */
export interface Hold {
  /** Pages of the round that pass first. */
  page: number;
  /** Before the provider looks at its events, or after it has, with the answer still under way. */
  when: 'before' | 'after';
  /** Resolves when the page is being held. */
  held: Promise<void>;
  open: () => void;
}

export interface RaceCalendar {
  id: CalendarId;
  watchId: WatchId;
  providerCalendarId: string;
}

export interface RaceHouse {
  db: Database;
  cloud: MemoryCloud;
  producer: Producer;
  newCalendar(events: number): Promise<RaceCalendar>;
  hold(calendar: RaceCalendar, where: Pick<Hold, 'page' | 'when'>): Hold;
  /** Resolves when no job waits, is delayed or runs. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export async function openRaceHouse(database: TestDatabase, redis: TestRedis): Promise<RaceHouse> {
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  const onError = (): void => undefined;
  const db = openDatabase({ url: database.url, poolSize: 20, applicationName: 'calfleet-race' });
  const producer = createProducer({ ...address, onError });
  const monitor = createQueueMonitor({ ...address, onError });
  const cloud = new MemoryCloud({ quirks: { pageSizeMax: 3 } });
  const holds = new Map<string, Hold & { pages: number; reach: () => Promise<void> }>();
  const deps = depsOf({ db, producer, provider: holdable(createMemoryProvider(cloud), holds) });
  await ensurePartitions(deps);
  const logger = createLogger({ service: 'race', level: 'error' });
  const workers = startWorkers({
    ...address,
    concurrency: 16,
    handlers: createHandlers(deps, producer),
    outcomeOf,
    logger,
  });
  return {
    db,
    cloud,
    producer,
    newCalendar: (events) => newCalendar(db, cloud, events),
    hold: ({ providerCalendarId }, { page, when }) => {
      const hold = newHold(page, when);
      holds.set(providerCalendarId, hold);
      return hold;
    },
    quiet: async () => {
      let inRow = 0;
      await eventually(
        async () => {
          const readings = await monitor.read(systemClock.now());
          const left = readings.flatMap(({ jobs }) => [
            jobs.waiting,
            jobs.prioritized,
            jobs.delayed,
            jobs.active,
          ]);
          inRow = left.every((count) => count === 0) ? inRow + 1 : 0;
          // Queues are read one after the other: a job may have moved on behind the first look.
          return inRow >= 2;
        },
        { describe: 'all queues empty' },
      );
    },
    close: async () => {
      await workers.close({ timeoutMs: 5_000 });
      await monitor.close();
      await producer.close();
      await db.close();
    },
  };
}

function newHold(page: number, when: Hold['when']): Hold & { pages: number; reach: () => Promise<void> } {
  let [arrive, open] = [(): void => undefined, (): void => undefined];
  const held = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reach = (): Promise<void> => {
    arrive();
    return opened;
  };
  return { page, when, held, open: () => open(), pages: 0, reach };
}

const holdable = (
  provider: CalendarProvider,
  holds: ReadonlyMap<string, Hold & { pages: number; reach: () => Promise<void> }>,
): CalendarProvider => ({
  ...provider,
  listChanges: async (session, request) => {
    const hold = holds.get(request.providerCalendarId);
    const isMine = hold !== undefined && (hold.pages += 1) === hold.page + 1;
    if (isMine && hold.when === 'before') await hold.reach();
    const answer = await provider.listChanges(session, request);
    if (isMine && hold.when === 'after') await hold.reach();
    return answer;
  },
});

const depsOf = (parts: { db: Database; producer: Producer; provider: CalendarProvider }): SyncDeps => ({
  db: parts.db,
  clock: systemClock,
  jobs: parts.producer,
  providers: new Map([['memory', parts.provider]]),
  sessions: {
    // The memory provider has no tokens.
    open: ({ accountId }) => ({ accountId, accessToken: async () => '' }),
    reseal: () => Buffer.alloc(0),
    revoke: async () => undefined,
  },
  signer: { sign: noToken, signClientState: noToken, signingKeyId: 'race' },
  logger: createLogger({ service: 'race', level: 'error' }),
  metrics: createMetrics(),
  zones: new ZoneTable(),
  courtesy: new Courtesy(),
  settings: {
    pastDays: 30,
    futureDays: 60,
    massDeleteMin: 20,
    massDeletePercent: 50,
    pageSize: 2_500,
    auditSamplePercent: 100,
    keptDays: { runs: 30, deletedEvents: 30, channels: 8, quarantine: 90, audits: 90, history: 90 },
    ingressUrl: 'https://ingress.test',
  },
});

/** A calendar that was discovered and is watched, and that nobody has pulled yet. */
async function newCalendar(db: Database, cloud: MemoryCloud, events: number): Promise<RaceCalendar> {
  const [id, accountId, watchId] = [newId<CalendarId>(), newId<AccountId>(), newId<WatchId>()];
  const providerCalendarId = `calendar-${id}`;
  cloud.createCalendar({ providerCalendarId });
  for (let n = 0; n < events; n += 1) putEvent(cloud, providerCalendarId, `event-${n}`, `event ${n}`);
  const [user, at] = [`user-${accountId}`, systemClock.now()];
  await db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, calendars_listed_at, created_at,
        updated_at)
      values (${accountId}::uuid, ${user}, 'memory', '\\x00', '\\x00', ${at}, ${at}, ${at})`;
    await tx.$executeRaw`
      insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
        coverage, dirty_seq, next_pull_at, created_at, updated_at)
      values (${id}::uuid, ${user}, ${accountId}::uuid, 'memory', ${providerCalendarId}, 'Race', 'UTC', 'owner',
        'push', 1, ${at}, ${at}, ${at})`;
    await tx.$executeRaw`
      insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, signing_key_id,
        resource_id, expires_at, created_at, updated_at)
      values (${watchId}::uuid, ${user}, ${accountId}::uuid, ${id}::uuid, 'memory', 'active', 'none', 'resource',
        '2099-01-01', ${at}, ${at})`;
  });
  return { id, watchId, providerCalendarId };
}

export function putEvent(cloud: MemoryCloud, providerCalendarId: string, id: string, summary: string): void {
  const at = (hour: string) => ({
    kind: 'zoned' as const,
    instant: `2026-12-01T${hour}:00:00Z`,
    zone: 'UTC',
  });
  cloud.put(providerCalendarId, { id, fields: { summary, start: at('10'), end: at('11') } });
}

const noToken = () => ({ token: 'none', keyId: 'none' });
