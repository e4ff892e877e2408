import { newId } from '@calfleet/domain';
import { createTestRedis, eventually } from '@calfleet/testkit';
import { fleetOn, gate } from './fleet.fixture.ts';
import { createQueueMonitor } from './monitor.ts';

const minuteMs = 60_000;

async function house() {
  const redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  const fleet = fleetOn(address);
  const monitor = createQueueMonitor({ ...address, onError: () => undefined });
  return {
    fleet,
    read: async (now: Date) =>
      new Map((await monitor.read(now)).map((reading) => [reading.queue, reading] as const)),
    close: async () => {
      await Promise.all([monitor.close(), fleet.close()]);
      await redis.clear();
    },
  };
}

const pull = (reason: 'user' | 'schedule') => ({
  calendarId: newId(),
  reason,
  requestedAt: '2026-01-15T12:00:00Z',
});

test('a reading counts every state, and the age is that of the head that could have run', async () => {
  const { fleet, read, close } = await house();
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() }, { delayMs: 10 * minuteMs });
  await fleet.producer.enqueue('pull-calendar', pull('user'));

  const readings = await read(new Date(Date.now() + minuteMs));
  expect(readings.get('watches')).toMatchObject({ jobs: { waiting: 1, delayed: 1, active: 0, failed: 0 } });
  expect(readings.get('pull')).toMatchObject({ jobs: { waiting: 0, prioritized: 1 } });
  const { oldestAgeMs = 0, ageMs } = readings.get('watches') ?? {};
  expect(oldestAgeMs).toBeGreaterThanOrEqual(minuteMs - 1_000);
  expect(oldestAgeMs).toBeLessThan(2 * minuteMs);
  // Not due yet, so it is not late.
  expect(ageMs).toMatchObject({ waiting: oldestAgeMs, delayed: 0, active: 0, prioritized: 0 });
  expect(readings.get('accounts')?.oldestAgeMs).toBe(0);
  await close();
});

test('what is overdue among the delayed is as old as it is overdue', async () => {
  const { fleet, read, close } = await house();
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() }, { delayMs: 10 * minuteMs });
  const late = (await read(new Date(Date.now() + 15 * minuteMs))).get('watches')?.ageMs.delayed ?? 0;
  expect(late).toBeGreaterThanOrEqual(5 * minuteMs - 1_000);
  expect(late).toBeLessThan(6 * minuteMs);
  await close();
});

test('an old job of a low priority is seen behind a fresh one of a high priority', async () => {
  const { fleet, read, close } = await house();
  await fleet.producer.enqueue('pull-calendar', pull('schedule'));
  await eventually(async () => {
    const age = (await read(new Date())).get('pull')?.ageMs.prioritized ?? 0;
    expect(age).toBeGreaterThan(50);
  });
  const old = (await read(new Date(Date.now() + minuteMs))).get('pull')?.ageMs.prioritized ?? 0;
  await fleet.producer.enqueue('pull-calendar', pull('user'));
  const now = (await read(new Date(Date.now() + minuteMs))).get('pull')?.ageMs.prioritized ?? 0;
  expect(now).toBeGreaterThanOrEqual(old);
  await close();
});

test('a job that runs too long is seen by the age of the active ones', async () => {
  const { fleet, read, close } = await house();
  const [started, finish] = [gate(), gate()];
  fleet.work({
    'ensure-watch': async () => {
      started.open();
      await finish.opened;
    },
  });
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await started.opened;
  const reading = (await read(new Date(Date.now() + 20 * minuteMs))).get('watches');
  expect(reading).toMatchObject({ jobs: { active: 1 }, oldestAgeMs: 0 });
  expect(reading?.ageMs.active).toBeGreaterThanOrEqual(20 * minuteMs - 5_000);
  finish.open();
  await close();
});
