import { createQueueMonitor, type QueueMonitor } from '@calfleet/jobs';
import { createTestRedis, type TestRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import { ingressOn } from './ingress.fixture.ts';

let redis: TestRedis;
let house: Awaited<ReturnType<typeof ingressOn>>;
let monitor: QueueMonitor;

beforeEach(async () => {
  redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  house = await ingressOn(address);
  monitor = createQueueMonitor({ ...address, onError: () => undefined });
});

afterEach(async () => {
  await Promise.all([house.close(), monitor.close()]);
  await redis.clear();
});

const jobs = async (): Promise<number> => {
  const readings = await monitor.read(new Date());
  return readings.reduce((sum, { jobs }) => sum + Object.values(jobs).reduce((a, b) => a + b, 0), 0);
};

const otherWatch = '0198a8a0-0000-7000-8000-00000000000f';
const id = 'X-Goog-Channel-ID';
const token = 'X-Goog-Channel-Token';
const state = 'X-Goog-Resource-State';
const resource = 'X-Goog-Resource-ID';
const number = 'X-Goog-Message-Number';
const expiration = 'X-Goog-Channel-Expiration';

test.each<[string, Record<string, string | undefined>, number, number]>([
  ['a change', {}, 200, 1],
  ['a sync message', { [state]: 'sync', [number]: '1' }, 200, 1],
  ['a calendar that is gone', { [state]: 'not_exists' }, 200, 1],
  ['an expiry', { [expiration]: 'Tue, 19 Nov 2030 01:13:52 GMT' }, 200, 1],
  ['an expiry in milliseconds', { [expiration]: '1921367632000' }, 400, 0],
  ['a state of Drive', { [state]: 'update' }, 400, 0],
  ['no state', { [state]: undefined }, 400, 0],
  ['no channel id', { [id]: undefined }, 400, 0],
  ['a channel id that is no uuid', { [id]: 'my-channel' }, 400, 0],
  ['no resource id', { [resource]: undefined }, 400, 0],
  ['a message number that is none', { [number]: 'seven' }, 400, 0],
  ['no message number', { [number]: undefined }, 400, 0],
  ['no token', { [token]: undefined }, 401, 0],
  ['a forged token', { [token]: `v1.k1.${'A'.repeat(43)}` }, 401, 0],
  ['the token of another watch', { [id]: otherWatch }, 401, 0],
  ['a token by an unknown key', { [token]: `v1.k9.${'A'.repeat(43)}` }, 503, 0],
])('%s', async (_, changes, status, expected) => {
  const response = await house.notify(house.headers(changes));
  expect(response.status).toBe(status);
  expect(await jobs()).toBe(expected);
  if (status === 200) return expect(await response.text()).toBe('');
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ status, request_id: response.headers.get('x-request-id') });
  expect(Object.keys(body)).toEqual(
    expect.arrayContaining(['type', 'title', 'status', 'code', 'detail', 'request_id']),
  );
  if (status === 400) {
    const [changed] = Object.keys(changes);
    expect(body['errors']).toEqual([{ path: changed, message: expect.any(String) as string }]);
  }
});

test('the job holds what the headers said, and no secret', async () => {
  const response = await house.notify(house.headers({ [expiration]: 'Tue, 19 Nov 2030 01:13:52 GMT' }));
  const client = new Redis(redis.url);
  const keys = await client.keys(`${redis.prefix}:webhooks:[0-9]*`);
  const data = await client.hget(keys[0] ?? '', 'data');
  client.disconnect();
  expect(JSON.parse(data ?? '')).toEqual({
    watchId: house.watchId,
    event: 'change',
    resourceId: 'resource-1',
    expiresAt: '2030-11-19T01:13:52.000Z',
    receivedAt: house.clock.now().toISOString(),
    requestId: response.headers.get('x-request-id'),
  });
});

test('the same message a hundred times at once is one job', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => house.notify(house.headers())));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(await jobs()).toBe(1);
});

test('tokens never reach the log, nor answers what was sent', async () => {
  const forged = `v1.k1.${'Z'.repeat(43)}`;
  const wrong = await house.notify(house.headers({ [token]: forged }));
  const malformed = await house.notify(house.headers({ [state]: 'canary<script>' }));
  expect(await wrong.text()).not.toContain('ZZZ');
  expect(await malformed.text()).not.toContain('canary');
  await house.notify(house.headers({ [token]: `v1.k9.${'Z'.repeat(43)}` }));
  expect(house.log()).toContain('CHANNEL_SIGNING_KEYS');
  expect(house.log()).not.toContain('ZZZ');
});

test('300 random sets of headers never cause a 500, nor a job without a valid token', async () => {
  const words = [
    '',
    ' ',
    'sync',
    'exists',
    '-1',
    '9'.repeat(400),
    '{"a":1}',
    'ÿþ',
    'null',
    otherWatch,
    '%00',
    'a,b',
  ];
  const names = [id, token, state, resource, number, expiration];
  let seed = 42;
  const pick = (below: number): number => {
    // Park and Miller's generator: a failure replays by its seed.
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const tally = new Map<number, number>();
  for (let round = 0; round < 300; round++) {
    const changes: Record<string, string | undefined> = { [token]: words[pick(words.length)] };
    for (let n = pick(4); n >= 0; n--) {
      changes[names[pick(names.length)] ?? ''] = pick(5) === 0 ? undefined : words[pick(words.length)];
    }
    const { status } = await house.notify(house.headers(changes));
    tally.set(status, (tally.get(status) ?? 0) + 1);
  }
  expect([...tally.keys()].filter((status) => status !== 400 && status !== 401)).toEqual([]);
  expect(tally.get(400)).toBeGreaterThan(50);
  expect(tally.get(401)).toBeGreaterThan(0);
  expect(await jobs()).toBe(0);
});
