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

describe('after a stop of a week', () => {
  const covered = 2_600;

  /** Covered neighbours whose channels all ran out. */
  async function plantExpired(world: World): Promise<void> {
    await world.real.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        with planted as (
          insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
            dirty_seq, synced_seq, coverage, created_at, updated_at)
          select gen_random_uuid(), ${world.userId}, ${world.accountId}::uuid, 'memory', ${newId()} || n, 'Neighbour',
            'UTC', 'owner', 1, 1, 'push', ${world.clock.now()}, ${world.clock.now()}
          from generate_series(1, ${covered}::int) n returning *
        )
        insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
          signing_key_id, expires_at, created_at, updated_at)
        select gen_random_uuid(), user_id, account_id, id, 'memory', 'active', 'r', 'k', created_at - interval '1 day',
          created_at, created_at from planted`;
    });
  }
  const count = async (world: World, what: string): Promise<number> => {
    const [row] = await world.real.transaction({ role: 'worker' }, (tx) =>
      tx.$queryRawUnsafe<{ n: number }[]>(`select count(*)::int as n from ${what}`),
    );
    return row?.n ?? 0;
  };

  test('channels that ran out end in short batches, each its own transaction; what is held comes with the next tick', async () => {
    const world = await newWorld();
    await plantExpired(world);
    const ends: number[] = [];
    world.hook = async (point) => {
      if (point === 'after') ends.push(await count(world, "calendar_sync_channels where state = 'expired'"));
    };
    await world.real.transaction({ role: 'worker' }, async (tx) => {
      await tx.$queryRaw`
        select id from calendar_sync_channels where state = 'active' order by expires_at, id limit 7 for update`;
      await drainWebhooks(world.deps);
    });
    const steps = ends.map((end, n) => end - (ends[n - 1] ?? 0));
    expect(Math.max(...steps)).toBe(1_000);
    expect(ends.at(-1)).toBe(covered - 7);
    world.hook = null;
    await drainWebhooks(world.deps);
    expect(await count(world, "calendar_sync_channels where state = 'active'")).toBe(0);
    expect(await count(world, "calendars where coverage = 'push'")).toBe(0);
  });

  test('whichever part of the drain fails, the others have their turn, and the failure is told at the end', async () => {
    const world = await newWorld();
    const names: string[][] = [];
    const told: unknown[] = [];
    const logger = Object.assign(Object.create(world.deps.logger) as World['deps']['logger'], {
      warn: (message: string) => told.push(message),
    });
    for (let failing = 1; failing <= 8; failing += 1) {
      world.jobs.length = 0;
      let transactions = 0;
      world.hook = async (point) => {
        if (point === 'before' && ++transactions === failing) throw new Error('planned');
      };
      await expect(drainWebhooks({ ...world.deps, logger })).rejects.toThrow('planned');
      expect(transactions).toBeGreaterThanOrEqual(8);
      names.push(world.jobs.map((job) => job.name));
    }
    // The calendar is dirty and has no channel: each of the two is asked for, but when its own part fails.
    for (const name of ['pull-calendar', 'ensure-watch'])
      expect(names.filter((asked) => asked.includes(name))).toHaveLength(7);
    expect(told).toEqual(Array.from({ length: 8 }, () => 'A part of the drain failed'));
  });
});
