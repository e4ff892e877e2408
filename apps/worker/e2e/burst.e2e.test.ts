import type { CalendarId } from '@calfleet/domain';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { bundleProgram, type Program } from './bundle.ts';
import { openHouse, type House, type Mailbox } from './house.ts';
import { floodNotifications, notificationHeaders } from './notifications.ts';
import { expectExact } from './google-truth.ts';

const notifications = 10_000;
/** The owner goes on changing things while they are told of. */
const perChange = 2_500;
/**
 * Notifications are gathered, so a burst costs pulls by its length and not by its size: a machine that needs more than a
 * few seconds to send one may see more of them, one for each time of gathering and pulling.
 */
const pullsMax = 30;
const pullEveryMs = 250;

let database: TestDatabase;
let redis: TestRedis;
let program: Program;
let house: House;

beforeAll(async () => {
  [database, redis, program] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
    bundleProgram('apps/ingress/src/main.ts'),
  ]);
  house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
});

afterAll(async () => {
  await house.close();
  await program.remove();
  await redis.clear();
  await database.drop();
});

test('10,000 notifications for one calendar, as fast as the machine sends them, lead to at most 30 pulls; the last change is there and every answer was 200', async () => {
  await house.startWorker();
  const mailbox = await house.connect('ada@example.test');
  const { owner, email } = mailbox;
  const event = owner.insert({ summary: 'at first', start: at('09'), end: at('10') });
  const calendarId = await synced(mailbox);
  const headers = notificationHeaders(house.sandbox, owner.id);
  // The owner's changes ring through the burst alone: what the sandbox would send itself is held.
  house.sandbox.setQuirks({ pushHold: true });
  const before = await countRounds(calendarId);

  const ingress = await startIngress();
  const beganAt = performance.now();
  const statuses: Record<number, number> = {};
  for (let sent = perChange; sent <= notifications; sent += perChange) {
    owner.patch(event.id, { summary: `change ${sent}` });
    const answered = await floodNotifications(ingress, headers, perChange);
    for (const [status, count] of Object.entries(answered)) {
      statuses[Number(status)] = (statuses[Number(status)] ?? 0) + count;
    }
  }
  const lengthMs = performance.now() - beganAt;
  await ingress.close();
  expect(statuses).toEqual({ 200: notifications });
  expect(owner.get(event.id)?.summary).toBe(`change ${notifications}`);
  await eventually(() => expectExact({ ...house, calendarId, email, owner }), { everyMs: 100 });

  const pulls = (await countRounds(calendarId)) - before;
  expect(pulls).toBeGreaterThanOrEqual(1);
  expect(pulls).toBeLessThanOrEqual(Math.max(pullsMax, lengthMs / pullEveryMs));
});

/** A process of its own, as in production: neither its sender nor a worker slows it down. */
async function startIngress(): Promise<{ url: string; close: () => Promise<unknown> }> {
  const running = program.start(house.environment({ LOG_LEVEL: 'info' }));
  const port = await eventually(() => /"listening":"[^"]*:(\d+)"/.exec(running.output())?.[1] ?? false);
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      running.process.kill('SIGTERM');
      return running.ended;
    },
  };
}

const at = (hour: string) => ({ dateTime: `2026-12-01T${hour}:00:00Z`, timeZone: 'UTC' });

/** The first mirror stands and its channel is open. */
async function synced(mailbox: Mailbox): Promise<CalendarId> {
  return eventually(
    async () => {
      const calendarId = await house.calendarOf(mailbox);
      notificationHeaders(house.sandbox, mailbox.owner.id);
      await expectExact({ ...house, ...mailbox, calendarId });
      return calendarId;
    },
    { everyMs: 100 },
  );
}

async function countRounds(id: CalendarId): Promise<number> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ rounds: number }[]>`
      select count(*)::int as rounds from calendar_sync_runs where calendar_id = ${id}::uuid`,
  );
  return row?.rounds ?? 0;
}
