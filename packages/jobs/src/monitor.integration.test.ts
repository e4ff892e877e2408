import { newId } from '@calfleet/domain';
import { createTestRedis } from '@calfleet/testkit';
import { fleetOn } from './fleet.fixture.ts';
import { createQueueMonitor } from './monitor.ts';

test('a reading counts every state, and the age is that of the head that could have run', async () => {
  const redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  const fleet = fleetOn(address);
  const monitor = createQueueMonitor({ ...address, onError: () => undefined });
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() });
  await fleet.producer.enqueue('ensure-watch', { calendarId: newId() }, { delayMs: 600_000 });
  await fleet.producer.enqueue('pull-calendar', {
    calendarId: newId(),
    reason: 'user',
    requestedAt: '2026-01-15T12:00:00Z',
  });

  const later = new Date(Date.now() + 60_000);
  const readings = new Map((await monitor.read(later)).map((reading) => [reading.queue, reading]));
  expect(readings.get('watches')).toMatchObject({ jobs: { waiting: 1, delayed: 1, active: 0, failed: 0 } });
  expect(readings.get('pull')).toMatchObject({ jobs: { waiting: 0, prioritized: 1 } });
  const age = readings.get('watches')?.oldestAgeMs ?? 0;
  expect(age).toBeGreaterThanOrEqual(59_000);
  expect(age).toBeLessThan(120_000);
  expect(readings.get('accounts')?.oldestAgeMs).toBe(0);

  await Promise.all([monitor.close(), fleet.close()]);
  await redis.clear();
});
