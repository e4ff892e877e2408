/** Workers that do not agree on the first signing key: channels are replaced once, and not for ever. */
import { newId, type CalendarId, type WatchId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import type { SyncDeps } from './deps.ts';
import { planWatches } from './renewal.ts';
import { ensureWatch } from './watch.ts';

const newWorld = useWorlds();
const hourMs = 3_600_000;
const count = 16;
let world: World;
const jobs: JobRequest[] = [];
const errors: unknown[] = [];

/** A worker whose first key this is; its jobs are everybody's. */
function worker(keyId: string): SyncDeps {
  const sign = (watchId: WatchId) => ({ token: `token-${watchId}`, keyId });
  return {
    ...world.deps,
    signer: { sign, signClientState: sign, signingKeyId: keyId },
    jobs: {
      enqueue: async (name, payload) => void jobs.push({ name, payload } as JobRequest),
      enqueueMany: async (requests) => void jobs.push(...requests),
    },
    logger: Object.assign(Object.create(world.deps.logger) as SyncDeps['logger'], {
      error: (message: string, facts: object) => errors.push({ message, ...facts }),
    }),
  };
}

const sql = <Row>(statement: string): Promise<Row[]> =>
  world.real.transaction({ role: 'worker' }, (tx) => tx.$queryRawUnsafe<Row[]>(statement));

beforeEach(async () => {
  world = await newWorld();
  jobs.length = 0;
  errors.length = 0;
  await sql(`update calendar_fleet set signing_key_id = null, signing_key_since = null, signing_key_next = null,
    signing_key_next_since = null, signing_keys_past = '{}' returning 1 as done`);
  const first = worker('a');
  for (let n = 0; n < count; n += 1) {
    // The last byte of the id is the calendar's part of the day.
    const id = (newId().slice(0, -2) + (n * 16).toString(16).padStart(2, '0')) as CalendarId;
    world.cloud.createCalendar({ providerCalendarId: id });
    await sql(`insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
        dirty_seq, next_pull_at, created_at, updated_at)
      select '${id}', user_id, account_id, provider, '${id}', name, time_zone, access_role, 1, next_pull_at, created_at,
        updated_at from calendars where id = '${world.calendarId}' returning id`);
    await ensureWatch(first, id);
  }
  await ensureWatch(first, world.calendarId);
  jobs.length = 0;
});

const channelsMade = async (): Promise<number> => {
  const [row] = await sql<{ made: number }>('select count(*)::int as made from calendar_sync_channels');
  return row?.made ?? 0;
};

/** Each hour one worker ticks and any of them does the jobs. @returns how many channels were made */
async function pass(
  hours: number,
  ticks: (hour: number) => SyncDeps,
  all: readonly SyncDeps[],
): Promise<number> {
  const before = await channelsMade();
  for (let hour = 0; hour < hours; hour += 1) {
    await planWatches(ticks(hour));
    for (const [n, job] of jobs.splice(0).entries()) {
      const deps = all[(hour + n) % all.length];
      if (job.name !== 'ensure-watch' || !deps) continue;
      const { calendarId, ahead = false } = job.payload;
      await ensureWatch(deps, calendarId as CalendarId, { ahead });
    }
    world.clock.advance(hourMs);
  }
  return (await channelsMade()) - before;
}

const onKey = async (key: string): Promise<number> => {
  const [row] = await sql<{ channels: number }>(
    `select count(*)::int as channels from calendar_sync_channels where state = 'active' and signing_key_id = '${key}'`,
  );
  return row?.channels ?? 0;
};

test('two configurations that take turns from tick to tick replace nothing', async () => {
  const all = [worker('a'), worker('b')] as const;
  expect(await pass(48, (hour) => all[hour % 2 === 0 ? 0 : 1], all)).toBe(0);
  expect(await onKey('a')).toBe(count + 1);
});

test('two configurations, however their ticks fall: each channel is replaced once at most, and the log says why', async () => {
  const all = [worker('a'), worker('b')] as const;
  const made = await pass(48, (hour) => all[Math.floor(hour / 2) % 2 === 0 ? 0 : 1], all);
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThanOrEqual(count + 1);
  // Nor do the days after.
  await pass(24, (hour) => all[Math.floor(hour / 3) % 2 === 0 ? 0 : 1], all);
  expect((await onKey('a')) + (await onKey('b'))).toBe(count + 1);
  expect((await channelsMade()) - (count + 1)).toBeLessThanOrEqual(count + 1);
  expect(errors).toContainEqual({
    message: expect.stringContaining('was the first one before') as unknown,
    key_id: 'a',
    first_key_id: 'b',
  });
});

test('a key that all workers agree on is everywhere within a day; the way back is logged, and taken after a day', async () => {
  const [a, b] = [worker('a'), worker('b')];
  await pass(2, () => a, [a]);
  expect(await pass(24, () => b, [b])).toBe(count + 1);
  expect(await onKey('b')).toBe(count + 1);
  expect(errors).toEqual([]);
  expect(await pass(24, () => a, [a])).toBe(0);
  expect(errors).toHaveLength(24);
  expect(await pass(24, () => a, [a])).toBe(count + 1);
  expect(await onKey('a')).toBe(count + 1);
  expect(errors).toHaveLength(24);
});
