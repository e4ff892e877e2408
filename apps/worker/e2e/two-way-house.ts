/** The whole fleet with its API over one provider, and the owner of the calendar at the other end. */
import { randomBytes } from 'node:crypto';
import { createCalfleet, orThrow, type Calfleet, type Shapes } from '@calfleet/client';
import { createQueueBoardSource } from '@calfleet/jobs';
import { systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis, eventually } from '@calfleet/testkit';
import { createVault } from '@calfleet/vault';
import { startApi } from '../../api/src/index.ts';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { expectExact } from './google-truth.ts';
import { expectExactGraph } from './graph-truth.ts';
import { openHouse, type House } from './house.ts';

const adminKey = 'an-admin-key-of-the-two-way-test-house';

/** The calendar at its provider. Times are UTC, `YYYY-MM-DDTHH:MM:SS`. */
export interface Elsewhere {
  /** Titles of what is there, sorted. */
  titles(): string[];
  rename(from: string, to: string): void;
  place(title: string): string | null;
  move(title: string, location: string): void;
  /** The whole series, where it is one. */
  remove(title: string): void;
  add(title: string): void;
  expectMirrored(): Promise<void>;
  /** HTTP requests that wrote something. */
  writes(): number;
}

export interface TwoWay {
  house: House;
  userId: string;
  accountId: AccountId;
  calendarId: CalendarId;
  elsewhere: Elsewhere;
  /** The API, as its user calls it. */
  client: Calfleet;
  /** What its user consented to, as it stands now. */
  refreshTokens: () => readonly string[];
  /** All rows of the account are lost, and its user connects the mailbox anew. */
  reconnect: () => Promise<TwoWay>;
}

export type Strategy = Shapes['Preferences']['conflict_strategy'];
export type ProviderUnderTest = 'google' | 'microsoft';

export async function openTwoWayHouse() {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
  const queueBoard = createQueueBoardSource({
    redisUrl: redis.url,
    prefix: redis.prefix,
    onError: () => undefined,
  });
  const api = await startApi({
    config: {
      port: 0,
      host: '127.0.0.1',
      adminKey,
      allowSuperuser: false,
      providers: { google: null, microsoft: null },
    },
    db: house.db,
    clock: systemClock,
    producer: house.producer,
    queueBoard,
    vault: createVault([{ id: 'e2e', key: randomBytes(32) }]),
    logger: createLogger({ service: 'api', level: 'error' }),
    metrics: createMetrics(),
  });
  const as = (userId: string): Calfleet =>
    createCalfleet({ url: api.url, key: adminKey, userId, fetch: checkedFetch('api') });
  let accounts = 0;
  const mirror = async (connected: Connected, strategy: Strategy): Promise<TwoWay> => {
    const { provider, account, elsewhere: open, refreshTokens } = connected;
    const calendarId = await eventually(() => house.calendarOf(account));
    const elsewhere = open(calendarId);
    await eventually(() => elsewhere.expectMirrored());
    const client = as(account.userId);
    const wish = {
      auto_sync_enabled: false,
      sync_frequency_minutes: 60,
      conflict_strategy: strategy,
      write_permissions: 'all',
    } as const;
    await orThrow(client.POST('/sync/schedule', { body: wish }));
    const params = { path: { id: calendarId } };
    await orThrow(client.PATCH('/calendars/{id}', { params, body: { write_enabled: true } }));
    const reconnect = async (): Promise<TwoWay> => {
      const { accountId } = account;
      await house.db.transaction(
        { role: 'worker' },
        (tx) => tx.$executeRaw`delete from calendar_accounts where id = ${accountId}::uuid`,
      );
      const again = await house.addAccount({ provider, refreshTokens: refreshTokens() });
      await house.producer.enqueue('discover-account', { accountId: again.accountId });
      return mirror({ ...connected, account: again }, strategy);
    };
    return { house, ...account, calendarId, elsewhere, client, refreshTokens, reconnect };
  };
  return {
    house,
    /** A mirrored calendar of its own that its user lets us write to. */
    connect: async (provider: ProviderUnderTest, strategy: Strategy = 'newest_wins'): Promise<TwoWay> => {
      const email = `owner-${(accounts += 1)}@example.test`;
      const connected =
        provider === 'google' ? await connectGoogle(house, email) : await connectMicrosoft(house, email);
      return mirror(connected, strategy);
    },
    /** Whether providers say nothing of what their owners do: our writes meet it first, whatever is quicker. */
    hushProviders: (isHushed: boolean): void => {
      house.sandbox.setQuirks({ pushHold: isHushed });
      house.sandbox.microsoft.setQuirks({ notificationHold: isHushed });
    },
    close: async () => {
      await api.close({ timeoutMs: 1_000 });
      await queueBoard.close();
      await house.close();
      await redis.clear();
      await database.drop();
    },
  };
}

interface Connected {
  provider: ProviderUnderTest;
  account: { accountId: Awaited<ReturnType<House['addAccount']>>['accountId']; userId: string };
  elsewhere: (calendarId: CalendarId) => Elsewhere;
  /** As they stand now: some providers exchange them. */
  refreshTokens: () => readonly string[];
}

async function connectGoogle(house: House, email: string): Promise<Connected> {
  const mailbox = await house.connect(email);
  const { owner } = mailbox;
  const live = () =>
    (owner.truth().events as { id: string; summary?: string; status?: string; location?: string }[]).filter(
      ({ status }) => status !== 'cancelled',
    );
  const named = (title: string) => {
    const found = live().find(({ summary }) => summary === title);
    if (!found) throw new Error(`There is no ${title}.`);
    return found;
  };
  const time = (hour: number) => ({ dateTime: `${tomorrow()}T${two(hour)}:00:00Z`, timeZone: 'UTC' });
  const { userId, accountId, refreshTokens } = mailbox;
  return {
    provider: 'google',
    account: { userId, accountId },
    refreshTokens: () => refreshTokens,
    elsewhere: (calendarId) => ({
      titles: () =>
        live()
          .map(({ summary }) => summary ?? '')
          .sort(),
      rename: (from, to) => void owner.patch(named(from).id, { summary: to }),
      place: (title) => named(title).location ?? null,
      move: (title, location) => void owner.patch(named(title).id, { location }),
      remove: (title) => owner.delete(named(title).id),
      add: (summary) => void owner.insert({ summary, start: time(9), end: time(10) }),
      expectMirrored: () => expectExact({ ...house, ...mailbox, calendarId }),
      writes: () => {
        const asked: Record<string, number> = house.sandbox.usage.report(email).byOperation;
        return ['events.insert', 'events.patch', 'events.update', 'events.delete'].reduce(
          (sum, operation) => sum + (asked[operation] ?? 0),
          0,
        );
      },
    }),
  };
}

async function connectMicrosoft(house: House, email: string): Promise<Connected> {
  const mailbox = house.sandbox.microsoft.createMailbox({ email, timeZone: 'UTC' });
  const calendar = mailbox.createCalendar({ name: 'Calendar', isDefault: true });
  const account = await house.addAccount({ provider: 'microsoft', refreshTokens: mailbox.refreshTokens });
  await house.producer.enqueue('discover-account', { accountId: account.accountId });
  const days = (count: number) => new Date(systemClock.now().getTime() + count * 86_400_000).toISOString();
  const live = () => calendar.truth({ start: days(-10), end: days(20) });
  const named = (title: string) => {
    const found = live().find(({ subject }) => subject === title);
    if (!found) throw new Error(`There is no ${title}.`);
    return found;
  };
  const time = (hour: number) => ({ dateTime: `${tomorrow()}T${two(hour)}:00:00`, timeZone: 'UTC' });
  return {
    provider: 'microsoft',
    account,
    refreshTokens: () => mailbox.refreshTokens,
    elsewhere: (calendarId) => ({
      titles: () =>
        live()
          .map(({ subject }) => subject ?? '')
          .sort(),
      rename: (from, to) => void calendar.patch(named(from).eventId, { subject: to }),
      place: (title) =>
        (calendar.get(named(title).eventId)?.['location'] as { displayName?: string } | undefined)
          ?.displayName ?? null,
      move: (title, location) =>
        void calendar.patch(named(title).eventId, { location: { displayName: location } }),
      remove: (title) => {
        const { eventId, seriesMasterId } = named(title);
        calendar.delete(seriesMasterId ?? eventId);
      },
      add: (subject) => void calendar.create({ subject, start: time(9), end: time(10) }),
      expectMirrored: () => expectExactGraph({ db: house.db, calendar, calendarId }),
      writes: () => {
        const asked: Record<string, number> = house.sandbox.usage.report(email).byOperation;
        return ['graph.event.create', 'graph.event.update', 'graph.event.delete'].reduce(
          (sum, operation) => sum + (asked[operation] ?? 0),
          0,
        );
      },
    }),
  };
}

export const tomorrow = (): string =>
  new Date(systemClock.now().getTime() + 86_400_000).toISOString().slice(0, 10);
const two = (hour: number): string => String(hour).padStart(2, '0');
