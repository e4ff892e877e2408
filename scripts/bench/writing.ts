/** A fleet whose users write: an account with one calendar each, as quotas are per account, and the API that they ask. */
import type { EventId } from '@calfleet/domain';
import type { Child } from './child.ts';
import type { Ground, Store } from './ground.ts';
import { until } from './parts/latency.ts';
import { plantAccount } from './planting.ts';

const prefix = '{writes}';
/** Of each calendar before anybody writes; each is changed once at most. */
const eventsEach = 40;

export interface WritingUser {
  userId: string;
  calendarId: string;
  email: string;
  providerCalendarId: string;
  /** Mirrored events that nobody changed yet. */
  events: EventId[];
}

export interface WritingFleet {
  users: WritingUser[];
  /** Resolves with the answer to a write. @throws when it is not accepted */
  ask(user: WritingUser, method: 'POST' | 'PATCH', path: string, body: unknown): Promise<void>;
  startWorker(): Promise<Child>;
  /** Writes that are not done. */
  unsettled(): Promise<number>;
  close(): Promise<void>;
}

/** One hour of tomorrow. */
export const tomorrow = () => {
  const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const time = (hour: number) => ({ instant: `${day}T${hour}:00:00Z`, zone: 'UTC' });
  return { start: time(14), end: time(15) };
};

/** @returns with a worker that has mirrored and watches every calendar */
export async function startWritingFleet(
  ground: Ground,
  store: Store,
  count: number,
): Promise<WritingFleet & { worker: Child }> {
  const env = {
    ...ground.settings,
    REDIS_PREFIX: prefix,
    DATABASE_URL: store.url,
    LOG_LEVEL: 'info',
    // What is asked is what the engine can do, not what Google allows.
    GOOGLE_QUOTA_USER_PER_MINUTE: '100000',
    GOOGLE_QUOTA_PROJECT_PER_MINUTE: '1000000',
  };
  const ingress = await ground.start('ingress', { env: { ...env, INGRESS_PORT: '0' } });
  const server = await ground.start('api', { env: { ...env, API_PORT: '0' } });
  const planted: { userId: string; email: string; providerCalendarId: string }[] = [];
  for (let index = 0; index < count; index += 1) {
    const { userId, email } = await plantAccount(ground, store, { listed: false });
    const { control } = ground.sandbox;
    const { id } = await control.account(email).createCalendar();
    await control.seedMany({ account: email, calendar: id, events: eventsEach, seed: index, seriesShare: 0 });
    planted.push({ userId, email, providerCalendarId: id });
  }
  const started: Child[] = [];
  const startWorker = async (): Promise<Child> => {
    const base = `http://127.0.0.1:${Number(new URL(ingress.listening).port)}/`;
    const own = { API_BASE_URL: base, WORKER_METRICS_PORT: '0', SCHEDULE_WEBHOOK_DRAIN: 'every 1s' };
    const worker = await ground.start('worker', { env: { ...env, ...own } });
    started.push(worker);
    return worker;
  };
  const ask = async (userId: string, method: string, path: string, body: unknown): Promise<void> => {
    const response = await fetch(`${server.listening}/integrations/calendar${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ground.settings['CALFLEET_ADMIN_KEY'] ?? ''}`,
        'x-user-id': userId,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  };
  const worker = await startWorker();
  await until('every calendar is watched and pulled', async () => (await countReady(store)) === count);
  const wish = {
    auto_sync_enabled: false,
    sync_frequency_minutes: 60,
    conflict_strategy: 'newest_wins',
    write_permissions: 'all',
  };
  const users: WritingUser[] = [];
  for (const user of planted) {
    const mirrored = await mirroredOf(store, user.userId);
    await ask(user.userId, 'POST', '/sync/schedule', wish);
    await ask(user.userId, 'PATCH', `/calendars/${mirrored.calendarId}`, { write_enabled: true });
    users.push({ ...user, ...mirrored });
  }
  return {
    users,
    worker,
    startWorker,
    ask: ({ userId }, method, path, body) => ask(userId, method, path, body),
    unsettled: async () => {
      const { rows } = await store.admin.query<{ left: number }>(
        `select count(*)::int as left from calendar_writes where state not in ('applied', 'discarded')`,
      );
      return rows[0]?.left ?? 0;
    },
    close: async () => {
      await Promise.all([...started, server, ingress].map((child) => child.stop()));
    },
  };
}

async function countReady(store: Store): Promise<number> {
  const { rows } = await store.admin.query<{ ready: number }>(
    `select count(*)::int as ready from calendars c
     where state = 'active' and synced_seq = dirty_seq and lease_until is null
       and exists (select from calendar_sync_channels s where s.calendar_id = c.id and s.state = 'active')`,
  );
  return rows[0]?.ready ?? 0;
}

async function mirroredOf(store: Store, userId: string): Promise<Pick<WritingUser, 'calendarId' | 'events'>> {
  const { rows } = await store.admin.query<{ calendar_id: string; ids: EventId[] }>(
    'select calendar_id, array_agg(id order by id) as ids from calendar_events where user_id = $1 group by calendar_id',
    [userId],
  );
  if (!rows[0]) throw new Error('Nothing was mirrored.');
  return { calendarId: rows[0].calendar_id, events: rows[0].ids };
}
