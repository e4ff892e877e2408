import { markDirty } from '@calfleet/db';
import { systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import type { PullReason } from '@calfleet/jobs';
import type { CalendarOwner } from '@calfleet/sandbox';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { openHouse, type House } from './house.ts';
import { expectExact } from './google-truth.ts';

interface Mirrored {
  calendarId: CalendarId;
  email: string;
  owner: CalendarOwner;
}

const perUser =
  "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service 'x'.";
const perProject = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'x'.";

let database: TestDatabase;
let redis: TestRedis;
let house: House;

beforeEach(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  // No tick rings while a test runs: each says itself what is rung for.
  house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 3_600 },
  );
  house.sandbox.setQuirks({ pushHold: true });
});

afterEach(async () => {
  await house.close();
  await redis.clear();
  await database.drop();
});

test("a 403 of one calendar parks its account's other calendars, on every worker and for users too; another account goes on", async () => {
  await Promise.all([house.startWorker(), house.startWorker()]);
  const [ada, noor] = [await connect('ada@example.test', 3), await connect('noor@example.test', 1)];
  refuseNext('ada@example.test', perUser, 4);
  await change(ada.slice(0, 1), 'notify');
  await eventually(async () => expect(await errorOf(ada[0])).toBe('rate_limited'));
  const asked = listsOf('ada@example.test');
  await change(ada.slice(1), 'user');
  await change(noor, 'schedule');
  await exact(noor);
  // The other two were taken up and turned away without a request.
  for (const each of ada.slice(1))
    await eventually(async () => expect(await errorOf(each)).toBe('rate_limited'));
  expect(listsOf('ada@example.test')).toBe(asked);
  await exact(ada);
});

test('a quota of the project parks all that we send there, and is said of no calendar but the one that met it', async () => {
  await house.startWorker({ LOG_LEVEL: 'debug' });
  const [ada, noor] = [await connect('ada@example.test', 1), await connect('noor@example.test', 1)];
  refuseNext('ada@example.test', perProject, 3);
  await change(ada, 'notify');
  await eventually(async () => expect(await errorOf(ada[0])).toBe('rate_limited'));
  const asked = listsOf('noor@example.test');
  await change(noor, 'user');
  await eventually(() => house.lines.some(({ message }) => message === 'A pull waits for its budget'));
  expect(listsOf('noor@example.test')).toBe(asked);
  expect(await errorOf(noor[0])).toBeNull();
  await exact(noor);
  await exact(ada);
});

async function connect(email: string, count: number): Promise<Mirrored[]> {
  const account = house.sandbox.google.createAccount({ email });
  const owners = Array.from({ length: count }, (_, n) =>
    account.createCalendar({ timeZone: 'UTC', primary: n === 0 }),
  );
  const { accountId } = await house.addAccount({ provider: 'google', refreshTokens: account.refreshTokens });
  await house.producer.enqueue('discover-account', { accountId });
  const mirrored = await eventually(async () => {
    const rows = await calendarsOf(accountId);
    return owners.map((owner) => {
      const row = rows.find((each) => each.provider_calendar_id === owner.id);
      if (!row?.isDone) throw new Error('A calendar is not mirrored yet.');
      return { calendarId: row.id, email, owner };
    });
  });
  return mirrored;
}

const calendarsOf = (accountId: AccountId) =>
  house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId; provider_calendar_id: string; isDone: boolean }[]>`
      select id, provider_calendar_id, last_synced_at is not null and dirty_seq = synced_seq as "isDone"
        from calendars where account_id = ${accountId}::uuid`,
  );

const refuseNext = (account: string, message: string, retryAfterSeconds: number): void =>
  void house.sandbox.faults.add({
    account,
    operation: 'events.list',
    count: 1,
    effect: { kind: 'status', status: 403, reason: 'rateLimitExceeded', message, retryAfterSeconds },
  });

async function change(calendars: readonly Mirrored[], reason: PullReason): Promise<void> {
  const requestedAt = systemClock.now().toISOString();
  for (const { calendarId, owner } of calendars) {
    owner.insert({ summary: reason, start: at('09'), end: at('10') });
    await house.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
    await house.producer.enqueue('pull-calendar', { calendarId, reason, requestedAt });
  }
}

const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const at = (hour: string) => ({ dateTime: `${day}T${hour}:00:00Z`, timeZone: 'UTC' });

const listsOf = (email: string): number => house.sandbox.usage.report(email).byOperation['events.list'] ?? 0;

async function errorOf(calendar: Mirrored | undefined): Promise<string | null | undefined> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ code: string | null }[]>`
      select last_error_code as code from calendars where id = ${calendar?.calendarId}::uuid`,
  );
  return row?.code;
}

const exact = async (calendars: readonly Mirrored[]): Promise<void> => {
  for (const each of calendars) {
    await eventually(() => expectExact({ db: house.db, sandbox: house.sandbox, ...each }), { everyMs: 100 });
  }
};
