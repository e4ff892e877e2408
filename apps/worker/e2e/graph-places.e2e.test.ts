/**
 * Graph serves four requests of a mailbox at a time and wants peace after a 429. The sandbox counts both, in the process
 * of the test, while four workers in processes of their own serve storms of hints.
 * https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
 */
import { systemClock, type CalendarId } from '@calfleet/domain';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { bundleProgram, type Program } from './bundle.ts';
import {
  hints,
  newMailbox,
  openGraphFleet,
  workInEach,
  type GraphFleet,
  type GraphMailbox,
  type MirroredCalendar,
} from './graph-fleet.ts';

const placesMax = 4;
const storms = 4;
const refusals = 4;

let program: Program;
let database: TestDatabase;
let redis: TestRedis;
let fleet: GraphFleet;

beforeAll(async () => {
  program = await bundleProgram('apps/worker/src/main.ts');
});

afterAll(() => program.remove());

beforeEach(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const services = { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix };
  // No tick rings while a test runs: each says itself what is rung for.
  fleet = await openGraphFleet(services, program, { drainSeconds: 3_600 });
  // Masters, and what exceptions share with them, are asked for in batches.
  fleet.house.sandbox.microsoft.setQuirks({ deltaMasters: 'absent', deltaExceptions: 'partial' });
});

afterEach(async () => {
  await fleet.close();
  await redis.clear();
  await database.drop();
});

test('storms of hints for two mailboxes: four workers together never have more than 4 requests of either in flight', async () => {
  const { house } = fleet;
  // One too many is served and counted; a 429 would only hide it behind a retry.
  house.sandbox.microsoft.setQuirks({ mailboxConcurrencyMax: null, minServiceMs: 30 });
  const mailboxes = await Promise.all([
    fleet.connect(newMailbox(house, { email: 'ada@example.test', count: 12 })),
    fleet.connect(newMailbox(house, { email: 'noor@example.test', count: 5 })),
  ]);
  for (let storm = 1; storm <= storms; storm += 1) {
    const asked = mailboxes.map(requestsOf);
    for (const mailbox of mailboxes) {
      // Subscribers hear of it, and besides everything is rung for by hand.
      workInEach(mailbox.calendars, `storm ${storm}`);
      await fleet.markDirty(mailbox.calendars);
    }
    await house.producer.enqueueMany(mailboxes.flatMap(hints));
    // Storms run into each other.
    await eventually(() => mailboxes.every((mailbox, n) => requestsOf(mailbox) > (asked[n] ?? 0) + 20));
  }
  for (const mailbox of mailboxes) await fleet.exact(mailbox);
  for (const { owner } of mailboxes) {
    const { maxInFlight, rejected } = owner.throttle();
    expect({ maxInFlight, rejected }).toEqual({ maxInFlight: placesMax, rejected: 0 });
    expect(house.sandbox.usage.report(owner.email).byOperation['graph.batch']).toBeGreaterThan(0);
  }
  for (const output of fleet.outputs()) expect(output).toContain('"Pulled"');
});

const requestsOf = ({ owner }: GraphMailbox): number => owner.throttle().requests;

test('after a 429 no worker asks again before Retry-After is over, whatever it is rung for; then all is made up for', async () => {
  const { house } = fleet;
  // Nobody rings but the test, so that it knows which request is refused.
  house.sandbox.microsoft.setQuirks({ minServiceMs: 10, notificationHold: true });
  const mailbox = await fleet.connect(newMailbox(house, { email: 'ada@example.test', count: 12 }));
  await fleet.exact(mailbox);
  const before = turnedAway();
  for (const [n, chosen] of mailbox.calendars.slice(0, refusals).entries()) {
    await fleet.quiet();
    workInEach(mailbox.calendars, `refusal ${n}`);
    mailbox.owner.refuseNext(1, 2 + (n % 2));
    await meetRefusal(chosen);
    // Marked again while its round is open, the first one would be looked at for minutes.
    await fleet.markDirty(mailbox.calendars.filter((each) => each !== chosen));
    await house.producer.enqueueMany(hints(mailbox));
    await fleet.exact(mailbox);
  }
  const { rejected, earlyRetries, maxInFlight } = mailbox.owner.throttle();
  expect({ rejected, earlyRetries, maxInFlight }).toEqual({
    rejected: refusals,
    earlyRetries: 0,
    maxInFlight: placesMax,
  });
  // Many wanted to ask meanwhile: besides those refused by the provider, more were turned away before they asked.
  expect(turnedAway() - before).toBeGreaterThan(refusals);
});

/**
 * The only request of the whole fleet meets a 429. It is waited for until its worker has read the answer: what others
 * sent before that would be no disobedience.
 */
async function meetRefusal(chosen: MirroredCalendar): Promise<void> {
  const { calendarId } = chosen;
  await fleet.markDirty([chosen]);
  const requestedAt = systemClock.now().toISOString();
  await fleet.house.producer.enqueue('pull-calendar', { calendarId, reason: 'user', requestedAt });
  await eventually(async () => expect(await lastErrorOf(calendarId)).toBe('rate_limited'), { everyMs: 5 });
}

async function lastErrorOf(id: CalendarId): Promise<string | null | undefined> {
  const [row] = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ code: string | null }[]>`
      select last_error_code as code from calendars where id = ${id}::uuid`,
  );
  return row?.code;
}

/** Pulls that ended because the provider, or the fleet by itself, said to stay away. */
const turnedAway = (): number =>
  fleet
    .outputs()
    .flatMap((output) => output.split('\n'))
    .filter((line) => line.includes('"A pull failed"') && line.includes('"rate_limited"')).length;
