/**
 * Every process of the fleet is replaced, one after the other, while notifications and API requests come in: no request
 * fails, nothing that was acknowledged is lost, and nothing happens twice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { googlePath } from '@calfleet/ingress';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { Balancer, endInstance, listening, type Instance } from './balancer.ts';
import { bundleProgram, type Program } from './bundle.ts';
import { expectExact } from './google-truth.ts';
import { openHouse, type House, type Mailbox } from './house.ts';
import { notificationHeaders } from './notifications.ts';

const replicas = 2;
const calendarsCount = 4;
const adminKey = 'an-admin-key-of-the-rolling-restart-test';
/** About 100 requests a second at either door. */
const senders = 4;
const paceMs = 40;

let database: TestDatabase;
let redis: TestRedis;
let house: House;
let programs: Record<Role, Program>;

type Role = 'ingress' | 'api' | 'worker';
const roles: readonly Role[] = ['ingress', 'api', 'worker'];

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openHouse({ databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix });
  const bundles = await Promise.all(roles.map((role) => bundleProgram(`apps/${role}/src/main.ts`)));
  programs = Object.fromEntries(roles.map((role, n) => [role, bundles[n]])) as Record<Role, Program>;
});

afterAll(async () => {
  await Promise.all(Object.values(programs).map((program) => program.remove()));
  await house.close();
  await redis.clear();
  await database.drop();
});

async function startInstance(role: Role): Promise<Instance> {
  const running = programs[role].start(
    house.environment({
      LOG_LEVEL: 'info',
      API_PORT: '0',
      API_PUBLIC_URL: 'http://127.0.0.1:9/',
      CALFLEET_ADMIN_KEY: adminKey,
      SCHEDULE_WEBHOOK_DRAIN: 'every 1h',
      SCHEDULE_INCREMENTAL_PULL: 'every 1h',
    }),
  );
  return listening(running);
}

test('every ingress, API and worker is replaced under load: no request fails, no change is lost, nothing happens twice', async () => {
  const fleet: Record<Role, Instance[]> = { ingress: [], api: [], worker: [] };
  for (const role of roles) {
    for (let n = 0; n < replicas; n += 1) fleet[role].push(await startInstance(role));
  }
  const mailboxes = await Promise.all(
    Array.from({ length: calendarsCount }, (_, n) => house.connect(`owner-${n}@example.test`)),
  );
  const calendars = await mirrored(mailboxes);
  const doors = { ingress: new Balancer(fleet.ingress), api: new Balancer(fleet.api) };
  const stopping = new AbortController();
  const load = [
    ...mailboxes.map((mailbox) => keepNotifying(doors.ingress, mailbox, stopping.signal)),
    ...mailboxes.map((mailbox) => keepAsking(doors.api, mailbox, stopping.signal)),
  ];
  const edits = keepEditing(mailboxes, stopping.signal);

  for (const role of roles) {
    for (let n = 0; n < replicas; n += 1) {
      const fresh = await startInstance(role);
      fleet[role].push(fresh);
      const [old] = fleet[role];
      if (old) await endInstance(old);
      fleet[role].shift();
    }
  }
  stopping.abort();
  await Promise.all([...load, edits]);
  await Promise.all(Object.values(doors).map((door) => door.close()));

  expect(Object.keys(doors.ingress.statuses)).toEqual(['200']);
  expect(Object.keys(doors.api.statuses).sort()).toEqual(['200', '202']);
  expect(doors.ingress.statuses['200']).toBeGreaterThan(200);
  for (const [n, mailbox] of mailboxes.entries()) {
    const calendarId = calendars[n] ?? ('' as CalendarId);
    await eventually(() => expectExact({ ...house, ...mailbox, calendarId }), { everyMs: 250 });
  }
  // With effect once: the feed tells each version of each event once.
  expect(await toldTwice()).toEqual([]);
  expect(await unanswered()).toBe(0);
  await Promise.all(Object.values(fleet).flat().map(endInstance));
});

async function keepNotifying(door: Balancer, { owner }: Mailbox, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const headers = notificationHeaders(house.sandbox, owner.id);
    await Promise.all(
      Array.from({ length: senders }, () => door.send(googlePath, { method: 'POST', headers })),
    );
    await pause(paceMs);
  }
}

/** Reads, and wishes for pulls. */
async function keepAsking(door: Balancer, { userId }: Mailbox, until: AbortSignal): Promise<void> {
  const headers = { authorization: `Bearer ${adminKey}`, 'x-user-id': userId };
  const prefix = '/integrations/calendar';
  for (let n = 0; !until.aborted; n += 1) {
    await door.send(`${prefix}/calendars`, { method: 'GET', headers });
    await door.send(`${prefix}/events?limit=5`, { method: 'GET', headers });
    if (n % 5 === 0) {
      const json = { ...headers, 'content-type': 'application/json' };
      await door.send(`${prefix}/sync`, { method: 'POST', headers: json, body: '{}' });
    }
    await pause(paceMs);
  }
}

async function keepEditing(mailboxes: readonly Mailbox[], until: AbortSignal): Promise<void> {
  for (let n = 0; !until.aborted; n += 1) {
    const day = new Date(systemClock.now().getTime() + (n % 30) * 86_400_000).toISOString().slice(0, 10);
    const at = (hour: string) => ({ dateTime: `${day}T${hour}:00:00Z`, timeZone: 'UTC' });
    mailboxes[n % mailboxes.length]?.owner.insert({ summary: `edit ${n}`, start: at('09'), end: at('10') });
    await pause(5 * paceMs);
  }
}

const mirrored = (mailboxes: readonly Mailbox[]): Promise<CalendarId[]> =>
  eventually(async () => {
    const ids: CalendarId[] = [];
    for (const mailbox of mailboxes) {
      const calendarId = await house.calendarOf(mailbox);
      notificationHeaders(house.sandbox, mailbox.owner.id);
      await expectExact({ ...house, ...mailbox, calendarId });
      ids.push(calendarId);
    }
    return ids;
  });

async function toldTwice(): Promise<unknown[]> {
  return house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<unknown[]>`
      select event_id, version from calendar_changes where event_id is not null
       group by event_id, version having count(*) > 1`,
  );
}

/** Wishes of users that no pull has answered. */
async function unanswered(): Promise<number> {
  return eventually(async () => {
    const [row] = await house.db.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ left: number }[]>`
        select count(*)::int as left from calendars where dirty_seq > synced_seq or round_id is not null`,
    );
    expect(row?.left).toBe(0);
    return 0;
  });
}
