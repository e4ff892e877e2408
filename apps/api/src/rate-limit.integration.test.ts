/** How much one caller may ask for in a minute. */
import { eventually, startOwnRedis } from '@calfleet/testkit';
import { makeKey, signHs256 } from './testing/callers.ts';
import { openHouse, type Ask, type House } from './testing/house.ts';

const secret = 'a-secret-of-more-than-thirty-two-characters';
const jwt = { secret, keySetUrl: null, issuer: null, audience: null };
let house: House;
beforeAll(async () => {
  house = await openHouse({ jwt, callerLimits: { perKey: 3, perUser: 2 } });
});
afterAll(() => house.close());

const token = (sub: string) => signHs256({ sub, exp: house.clock.now().getTime() / 1000 + 300 }, secret);
const ask = async (one: Ask, path = '/calendars') => {
  const reply = await house.get(path, one);
  const header = (name: string) => reply.headers.get(name);
  return {
    status: reply.status,
    code: reply.body.code,
    limit: header('ratelimit-limit'),
    policy: header('ratelimit-policy'),
    remaining: header('ratelimit-remaining'),
    reset: Number(header('ratelimit-reset')),
    retryAfter: header('retry-after'),
  };
};

test('a key has its number of requests whoever it acts for, told with each answer, then 429', async () => {
  const { text: key } = await makeKey(house, { scope: 'app' });
  for (const [n, user] of ['ada', 'eve', 'bob'].entries()) {
    const reply = await ask({ key, user });
    expect(reply).toMatchObject({ status: 200, limit: '3', policy: '3;w=60', remaining: String(2 - n) });
    expect(reply.retryAfter).toBeNull();
    expect(reply.reset).toBeGreaterThan(0);
    expect(reply.reset).toBeLessThanOrEqual(60);
  }
  const refused = await ask({ key });
  expect(refused).toMatchObject({ status: 429, code: 'rate_limited', remaining: '0' });
  expect(refused.retryAfter).toBe(String(refused.reset));
  // Another key has its own.
  const other = await makeKey(house, { scope: 'app' });
  expect(await ask({ key: other.text })).toMatchObject({ status: 200, remaining: '2' });
});

test('a user has a number of their own, over all their tokens', async () => {
  expect(await ask({ key: token('carl'), user: null })).toMatchObject({
    status: 200,
    limit: '2',
    remaining: '1',
  });
  house.clock.advance(1_000);
  expect(await ask({ key: token('carl'), user: null })).toMatchObject({ status: 200, remaining: '0' });
  expect((await ask({ key: token('carl'), user: null })).status).toBe(429);
  expect((await ask({ key: token('dora'), user: null })).status).toBe(200);
});

test('an administrator at work is not counted, and who is not known neither', async () => {
  const { text: key } = await makeKey(house, { scope: 'admin' });
  for (let n = 0; n < 5; n += 1) {
    const reply = await house.send('POST', '/admin/writes/resume', {}, { key });
    expect([reply.status, reply.headers.get('ratelimit-limit')]).toEqual([200, null]);
  }
  expect(await ask({ key })).toMatchObject({ status: 200, remaining: '2' });
  for (let n = 0; n < 5; n += 1)
    expect(await ask({ key: 'wrong' })).toMatchObject({ status: 401, limit: null });
  const app = await makeKey(house, { scope: 'app' });
  for (const status of [403, 403, 403, 429]) {
    expect((await house.send('POST', '/admin/writes/stop', {}, { key: app.text })).status).toBe(status);
  }
});

test('without Redis everybody is let through, and counted again when it is back', async () => {
  const redis = await startOwnRedis();
  const own = await openHouse({ redisUrl: redis.url, callerLimits: { perKey: 1, perUser: 1 } });
  try {
    await redis.kill();
    for (let n = 0; n < 3; n += 1) expect((await own.get('/calendars')).status).toBe(200);
    await redis.restart();
    await eventually(async () => (await own.get('/calendars')).status === 429);
  } finally {
    await own.close();
    await redis.stop();
  }
});
