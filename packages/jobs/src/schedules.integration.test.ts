import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import { tickNames } from './catalog.ts';
import { fleetOn, gate, slowSchedules } from './fleet.fixture.ts';
import { createSchedules, type Schedules } from './schedules.ts';

let fleet: ReturnType<typeof fleetOn>;
let schedules: Schedules;
let redis: TestRedis;

beforeEach(async () => {
  redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  fleet = fleetOn(address);
  schedules = createSchedules({ ...address, onError: () => undefined });
});

afterEach(async () => {
  await schedules.close();
  await fleet.close();
  await redis.clear();
});

const slow = { ...slowSchedules(), cleanup: { cron: '0 3 * * *' } };

test('installing again changes nothing, and what Redis forgot is missing', async () => {
  expect(await schedules.missing()).toEqual(tickNames);
  await schedules.install(slow);
  await schedules.install(slow);
  expect(await schedules.missing()).toEqual([]);
  await redis.clear();
  expect(await schedules.missing()).toEqual(tickNames);
  await schedules.install(slow);
  expect(await schedules.missing()).toEqual([]);
});

test('many workers may install at once', async () => {
  await Promise.all(Array.from({ length: 8 }, () => schedules.install(slow)));
  expect(await schedules.missing()).toEqual([]);
});

test('a tick comes again and again, and never while the last one runs', async () => {
  const { open, opened } = gate();
  let running = 0;
  let most = 0;
  let runs = 0;
  const handlers = {
    'webhook-drain': async () => {
      runs += 1;
      most = Math.max(most, ++running);
      if (runs === 1) await opened;
      running -= 1;
    },
  };
  fleet.work(handlers, { queues: ['schedules'] });
  fleet.work(handlers, { queues: ['schedules'] });
  await schedules.install({ ...slow, 'webhook-drain': { everyMs: 100 } });
  await eventually(() => fleet.lines.some(({ message }) => message.startsWith('Skipped')));
  expect(runs).toBe(1);
  open();
  await eventually(() => runs > 3);
  expect(most).toBe(1);
});

test('a tick that should sleep is left to the next one, so that an outage piles none up', async () => {
  const outcomes: string[] = [];
  fleet.work(
    { 'webhook-drain': () => Promise.reject(new Error('Postgres is away')) },
    {
      queues: ['schedules'],
      outcomeOf: () => ({ action: 'snooze', ms: 60_000 }),
      onEvent: ({ outcome }) => outcomes.push(outcome),
    },
  );
  await schedules.install({ ...slow, 'webhook-drain': { everyMs: 100 } });
  await eventually(() => expect(outcomes.slice(0, 3)).toEqual(['dropped', 'dropped', 'dropped']));
});
