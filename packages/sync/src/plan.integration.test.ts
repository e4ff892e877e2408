/** A tick goes through everything that is due, page by page, each once, the earliest first. */
import { newId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { drainWebhooks, planAutoSync, planDuePulls } from './plan.ts';

const newWorld = useWorlds();
/** Two pages of 500 and a part of a third. */
const others = 1_200;

/** Neighbours of the world's calendar, due in tens at the same instant, so that pages end inside of one. */
async function plant(world: World): Promise<void> {
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
        dirty_seq, last_synced_at, next_pull_at, auto_sync, created_at, updated_at)
      select gen_random_uuid(), ${world.userId}, ${world.accountId}::uuid, 'memory', ${newId()} || n, 'Neighbour', 'UTC',
        'owner', 1, ${world.clock.now()}, ${world.clock.now()}::timestamptz - make_interval(mins => n / 10), n % 2 = 0,
        ${world.clock.now()}, ${world.clock.now()}
      from generate_series(1, ${others}::int) n`;
  });
}

/** What a tick asks for, of every calendar. */
async function asked(world: World, tick: (deps: World['deps']) => Promise<{ pulls: number }>) {
  const jobs: JobRequest[] = [];
  const queue = {
    enqueue: () => Promise.reject(new Error('One by one is not how a tick adds.')),
    enqueueMany: async (requests: readonly JobRequest[]) => void jobs.push(...requests),
  };
  const { pulls } = await tick({ ...world.deps, jobs: queue });
  const ids = jobs.flatMap(({ name, payload }) =>
    name === 'pull-calendar' && 'calendarId' in payload ? [payload.calendarId] : [],
  );
  expect(ids).toHaveLength(pulls);
  return { ids, delays: jobs.map(({ options }) => options?.delayMs ?? 0) };
}

test.each([
  ['incremental-pull', planDuePulls, others + 1],
  ['auto-sync', planAutoSync, others / 2],
  ['webhook-drain', drainWebhooks, others + 1],
] as const)('%s asks for each of them once, over all pages', async (_tick, plan, count) => {
  const world = await newWorld();
  await plant(world);
  const { ids } = await asked(world, plan);
  expect(new Set(ids).size).toBe(count);
  expect(ids).toHaveLength(count);
});

test('with less budget than is due, the earliest are asked for, spread over the time until the next tick', async () => {
  const world = await newWorld();
  await plant(world);
  Object.assign(world.deps.settings, {
    pace: { schedulePerMinute: { memory: 60 }, notifyPerMinute: {}, tickMs: { 'incremental-pull': 600_000 } },
  });
  const { ids, delays } = await asked(world, planDuePulls);
  const [row] = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ missed: number }[]>`
      select count(*)::int as missed from calendars
       where next_pull_at < (select max(next_pull_at) from calendars where id = any(${ids}::uuid[]))
         and id <> all(${ids}::uuid[])`,
  );
  expect([ids.length, row?.missed]).toEqual([600, 0]);
  // One a second, and up to a minute of chance.
  expect(delays.every((ms, n) => ms >= n * 1_000 && ms < n * 1_000 + 60_000)).toBe(true);
});
