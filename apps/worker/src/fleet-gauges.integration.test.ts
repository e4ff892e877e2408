import { Client } from 'pg';
import { claimCensus, keepCensus, openDatabase, takeCensus, type Database } from '@calfleet/db';
import { createTestDatabase, eventually, ManualClock, type TestDatabase } from '@calfleet/testkit';
import { createMetrics, type Logger } from '@calfleet/telemetry';
import { createFleetGauges } from './fleet-gauges.ts';
import { plantFleet } from './fleet-rows.fixture.ts';

let database: TestDatabase;
let admin: Client;
let db: Database;
const start = new Date('2026-11-22T12:00:00Z');

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  db = openDatabase({ url: database.url, poolSize: 4, applicationName: 'fleet-gauges' });
  await plantFleet(admin, start);
});
afterAll(async () => {
  await db.close();
  await admin.end();
  await database.drop();
});
beforeEach(() => admin.query('delete from calendar_census'));

/** A worker as far as its gauges go. */
function worker(clock: ManualClock, of: { db: Pick<Database, 'transaction'> } = { db }) {
  const warnings: string[] = [];
  const metrics = createMetrics();
  const silent = () => undefined;
  const logger: Logger = {
    debug: silent,
    info: silent,
    warn: (message) => void warnings.push(message),
    error: silent,
    child: () => logger,
  };
  const gauges = createFleetGauges({ db: of.db as Database, clock, metrics, logger });
  const scrape = async () => {
    await gauges.refresh();
    const { text } = await metrics.exposition();
    return text.split('\n').filter((line) => line.startsWith('calfleet_'));
  };
  return { scrape, warnings };
}

test('planted rows are told as they are', async () => {
  const { scrape, warnings } = worker(new ManualClock(start));
  const lines = await scrape();
  expect(warnings).toEqual([]);
  expect(lines).toEqual(
    expect.arrayContaining([
      'calfleet_calendars{provider="google",state="active",coverage="push"} 3',
      'calfleet_calendars{provider="google",state="active",coverage="none"} 1',
      'calfleet_calendars{provider="google",state="paused",coverage="none"} 1',
      'calfleet_calendars{provider="microsoft",state="active",coverage="poll"} 1',
      // The paused one, the inactive one and the one of a revoked account should not have a channel.
      'calfleet_channel_coverage_ratio{provider="google"} 0.75',
      'calfleet_calendars_stale{provider="google",plan="push",bucket="5m"} 2',
      'calfleet_calendars_stale{provider="google",plan="push",bucket="1h"} 1',
      'calfleet_calendars_stale{provider="google",plan="push",bucket="never"} 1',
      'calfleet_calendars_stale{provider="google",plan="push",bucket="older"} 0',
      'calfleet_calendars_stale{provider="microsoft",plan="poll",bucket="older"} 1',
      'calfleet_channels{provider="google",state="active"} 4',
      'calfleet_channels{provider="google",state="abandoned"} 1',
      'calfleet_channels_per_key{provider="google",key_id="k1"} 3',
      'calfleet_channels_per_key{provider="google",key_id="k2"} 2',
      'calfleet_channel_orphans{provider="google"} 2',
      'calfleet_channel_expiry_seconds_min{provider="google"} 3600',
      'calfleet_connection_state{provider="google",state="active"} 1',
      'calfleet_connection_state{provider="google",state="reauth_needed"} 1',
      'calfleet_connection_state{provider="microsoft",state="reauth_needed"} 0',
      'calfleet_divergence_ratio{provider="google"} 0.02',
      'calfleet_quarantined{code="unreadable"} 2',
      'calfleet_quarantined{code="unstorable"} 0',
      'calfleet_feed_horizon_lag_seconds 0',
      'calfleet_writes{provider="google",state="pending"} 2',
      'calfleet_writes{provider="google",state="pushing"} 1',
      'calfleet_writes{provider="google",state="parked"} 2',
      'calfleet_writes{provider="google",state="conflict"} 1',
      'calfleet_writes{provider="microsoft",state="pending"} 0',
      'calfleet_writes_held{provider="google"} 1',
      'calfleet_write_oldest_age_seconds{provider="google"} 180',
      'calfleet_conflicts_open{provider="google"} 1',
      'calfleet_writes_stopped{scope="fleet"} 0',
      'calfleet_writes_stopped{scope="account"} 1',
      `calfleet_tick_last_success_timestamp_seconds{tick="cleanup"} ${start.getTime() / 1_000 - 600}`,
    ]),
  );
  // Nobody is told of Microsoft's coverage: its only calendar cannot be watched.
  expect(lines.join('\n')).not.toMatch(/channel_coverage_ratio\{provider="microsoft"|tick="auto-sync"/);
});

test('however often it is scraped, the database is asked every 15 s', async () => {
  const clock = new ManualClock(start);
  let transactions = 0;
  const counting: Pick<Database, 'transaction'> = {
    transaction: (options, work) => {
      transactions += 1;
      return db.transaction(options, work);
    },
  };
  const { scrape } = worker(clock, { db: counting });
  const first = await scrape();
  const asked = transactions;
  clock.advance(14_000);
  expect(await Promise.all([scrape(), scrape(), scrape()])).toEqual([first, first, first]);
  expect(transactions).toBe(asked);
  clock.advance(1_000);
  await Promise.all([scrape(), scrape(), scrape()]);
  // The beat and a look at the census, which is young.
  expect(transactions).toBe(asked + 2);
});

test('one worker counts for all, once a minute', async () => {
  const clock = new ManualClock(start);
  const [one, other] = [worker(clock), worker(clock)];
  await one.scrape();
  const counted = () => admin.query<{ taken_at: Date }>('select taken_at from calendar_census');
  clock.advance(30_000);
  const lines = await other.scrape();
  expect(lines).toContain('calfleet_connection_state{provider="google",state="reauth_needed"} 1');
  expect((await counted()).rows).toEqual([{ taken_at: start }]);
  clock.advance(30_000);
  await Promise.all([one.scrape(), other.scrape()]);
  expect((await counted()).rows).toEqual([{ taken_at: new Date(start.getTime() + 60_000) }]);
});

test('what another worker takes is waited for; when it has died, its old one is not told for ever', async () => {
  const clock = new ManualClock(start);
  await db.transaction({ role: 'worker' }, async (tx) => {
    const census = await takeCensus(tx, start);
    await claimCensus(tx, { takenBefore: start, leaseSeconds: 30 });
    await keepCensus(tx, { takenAt: start, census });
    const later = new Date(start.getTime() + 90_000);
    expect(await claimCensus(tx, { takenBefore: later, leaseSeconds: 3_600 })).toBe(true);
    expect(await claimCensus(tx, { takenBefore: later, leaseSeconds: 3_600 })).toBe(false);
  });
  const { scrape, warnings } = worker(clock);
  clock.advance(120_000);
  expect((await scrape()).join('\n')).toMatch(/calfleet_connection_state/);
  clock.advance(200_000);
  const lines = (await scrape()).join('\n');
  expect(lines).not.toMatch(/calfleet_connection_state|calfleet_calendars/);
  expect(lines).toMatch(/calfleet_channel_expiry_seconds_min/);
  expect(warnings).toEqual(['No worker has counted the fleet lately; its gauges are left out']);
});

test('without a database the gauges are absent, and back with it', async () => {
  const clock = new ManualClock(start);
  let isAway = false;
  const shaky: Pick<Database, 'transaction'> = {
    transaction: (options, work) =>
      isAway ? Promise.reject(new Error('Postgres is away')) : db.transaction(options, work),
  };
  const { scrape, warnings } = worker(clock, { db: shaky });
  expect(await scrape()).not.toEqual([]);
  isAway = true;
  clock.advance(15_000);
  expect(await scrape()).toEqual([]);
  expect(warnings).toEqual(['The fleet could not be counted; its gauges are left out']);
  isAway = false;
  clock.advance(15_000);
  expect(await scrape()).not.toEqual([]);
});

test('a transaction that stays open is seen as the lag of the feed, and no other', async () => {
  const clock = new ManualClock(start);
  const { scrape } = worker(clock);
  const lag = async () => {
    const line = (await scrape()).find((each) => each.startsWith('calfleet_feed_horizon_lag_seconds'));
    return Number(line?.split(' ')[1]);
  };
  const writer = new Client({ connectionString: database.adminUrl });
  await writer.connect();
  await writer.query('begin');
  await writer.query('select pg_current_xact_id()');
  expect(await lag()).toBe(0);
  // Others may be older than ours at first, not for long.
  await eventually(async () => {
    clock.advance(20_000);
    expect(await lag()).toBeGreaterThanOrEqual(40);
  });
  await writer.query('commit');
  await writer.end();
  await eventually(async () => {
    clock.advance(20_000);
    expect(await lag()).toBe(0);
  });
});
