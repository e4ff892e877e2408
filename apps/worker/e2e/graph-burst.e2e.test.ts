import { migrate } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import { createTestRedis, eventually, startOwnPostgres, type TestRedis } from '@calfleet/testkit';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { freeze } from './frozen-server.ts';
import {
  batchOf,
  plantCalendars,
  sendBatches,
  type BatchAnswer,
  type WatchedCalendar,
} from './graph-batches.ts';
import { openHouse, type House } from './house.ts';

const posts = 2_000;
const itemsPerPost = 50;
const atOnce = 8;
/** Named again and again, as calendars in a burst are. */
const busyCount = 500;
/** Watched too, and never named: what marks them is not a notification. */
const quietCount = 20;
const stallMs = 5_000;
/** What Graph grants: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks */
const grantedMs = 3_000;

let postgres: Awaited<ReturnType<typeof startOwnPostgres>>;
let redis: TestRedis;
let programs: { ingress: Program; worker: Program };
let house: House;

beforeAll(async () => {
  const bundled = Promise.all([
    bundleProgram('apps/ingress/src/main.ts'),
    bundleProgram('apps/worker/src/main.ts'),
  ]);
  [postgres, redis] = await Promise.all([startOwnPostgres(), createTestRedis()]);
  const [ingress, worker] = await bundled;
  programs = { ingress, worker };
  await migrate({
    migrationUrl: postgres.adminUrl,
    applicationUrl: postgres.url,
    folder: 'prisma/migrations',
  });
  house = await openHouse({ databaseUrl: postgres.url, redisUrl: redis.url, redisPrefix: redis.prefix });
});

afterAll(async () => {
  await house.close();
  await Promise.all(Object.values(programs).map((program) => program.remove()));
  await redis.clear();
  await postgres.stop();
});

test('2,000 batches of 50 items while Postgres stands still for 5 s: each has its answer within 3 s, and every calendar of an acknowledged item is marked', async () => {
  const worker = await start(programs.worker, { WORKER_QUEUES: 'webhooks' });
  const ingress = await start(programs.ingress);
  // The worker's first look at a Redis that it does not know marks all calendars that are pushed.
  await eventually(firstLookDone);
  const { busy, once, quiet } = await plant();

  const thaw = freeze(postgres);
  let answers: BatchAnswer[];
  try {
    const standsStillUntil = performance.now() + stallMs;
    let isThere = false;
    void house.db.isReady().then(() => (isThere = true));
    answers = await sendBatches(ingress, (index) => batchOf(itemsOf(index, busy, once)), {
      count: posts,
      atOnce,
    });
    await eventually(() => performance.now() >= standsStillUntil);
    expect(isThere).toBe(false);
  } finally {
    thaw();
  }
  console.log(figures(answers));
  expect(answers.filter(({ status }) => status !== 202 && status !== 503)).toEqual([]);
  expect(answers.filter(({ ms }) => ms >= grantedMs)).toEqual([]);
  const acknowledged = answers.flatMap(({ status }, index) => (status === 202 ? [index] : []));
  // Redis is well, so nearly all are; without any, the rest would say nothing.
  expect(acknowledged.length).toBeGreaterThan(posts / 2);

  const named = new Set(acknowledged.flatMap((index) => itemsOf(index, busy, once)).map(({ id }) => id));
  await eventually(async () => expect(await unmarked([...named])).toEqual([]), {
    timeoutMs: 120_000,
    everyMs: 250,
  });
  expect(await unmarked(quiet.map(({ id }) => id))).toHaveLength(quietCount);
  for (const running of [worker, ingress]) await running.close();
});

/** Each batch names one calendar that no other does, each time in another place, beside busy ones. */
function itemsOf(
  index: number,
  busy: readonly WatchedCalendar[],
  once: readonly WatchedCalendar[],
): WatchedCalendar[] {
  const items = Array.from(
    { length: itemsPerPost },
    (_, place) => busy[(index * itemsPerPost + place) % busy.length],
  );
  items[index % itemsPerPost] = once[index];
  return items.filter((item) => item !== undefined);
}

async function plant(): Promise<Record<'busy' | 'once' | 'quiet', WatchedCalendar[]>> {
  const signingKeys = house.environment()['CHANNEL_SIGNING_KEYS'] ?? '';
  const all = await plantCalendars(house.db, { count: busyCount + posts + quietCount, signingKeys });
  return {
    busy: all.slice(0, busyCount),
    once: all.slice(busyCount, busyCount + posts),
    quiet: all.slice(busyCount + posts),
  };
}

/** A process of its own, as in production. */
async function start(
  program: Program,
  changes: Record<string, string> = {},
): Promise<{ url: string; close: () => Promise<unknown> }> {
  const running: RunningProgram = program.start(house.environment({ LOG_LEVEL: 'info', ...changes }));
  const port = await eventually(() => /"listening":"[^"]*:(\d+)"/.exec(running.output())?.[1] ?? false);
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      running.process.kill('SIGTERM');
      return running.ended;
    },
  };
}

async function firstLookDone(): Promise<boolean> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ done: boolean }[]>`select pass_done_at is not null as done from calendar_fleet`,
  );
  return row?.done ?? false;
}

async function unmarked(ids: CalendarId[]): Promise<CalendarId[]> {
  const rows = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId }[]>`
      select id from calendars where id = any(${ids}::uuid[]) and dirty_seq = 0`,
  );
  return rows.map(({ id }) => id);
}

function figures(answers: readonly BatchAnswer[]): string {
  const sorted = answers.map(({ ms }) => ms).sort((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(0);
  const stored = answers.filter(({ status }) => status === 202).length;
  return `${answers.length} batches, ${stored} stored: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}
