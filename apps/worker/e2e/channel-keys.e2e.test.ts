/**
 * A signing key of channels is rotated as docs/OPERATIONS.md says, with real notifications through the ingress: no change of
 * either provider is lost, and in the end nothing that may still speak is on the old key.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { countChannelsByKey } from '@calfleet/db';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { startIngress, type Ingress } from '@calfleet/ingress';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { createChannelSigner, type ChannelSigner } from '@calfleet/vault';
import { channelLives, gaps, livingAt } from './channel-log.ts';
import { expectExact } from './google-truth.ts';
import { expectExactGraph } from './graph-truth.ts';
import { openHouse, type House } from './house.ts';

const newKey = (id: string) => ({ id, key: randomBytes(32) });
const [old, next] = [newKey('old'), newKey('next')];
type Ring = (typeof old)[];
const text = (ring: Ring): string => ring.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',');

let database: TestDatabase;
let redis: TestRedis;
let house: House;
let ingress: Ingress;
/** What the ingress knows: it is replaced by one that knows other keys, at the same address. */
let known: ChannelSigner = createChannelSigner([old]);
const metrics = createMetrics('ingress');

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
  ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1' },
    producer: house.producer,
    signer: {
      signingKeyId: old.id,
      sign: (watchId) => known.sign(watchId),
      verify: (watchId, token) => known.verify(watchId, token),
      signClientState: (watchId) => known.signClientState(watchId),
      verifyClientState: (clientState) => known.verifyClientState(clientState),
    },
    logger: createLogger({ service: 'ingress', level: 'error' }),
    metrics,
    clock: systemClock,
  });
});
afterAll(async () => {
  await house.stopWorkers();
  await ingress.close({ timeoutMs: 500 });
  await house.close();
  await redis.clear();
  await database.drop();
});

/** What nobody is told of stays unseen: no beat finds it. */
async function rollWorkers(ring: Ring): Promise<void> {
  await house.stopWorkers();
  await house.startWorker({
    API_BASE_URL: ingress.url,
    CHANNEL_SIGNING_KEYS: text(ring),
    SCHEDULE_INCREMENTAL_PULL: 'every 12h',
  });
}

interface Side {
  calendarId: CalendarId;
  edit: (n: number) => void;
  expectExact: () => Promise<void>;
}

const dayOf = (n: number): string =>
  new Date(systemClock.now().getTime() + (1 + (n % 30)) * 86_400_000).toISOString().slice(0, 10);
const span = (n: number, zone: string) => ({
  start: { dateTime: `${dayOf(n)}T09:00:00${zone}`, timeZone: 'UTC' },
  end: { dateTime: `${dayOf(n)}T10:00:00${zone}`, timeZone: 'UTC' },
});

async function google(): Promise<Side> {
  const mailbox = await house.connect('ada@example.test');
  const calendarId = await eventually(() => house.calendarOf(mailbox));
  return {
    calendarId,
    edit: (n) => void mailbox.owner.insert({ summary: `edit ${n}`, ...span(n, 'Z') }),
    expectExact: () => expectExact({ ...house, ...mailbox, calendarId }),
  };
}

async function microsoft(): Promise<Side> {
  const owner = house.sandbox.microsoft.createMailbox({ email: 'lin@example.test', timeZone: 'UTC' });
  const calendar = owner.createCalendar({ name: 'Calendar', isDefault: true });
  const account = await house.addAccount({ provider: 'microsoft', refreshTokens: owner.refreshTokens });
  await house.producer.enqueue('discover-account', { accountId: account.accountId });
  const calendarId = await eventually(() => house.calendarOf(account));
  return {
    calendarId,
    edit: (n) => void calendar.create({ subject: `edit ${n}`, ...span(n, '') }),
    expectExact: () => expectExactGraph({ db: house.db, calendar, calendarId }),
  };
}

const byKey = () =>
  house.db.transaction({ role: 'worker' }, (tx) => countChannelsByKey(tx, systemClock.now()));

async function keepEditing(sides: readonly Side[], until: AbortSignal): Promise<number> {
  let n = 0;
  for (; !until.aborted; n += 1) {
    for (const { edit } of sides) edit(n);
    await pause(100);
  }
  return n;
}

test('channels of both providers move to a new key, and whatever their owners do meanwhile comes in', async () => {
  await rollWorkers([old]);
  const sides = [await google(), await microsoft()];
  await eventually(async () => expect(await byKey()).toEqual([{ keyId: 'old', channels: 2 }]));
  const stopping = new AbortController();
  const edits = keepEditing(sides, stopping.signal);
  try {
    // Everybody knows it, then it signs.
    known = createChannelSigner([old, next]);
    await rollWorkers([old, next]);
    await rollWorkers([next, old]);
    // What the hourly tick plans for each calendar in its part of the day.
    for (const { calendarId } of sides) {
      await house.producer.enqueue('ensure-watch', { calendarId, ahead: true });
    }
    await eventually(async () => expect(await byKey()).toEqual([{ keyId: 'next', channels: 2 }]));
    // Nobody knows the old one any more.
    known = createChannelSigner([next]);
    await rollWorkers([next]);
    for (const { edit } of sides) edit(1_000);
  } finally {
    stopping.abort();
  }
  expect(await edits).toBeGreaterThan(10);
  for (const side of sides) await eventually(side.expectExact, { everyMs: 250 });

  const lives = channelLives(house.sandbox);
  const now = house.sandbox.clock.now();
  for (const own of lives.google.values()) expect(gaps(own, now)).toEqual([]);
  expect([livingAt(lives.google, now), livingAt(lives.microsoft, now)]).toEqual([1, 1]);
  // Every notification was believed, of either key: nobody was refused on the way.
  const { text: told } = await metrics.exposition();
  for (const provider of ['google', 'microsoft']) {
    const accepted = `calfleet_notification_received_total{provider="${provider}",kind="change",outcome="accepted"}`;
    expect(told).toContain(accepted);
  }
  expect(told).not.toMatch(/outcome="(?:bad_token|unknown_key)"[^\n]* [1-9]/);
});
