/** Short sentences for tests that play one scene. */
import type { MemoryEvent } from '@calfleet/providers';
import { createTestDatabase } from '@calfleet/testkit';
import type { Database } from '@calfleet/db';
import type { ConflictStrategy } from '@calfleet/domain';
import { World, openTestDatabase } from './world.ts';

/** A database for the file. @returns it, once tests run */
export function useDatabase(): () => Database {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let db: Database;
  beforeAll(async () => {
    database = await createTestDatabase();
    db = openTestDatabase(database.url);
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });
  return () => db;
}

/** Worlds in a database for the file; they end with their test. */
export function useWorlds(): (settings?: Parameters<typeof World.create>[1]) => Promise<World> {
  const db = useDatabase();
  const worlds: World[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.end();
  });
  return async (settings) => {
    const world = await World.create(db(), settings);
    worlds.push(world);
    return world;
  };
}

/** An hour-long event on the nth day from the world's today. */
export const meeting = (id: string, day = 1, fields: Partial<MemoryEvent['fields']> = {}): MemoryEvent => {
  const date = new Date(Date.parse('2026-11-20T10:00:00Z') + day * 86_400_000).toISOString().slice(0, 10);
  return {
    id,
    fields: {
      summary: `Meeting ${id}`,
      start: { kind: 'zoned', instant: `${date}T10:00:00Z`, zone: 'UTC' },
      end: { kind: 'zoned', instant: `${date}T11:00:00Z`, zone: 'UTC' },
      ...fields,
    },
  };
};

export function putMeetings(world: World, count: number, prefix = 'm'): void {
  for (let n = 0; n < count; n += 1)
    world.cloud.put(world.providerCalendarId, meeting(`${prefix}${n}`, n % 50));
}

/** The calendar's own word, which goes before its user's. */
export const setStrategy = async (
  { real, calendarId }: Pick<World, 'real' | 'calendarId'>,
  strategy: ConflictStrategy,
): Promise<void> =>
  void (await real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      update calendars set conflict_strategy = ${strategy} where id = ${calendarId}::uuid`,
  ));

/** One pull by hand, as the queue would run it. */
export async function pullNow(world: World, signal?: AbortSignal): Promise<string> {
  world.jobs.length = 0;
  await world.deps.jobs.enqueue('pull-calendar', {
    calendarId: world.calendarId,
    reason: 'notify',
    requestedAt: world.clock.now().toISOString(),
  });
  return world.runJob(signal);
}

/** The owner rings without a channel: the hint alone, a second after whatever came before. */
export async function hint(world: World, options: { full?: boolean } = {}): Promise<void> {
  world.clock.advance(1_000);
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendars set dirty_seq = dirty_seq + 1, full_requested = full_requested or ${options.full ?? false}
       where id = ${world.calendarId}::uuid`;
  });
}

export interface CalendarFacts {
  state: string;
  cursor: string | null;
  dirty: number;
  synced: number;
  round: string | null;
  generation: number;
  failures: number;
  error: string | null;
  coverage: string;
}

export async function calendarFacts(world: World): Promise<CalendarFacts> {
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) =>
      tx.$queryRaw<CalendarFacts[]>`
        select state, cursor, dirty_seq::int as dirty, synced_seq::int as synced, round_id as round,
          generation::int as generation, failures, last_error_code as error, coverage
        from calendars where id = ${world.calendarId}::uuid`,
  );
  if (!rows[0]) throw new Error('The calendar is gone.');
  return rows[0];
}

/** Provider ids of what a reader sees, and of what is held among them. */
export async function shownEvents(world: World): Promise<{ live: string[]; held: string[] }> {
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) =>
      tx.$queryRaw<{ id: string; held: boolean }[]>`
        select provider_event_id as id, held_at is not null as held from calendar_events
         where calendar_id = ${world.calendarId}::uuid and deleted_at is null order by provider_event_id`,
  );
  return { live: rows.map((row) => row.id), held: rows.filter((row) => row.held).map((row) => row.id) };
}

export async function countFeed(world: World): Promise<number> {
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) =>
      tx.$queryRaw<{ n: number }[]>`
        select count(*)::int as n from calendar_changes where calendar_id = ${world.calendarId}::uuid`,
  );
  return rows[0]?.n ?? 0;
}
