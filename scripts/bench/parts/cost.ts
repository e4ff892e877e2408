/**
 * What one pull, one notification and one stored event cost Redis and Postgres: the figures that docs/SCALING.md counts
 * with. Differences of the servers' own counters around a known number of each, less what the idle fleet does meanwhile.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { createProducer, type JobInput } from '@calfleet/jobs';
import type { Redis } from 'ioredis';
import type { Figure } from '../figures.ts';
import type { Child } from '../child.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar } from '../planting.ts';
import { cpuOf } from './fleet.ts';
import { startFleet, until } from './latency.ts';

const prefix = '{cost}';
/** Nothing is to wait for a budget here. */
const unbounded = { GOOGLE_QUOTA_PROJECT_PER_MINUTE: '1000000', GOOGLE_QUOTA_USER_PER_MINUTE: '1000000' };

export async function benchCost(ground: Ground): Promise<Figure[]> {
  const count = ground.quick ? 20 : 200;
  const store = await ground.openStore('cost');
  const fleet = await startFleet(ground, store, { count, prefix, workers: [unbounded] });
  const { Redis } = await import('ioredis');
  const redis = new Redis(ground.redisUrl);
  const onError = () => undefined;
  const producer = createProducer({ redisUrl: ground.redisUrl, prefix, onError, timeoutMs: 30_000 });
  try {
    const meter: Meter = { redis, store, workers: fleet.workers, idle: none };
    const idleSeconds = ground.quick ? 5 : 20;
    const idle = await spent(meter, () => pause(idleSeconds * 1_000));
    meter.idle = idle;
    const pulls = await spent(meter, async () => {
      // Due, as the tick that plans them would have found them.
      await store.admin.query(`update calendars set next_pull_at = now() - interval '1 minute'`);
      const ids = await calendarIds(store);
      const before = await runs(store);
      const payload = (calendarId: CalendarId): JobInput<'pull-calendar'> => ({
        calendarId,
        reason: 'schedule',
        requestedAt: systemClock.now().toISOString(),
      });
      await producer.enqueueMany(
        ids.map((id) => ({ name: 'pull-calendar' as const, payload: payload(id as CalendarId) })),
      );
      await until('every calendar was pulled', async () => (await runs(store)) >= before + count);
    });
    const edits = await spent(meter, async () => {
      const before = await changes(store);
      for (const { control } of fleet.calendars) {
        const [event] = (await control.truth()).events;
        await control.patch(String(event?.id), { summary: `Cost ${before}` });
      }
      await until('every edit has its row', async () => (await changes(store)) >= before + count);
      await until('the queues are empty', async () => (await settled(store)) === count);
    });
    const sizes = await sizesOf(ground, store);
    return [...figuresOf({ count, idleSeconds }, { idle, pulls, edits }), ...sizes];
  } finally {
    await fleet.close();
    await producer.close();
    redis.disconnect();
    await store.close();
  }
}

interface Spent {
  seconds: number;
  commands: number;
  redisCpuMs: number;
  workerCpuMs: number;
  appendedBytes: number;
  walBytes: number;
  commits: number;
}

const none: Spent = {
  seconds: 1,
  commands: 0,
  redisCpuMs: 0,
  workerCpuMs: 0,
  appendedBytes: 0,
  walBytes: 0,
  commits: 0,
};
const names = ['commands', 'redisCpuMs', 'workerCpuMs', 'appendedBytes', 'walBytes', 'commits'] as const;

interface Meter {
  redis: Redis;
  store: Store;
  workers: readonly Child[];
  idle: Spent;
}

/** @returns what the work cost besides what the idle fleet costs in the same time */
async function spent(meter: Meter, work: () => Promise<unknown>): Promise<Spent> {
  const { idle } = meter;
  const before = await counters(meter);
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await counters(meter);
  const difference = (name: (typeof names)[number]): number =>
    after[name] - before[name] - (idle[name] / idle.seconds) * seconds;
  return {
    seconds,
    ...(Object.fromEntries(names.map((name) => [name, difference(name)])) as Omit<Spent, 'seconds'>),
  };
}

async function counters({ redis, store, workers }: Meter): Promise<Omit<Spent, 'seconds'>> {
  const [stats, cpu, persistence] = await Promise.all(
    ['commandstats', 'cpu', 'persistence'].map((section) => redis.info(section)),
  );
  const sum = (text: string | undefined, pattern: RegExp): number =>
    [...(text ?? '').matchAll(pattern)].reduce((all, [, value]) => all + Number(value), 0);
  // Statistics of Postgres are published up to a second late.
  await pause(1_200);
  const { rows } = await store.admin.query<{ wal: string; commits: string }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal,
       (select xact_commit from pg_stat_database where datname = current_database()) as commits`,
  );
  return {
    // Those of the looking eyes and of connecting are no work.
    commands: sum(stats?.replaceAll(/^cmdstat_(info|hello|auth|client).*$/gm, ''), /calls=(\d+)/g),
    redisCpuMs: sum(cpu, /used_cpu_(?:user|sys):([\d.]+)/g) * 1_000,
    workerCpuMs: (await cpuOf(workers)) * 1_000,
    appendedBytes: sum(persistence, /aof_current_size:(\d+)/g),
    walBytes: Number(rows[0]?.wal ?? 0),
    commits: Number(rows[0]?.commits ?? 0),
  };
}

async function one(store: Store, text: string): Promise<number> {
  const { rows } = await store.admin.query<{ n: string }>(text);
  return Number(rows[0]?.n ?? 0);
}
const runs = (store: Store) =>
  one(store, `select count(*) as n from calendar_sync_runs where trigger = 'schedule'`);
const changes = (store: Store) =>
  one(store, `select count(*) as n from calendar_changes where kind = 'updated'`);
const settled = (store: Store) =>
  one(store, 'select count(*) as n from calendars where synced_seq = dirty_seq and lease_until is null');
const calendarIds = async (store: Store): Promise<string[]> =>
  (await store.admin.query<{ id: string }>('select id from calendars')).rows.map(({ id }) => id);

function figuresOf(
  { count, idleSeconds }: { count: number; idleSeconds: number },
  { idle, pulls, edits }: Record<'idle' | 'pulls' | 'edits', Spent>,
): Figure[] {
  const figure = (what: string, ours: number, unit: string, note: string): Figure => ({
    what,
    ours,
    unit,
    note,
    floor: null,
    ratio: null,
    aim: null,
  });
  const each = (what: string, all: Spent, note: string): Figure[] => [
    figure(`${what}: Redis commands`, all.commands / count, '', `${note}; those inside scripts included`),
    figure(`${what}: Redis CPU`, (all.redisCpuMs * 1_000) / count, 'µs', note),
    figure(`${what}: worker CPU`, all.workerCpuMs / count, 'ms', note),
    figure(`${what}: append-only file`, all.appendedBytes / count, 'bytes', note),
    figure(`${what}: WAL`, all.walBytes / count, 'bytes', note),
    figure(`${what}: transactions`, all.commits / count, '', note),
  ];
  const perSecond = (value: number): number => value / idle.seconds;
  return [
    figure(
      'idle worker: Redis commands',
      perSecond(idle.commands),
      '/s',
      `${idleSeconds} s, drain every second instead of every 30; ingress beside it`,
    ),
    figure('idle worker: Redis CPU', perSecond(idle.redisCpuMs), 'ms/s', 'as above'),
    ...each('scheduled pull that finds nothing', pulls, `${count} pulls in ${pulls.seconds.toFixed(1)} s`),
    ...each(
      'edit at Google to its row',
      edits,
      `${count} edits of as many calendars: notification, job, pull, one changed row; ${edits.seconds.toFixed(1)} s`,
    ),
  ];
}

/** A table with its indexes and what is stored aside, by row, after one first mirror of a large calendar. */
async function sizesOf(ground: Ground, store: Store): Promise<Figure[]> {
  const events = ground.quick ? 500 : 20_000;
  const account = await plantAccount(ground, store, { listed: true });
  const { id } = await plantCalendar(ground, store, account, events);
  await until('the large calendar is mirrored', async () => {
    const text = `select count(*) as n from calendars where id = '${id}' and state = 'active' and synced_seq = dirty_seq`;
    return (await one(store, text)) === 1;
  });
  await store.admin.query('vacuum analyze');
  const tables = [
    'calendar_events',
    'calendar_occurrences',
    'calendar_changes',
    'calendar_sync_runs',
    'calendars',
    'calendar_sync_channels',
  ];
  const figures: Figure[] = [];
  for (const table of tables) {
    const rows = await one(store, `select count(*) as n from ${table}`);
    const parts = `(select '${table}'::regclass as part union select relid from pg_partition_tree('${table}')) parts`;
    const bytes = await one(store, `select sum(pg_total_relation_size(part)) as n from ${parts}`);
    const indexes = await one(store, `select sum(pg_indexes_size(part)) as n from ${parts}`);
    figures.push({
      what: `${table}: a row`,
      ours: bytes / rows,
      unit: 'bytes',
      floor: null,
      ratio: null,
      aim: null,
      note: `${rows.toLocaleString('en-US')} rows, ${((indexes / bytes) * 100).toFixed(0)} % of it indexes`,
    });
  }
  return figures;
}
