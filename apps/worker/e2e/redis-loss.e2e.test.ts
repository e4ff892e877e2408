/**
 * Redis is replaced by an empty one while acknowledged notifications of 500 calendars stand in its queues: the fleet
 * notices by the epoch, installs its schedules again, and is exact within two drain ticks.
 */
import { migrate } from '@calfleet/db';
import { createSchedules } from '@calfleet/jobs';
import type { CalendarOwner, MicrosoftCalendarOwner } from '@calfleet/sandbox';
import { eventually, startOwnPostgres, startOwnRedis } from '@calfleet/testkit';
import { openHouse, type House } from './house.ts';

const google = { accounts: 40, calendars: 10 };
const mailboxesCount = 100;
const calendarsCount = google.accounts * google.calendars + mailboxesCount;
const drainSeconds = 15;
/** A loss is repaired by the first look after it; one more may be under way. */
const ticksMax = 2;

let postgres: Awaited<ReturnType<typeof startOwnPostgres>>;
let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let house: House;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startOwnPostgres(), startOwnRedis({ persistence: 'none' })]);
  const folder = 'prisma/migrations';
  await migrate({ migrationUrl: postgres.adminUrl, applicationUrl: postgres.url, folder });
  const services = { databaseUrl: postgres.url, redisUrl: redis.url, redisPrefix: '{calfleet}' };
  house = await openHouse(services, { drainSeconds });
});

afterAll(async () => {
  await house.close();
  await Promise.all([postgres.stop(), redis.stop()]);
});

interface Owned {
  providerCalendarId: string;
  change(summary: string): void;
}

test(`a new, empty Redis with ${calendarsCount} calendars of both providers: exact within ${ticksMax} drain ticks, schedules there again`, async () => {
  await house.startWorker();
  const owned = await connectAll();
  await eventually(async () => expect(await behind()).toEqual({ calendars: calendarsCount, behind: 0 }), {
    describe: 'the first mirror',
    everyMs: 250,
    timeoutMs: 180_000,
  });
  await house.stopWorkers();
  // This one leaves notifications where they are: acknowledged, in Redis, and nowhere else.
  await house.startWorker({ WORKER_QUEUES: 'pull,backfill,accounts,watches,schedules' });
  for (const each of owned) each.change('told to a Redis that is no more');
  await house.sandbox.push.settled();
  await eventually(() => house.sandbox.microsoft.notifications.list().length >= mailboxesCount);
  expect(await behind()).toEqual({ calendars: calendarsCount, behind: 0 });

  await redis.kill();
  await redis.restart();
  const since = house.lines.length;
  await eventually(async () => expect(await shown('told to a Redis that is no more')).toBe(calendarsCount), {
    describe: 'every change has its row',
    everyMs: 100,
    timeoutMs: 120_000,
  });
  expect(ticksSince(since)).toBeLessThanOrEqual(ticksMax);
  const schedules = createSchedules({ redisUrl: redis.url, prefix: '{calfleet}', onError: () => undefined });
  await eventually(async () => expect(await schedules.missing()).toEqual([]));
  await schedules.close();
});

async function connectAll(): Promise<Owned[]> {
  const owned: Owned[] = [];
  for (let n = 0; n < google.accounts; n += 1) {
    const account = house.sandbox.google.createAccount({ email: `owner-${n}@example.test` });
    for (let m = 0; m < google.calendars; m += 1) {
      owned.push(ofGoogle(account.createCalendar({ timeZone: 'UTC', primary: m === 0 })));
    }
    const { refreshTokens } = account;
    const { accountId } = await house.addAccount({ provider: 'google', refreshTokens });
    await house.producer.enqueue('discover-account', { accountId });
  }
  for (let n = 0; n < mailboxesCount; n += 1) {
    const mailbox = house.sandbox.microsoft.createMailbox({ email: `noor-${n}@example.test` });
    owned.push(ofGraph(mailbox.createCalendar({ name: 'Calendar', isDefault: true })));
    const { refreshTokens } = mailbox;
    const { accountId } = await house.addAccount({ provider: 'microsoft', refreshTokens });
    await house.producer.enqueue('discover-account', { accountId });
  }
  return owned;
}

const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);

function ofGoogle(owner: CalendarOwner): Owned {
  const at = (hour: string) => ({ dateTime: `${tomorrow}T${hour}:00:00Z`, timeZone: 'UTC' });
  const { id } = owner.insert({ summary: 'as it was', start: at('09'), end: at('10') });
  return { providerCalendarId: owner.id, change: (summary) => void owner.patch(id, { summary }) };
}

function ofGraph(owner: MicrosoftCalendarOwner): Owned {
  const at = (hour: string) => ({ dateTime: `${tomorrow}T${hour}:00:00`, timeZone: 'UTC' });
  const [id = ''] = owner.createMany([{ subject: 'as it was', start: at('09'), end: at('10') }]);
  return { providerCalendarId: owner.id, change: (subject) => void owner.patch(id, { subject }) };
}

/** Calendars with a channel and their one event, and those that wait for a pull. */
async function behind(): Promise<{ calendars: number; behind: number }> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ calendars: number; behind: number }[]>`
      select (count(*) filter (where coverage = 'push' and exists (
          select from calendar_events e where e.calendar_id = calendars.id)))::int as calendars,
        (count(*) filter (where dirty_seq > synced_seq or round_id is not null))::int as behind
      from calendars`,
  );
  return row ?? { calendars: 0, behind: 0 };
}

async function shown(summary: string): Promise<number> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ events: number }[]>`
      select count(distinct calendar_id)::int as events from calendar_events
       where summary = ${summary} and deleted_at is null`,
  );
  return row?.events ?? 0;
}

const ticksSince = (since: number): number =>
  house.lines
    .slice(since)
    .filter(
      ({ message, facts }) => message === 'Tick started' && facts['stream'] === 'calendar_webhook_processor',
    ).length;
