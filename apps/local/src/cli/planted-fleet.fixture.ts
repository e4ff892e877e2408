/** A fleet of rows and jobs whose every number a test knows. */
import { beginSchedule, endSchedule, openDatabase, type Transaction } from '@calfleet/db';
import {
  createTestDatabase,
  createTestRedis,
  ManualClock,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import type { Fleet } from './fleet.ts';

export const at = new Date('2026-03-02T12:00:00Z');
export const ids = {
  google: '00000000-0000-7000-8000-00000000000a',
  microsoft: '00000000-0000-7000-8000-00000000000b',
  work: '00000000-0000-7000-8000-000000000001',
  home: '00000000-0000-7000-8000-000000000002',
  team: '00000000-0000-7000-8000-000000000003',
  fresh: '00000000-0000-7000-8000-000000000004',
  paused: '00000000-0000-7000-8000-000000000005',
  lost: '00000000-0000-7000-8000-000000000006',
  off: '00000000-0000-7000-8000-000000000007',
};

export interface PlantedFleet {
  fleet: Fleet;
  clock: ManualClock;
  /** What was printed since the last look, line by line. */
  printed(): string[];
  worker<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function plantFleet(): Promise<PlantedFleet> {
  const [database, redis]: [TestDatabase, TestRedis] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
  ]);
  const db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'calfleet-test' });
  const clock = new ManualClock(at);
  const lines: string[] = [];
  const config = { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix };
  await db.transaction({ role: 'worker' }, plant);
  return {
    fleet: { config, db, clock, print: (text) => void lines.push(...text.split('\n')) },
    clock,
    printed: () => lines.splice(0),
    worker: (work) => db.transaction({ role: 'worker' }, work),
    close: async () => {
      await db.close();
      await redis.clear();
      await database.drop();
    },
  };
}

const minutesAgo = (minutes: number): Date => new Date(at.getTime() - minutes * 60_000);

async function plant(tx: Transaction): Promise<void> {
  for (const [id, user, provider, status, reason] of [
    [ids.google, 'ada', 'google', 'active', null],
    [ids.microsoft, 'bo', 'microsoft', 'reauth_needed', 'credentials_revoked'],
  ] as const) {
    await tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, email, status, status_reason, data_key, refresh_token,
        created_at, updated_at)
      values (${id}::uuid, ${user}, ${provider}, ${`${user}@example.test`}, ${status}, ${reason}, 'sealed', 'sealed',
        ${at}, ${at})`;
  }
  await plantCalendar(tx, { id: ids.work, name: 'Work', coverage: 'push', synced: 1 });
  await plantCalendar(tx, { id: ids.home, name: 'Home', coverage: 'push', synced: 3, dirty: 1 });
  await plantCalendar(tx, { id: ids.team, name: 'Team', coverage: 'poll', synced: 90 });
  await plantCalendar(tx, { id: ids.fresh, name: 'Fresh', coverage: 'none', synced: null, state: 'new' });
  await plantCalendar(tx, { id: ids.paused, name: 'Paused', coverage: 'none', synced: 900, state: 'paused' });
  await plantCalendar(tx, { id: ids.lost, name: 'Lost', coverage: 'push', synced: 3_000, ofBo: true });
  await plantCalendar(tx, { id: ids.off, name: 'Off', coverage: 'none', synced: 9_000, active: false });
  for (const [n, key, state, expires] of [
    [1, 'k2', 'active', -600],
    [2, 'k1', 'active', -600],
    [3, 'k1', 'creating', null],
    [4, 'k1', 'active', 5],
    [5, 'k0', 'stopped', -600],
  ] as const) {
    await tx.$executeRaw`
      insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
        signing_key_id, expires_at, created_at, updated_at)
      values (${`00000000-0000-7000-8000-0000000001${n}0`}::uuid, 'ada', ${ids.google}::uuid, ${ids.work}::uuid, 'google',
        ${state}, 'r', ${key}, ${expires === null ? null : minutesAgo(expires)}, ${at}, ${at})`;
  }
  await tx.$executeRaw`
    insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, first_seen_at,
      last_seen_at)
    values (${ids.work}::uuid, 'ada', ${ids.work}::uuid, 'e1', 'unreadable', 'no start', 'x', ${at}, ${at})`;
  const counts = { rung: 3 };
  await beginSchedule(tx, { name: 'webhook-drain', at: minutesAgo(1) });
  await endSchedule(tx, { name: 'webhook-drain', at: minutesAgo(0.5), counts, error: null });
  await beginSchedule(tx, { name: 'cleanup', at: minutesAgo(540) });
  await endSchedule(tx, { name: 'cleanup', at: minutesAgo(537), counts: {}, error: 'bug' });
  await beginSchedule(tx, { name: 'mirror-audit', at: minutesAgo(2) });
}

interface Planted {
  id: string;
  name: string;
  coverage: string;
  /** Minutes ago; null: never. */
  synced: number | null;
  state?: string;
  dirty?: number;
  active?: boolean;
  ofBo?: boolean;
}

async function plantCalendar(tx: Transaction, planted: Planted): Promise<void> {
  const { id, name, coverage, synced, state = 'active', dirty = 0, active = true, ofBo = false } = planted;
  const at = synced === null ? null : minutesAgo(synced);
  await tx.$executeRaw`
    insert into calendars (id, user_id, account_id, account_active, provider, provider_calendar_id, name, time_zone,
      access_role, active, coverage, state, dirty_seq, cursor, last_synced_at, created_at, updated_at)
    values (${id}::uuid, ${ofBo ? 'bo' : 'ada'}, ${ofBo ? ids.microsoft : ids.google}::uuid, ${!ofBo},
      ${ofBo ? 'microsoft' : 'google'}, ${id}, ${name}, 'UTC', 'owner', ${active}, ${coverage}, ${state}, ${dirty},
      ${synced === null ? null : 'c'}, ${at}, ${minutesAgo(0)}, ${minutesAgo(0)})`;
}

export const eventId = (n: number) => `00000000-0000-7000-8000-00000000ee${String(n).padStart(2, '0')}`;

export const plantEvent = (
  tx: Transaction,
  {
    n,
    calendar,
    mark = null,
    deleted = false,
  }: { n: number; calendar: string; mark?: string | null; deleted?: boolean },
) =>
  tx.$executeRaw`
    insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, start_date, end_date,
      visibility, transparency, event_type, fingerprint, write_id, created_at, updated_at, deleted_at, generation,
      last_confirmed_at)
    values (${eventId(n)}::uuid, 'ada', ${calendar}::uuid, ${`e${n}`}, 'single', 'confirmed', true, '2026-03-02',
      '2026-03-03', 'default', 'opaque', 'default', '', ${mark}, ${at}, ${at}, ${deleted ? at : null}, 1, ${at})`;
