/** What is forgotten leaves the queues with all its keys, whatever state it is in; all others stay. */
import { Redis } from 'ioredis';
import { newId } from '@calfleet/domain';
import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import { fleetOn } from './fleet.fixture.ts';

let redis: TestRedis;
let raw: Redis;
let fleet: ReturnType<typeof fleetOn>;

beforeEach(async () => {
  redis = await createTestRedis();
  raw = new Redis(redis.url);
  fleet = fleetOn({ redisUrl: redis.url, prefix: redis.prefix });
});
afterEach(async () => {
  await fleet.close();
  raw.disconnect();
  await redis.clear();
});

/** Keys that name it, or hold it. */
async function naming(id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const keys of raw.scanStream({ match: `${redis.prefix}*`, count: 1_000 })) {
    for (const key of keys as string[]) {
      const held = (await raw.type(key)) === 'hash' ? JSON.stringify(await raw.hgetall(key)) : '';
      if (key.includes(id) || held.includes(id)) found.push(key);
    }
  }
  return found;
}

const requestedAt = '2026-11-22T10:00:00Z';

test('jobs that wait, are put off, or failed are forgotten by calendar, account and watch', async () => {
  const [calendarId, accountId, watchId, other] = [newId(), newId(), newId(), newId()];
  fleet.work(
    { 'ensure-watch': () => Promise.reject(new Error('never')) },
    { outcomeOf: () => ({ action: 'park' }), queues: ['watches'] },
  );
  await fleet.producer.enqueue('ensure-watch', { calendarId });
  await eventually(async () => {
    const failed = await raw.zcard(`${redis.prefix}:watches:failed`);
    expect(failed).toBe(1);
  });
  const pull = { calendarId, reason: 'user' as const, requestedAt };
  await fleet.producer.enqueue('pull-calendar', pull);
  await fleet.producer.enqueue('pull-calendar', { ...pull, reason: 'schedule' }, { delayMs: 3_600_000 });
  await fleet.producer.enqueue('push-calendar', { calendarId });
  await fleet.producer.enqueue('discover-account', { accountId });
  await fleet.producer.enqueue('receive-notification', {
    watchId,
    event: 'sync',
    resourceId: 'r',
    expiresAt: null,
    receivedAt: requestedAt,
  });
  await fleet.producer.enqueue('push-calendar', { calendarId: other });
  for (const id of [calendarId, accountId, watchId]) expect(await naming(id)).not.toEqual([]);
  await fleet.producer.forget([calendarId, accountId, watchId]);
  for (const id of [calendarId, accountId, watchId]) expect(await naming(id)).toEqual([]);
  expect(await naming(other)).not.toEqual([]);
});

test('nothing to forget is forgotten at once', async () => {
  await fleet.producer.forget([newId()]);
  await fleet.producer.forget([]);
  expect(await fleet.producer.ready()).toBe(true);
});
