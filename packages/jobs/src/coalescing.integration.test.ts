import { newId } from '@calfleet/domain';
import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import type { JobInput, JobPayload } from './catalog.ts';
import { fleetOn, gate } from './fleet.fixture.ts';

let fleet: ReturnType<typeof fleetOn>;
let redis: TestRedis;

beforeEach(async () => {
  redis = await createTestRedis();
  fleet = fleetOn({ redisUrl: redis.url, prefix: redis.prefix });
});

afterEach(async () => {
  await fleet.close();
  await redis.clear();
});

const at = '2026-01-15T12:00:00.000Z';
const notification = (
  watchId: string,
  event: 'change' | 'sync' | 'not_exists',
  resourceId = 'r',
): JobInput<'receive-notification'> => ({ watchId, event, resourceId, expiresAt: null, receivedAt: at });

test('adds during a run lead to exactly one more run, with the latest payload', async () => {
  const watchId = newId();
  const { open, opened } = gate();
  const seen: (string | null)[] = [];
  fleet.work({
    'receive-notification': async ({ resourceId }) => {
      seen.push(resourceId);
      if (seen.length === 1) await opened;
    },
  });
  await fleet.producer.enqueue('receive-notification', notification(watchId, 'change', 'first'));
  await eventually(() => seen.length === 1);
  for (const word of ['second', 'third', 'last']) {
    await fleet.producer.enqueue('receive-notification', notification(watchId, 'change', word));
  }
  open();
  await eventually(() => expect(seen).toEqual(['first', 'last']));
  // A later add of another watch has passed through: nothing of the first watch is left to come.
  await fleet.producer.enqueue('receive-notification', notification(newId(), 'sync', 'other'));
  await eventually(() => expect(seen).toEqual(['first', 'last', 'other']));
});

test('a burst of 1000 is a few runs, and one of them begins after the last add', async () => {
  const watchId = newId();
  const startedAt: number[] = [];
  fleet.work({
    'receive-notification': async () => {
      startedAt.push(performance.now());
    },
  });
  const firstAdd = performance.now();
  let lastAdd = firstAdd;
  // In waves: a thousand at once are more than a slow machine adds within the time of one call.
  for (let wave = 0; wave < 20; wave += 1) {
    const adds = Array.from({ length: 50 }, (_, n) =>
      fleet.producer.enqueue('receive-notification', notification(watchId, 'change', `${wave}.${n}`)),
    );
    // The last add begins before it resolves; a run that starts after this moment has seen all of them.
    lastAdd = performance.now();
    await Promise.all(adds);
  }
  await eventually(() => startedAt.some((start) => start >= lastAdd));
  // By its length and not by its size: changes are gathered for 150 ms, and timers are not exact.
  const lengthMs = (startedAt.at(-1) ?? 0) - firstAdd;
  expect(startedAt.length).toBeLessThanOrEqual(1 + lengthMs / 100);
});

test('sync and not_exists are not swallowed by changes', async () => {
  const watchId = newId();
  const events: string[] = [];
  fleet.work({
    'receive-notification': async ({ event }: JobPayload<'receive-notification'>) => {
      events.push(event);
    },
  });
  await Promise.all(
    (['change', 'sync', 'change', 'not_exists', 'change'] as const).map((event) =>
      fleet.producer.enqueue('receive-notification', notification(watchId, event)),
    ),
  );
  await eventually(() => expect([...events].sort()).toEqual(['change', 'not_exists', 'sync']));
});

test('a user’s pull does not wait behind scheduled ones, nor vanish in one of the same calendar', async () => {
  const calendarId = newId();
  const requestedAt = at;
  await fleet.producer.enqueueMany([
    ...Array.from({ length: 20 }, () => ({
      name: 'pull-calendar' as const,
      payload: { calendarId: newId(), reason: 'schedule' as const, requestedAt },
    })),
    { name: 'pull-calendar', payload: { calendarId, reason: 'schedule', requestedAt } },
  ]);
  await fleet.producer.enqueue('pull-calendar', { calendarId, reason: 'notify', requestedAt });
  await fleet.producer.enqueue('pull-calendar', { calendarId, reason: 'user', requestedAt });
  const order: string[] = [];
  fleet.work(
    {
      'pull-calendar': async ({ reason }) => {
        order.push(reason);
      },
    },
    { queues: ['pull'], concurrency: 1 },
  );
  await eventually(() => order.length === 23);
  expect(order.slice(0, 3)).toEqual(['user', 'notify', 'schedule']);
});

test('a payload that is not the catalogue’s never reaches Redis', async () => {
  await expect(fleet.producer.enqueue('ensure-watch', { calendarId: 'nonsense' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
