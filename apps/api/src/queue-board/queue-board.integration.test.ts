import { createQueueBoardSource, queueNames } from '@calfleet/jobs';
import { newId } from '@calfleet/domain';
import { eventually, startOwnRedis } from '@calfleet/testkit';
import { adminKey, openHouse, type Ask, type House } from '../testing/house.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());
// Wrong keys of one test are not the next one's.
beforeEach(() => house.clock.advance(60_000));

const basic = (key: string) => `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}`;
/** As an operator's browser, without a user. */
const look = (path: string, ask: Ask = {}) => house.get(`!/admin/queues${path}`, { user: null, ...ask });
const change = (path: string, ask: Ask = {}, method = 'PUT') =>
  house.send(method, `!/admin/queues${path}`, undefined, { user: null, ...ask });

interface Queue {
  name: string;
  counts: Record<string, number>;
  jobs: { id: string; data: object; failedReason?: string }[];
}
const queues = async (query = '') => {
  const reply = await look(`/api/queues${query}`);
  expect(reply.status).toBe(200);
  return (reply.body as unknown as { queues: Queue[] }).queues;
};

test('a source that never had a Redis fails in time and closes', async () => {
  const source = createQueueBoardSource({
    redisUrl: 'redis://127.0.0.1:9',
    prefix: '{nobody}',
    onError: () => undefined,
  });
  await expect(source.open()).rejects.toMatchObject({ code: 'provider_unavailable' });
  await source.close();
});

describe('who may look', () => {
  test.each([
    ['nothing', null, {}],
    ['another key', 'an-app-key-of-more-than-32-characters', {}],
    ['another key as password', null, { authorization: basic('an-app-key-of-more-than-32-characters') }],
    ['the key as name', null, { authorization: `Basic ${Buffer.from(`${adminKey}:`).toString('base64')}` }],
    ['no pair', null, { authorization: `Basic ${Buffer.from(adminKey).toString('base64')}` }],
    ['another scheme', null, { authorization: `Digest ${adminKey}` }],
  ])('%s is asked for a key, page, assets and API alike', async (_name, key, headers) => {
    for (const path of ['', '/', '/queue/pull', '/api/queues', '/static/favicon.ico', '/static/nothing']) {
      const reply = await look(path, { key, headers });
      expect([reply.status, reply.body.code]).toEqual([401, 'not_authenticated']);
      expect(reply.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
      expect(reply.headers.get('cache-control')).toBe('no-store');
    }
  });

  test.each([
    ['as a bearer token', adminKey, {}],
    ['as the password of any name', null, { authorization: basic(adminKey) }],
    ['in any spelling of the scheme', null, { authorization: basic(adminKey).replace('Basic', 'basic') }],
  ])('an admin key opens it %s', async (_name, key, headers) => {
    const reply = await look('', { key, headers });
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([200, null]);
    expect(reply.type).toMatch(/^text\/html/);
  });

  test('after twenty wrong keys in a minute the next wrong one has to wait, and the right one never', async () => {
    for (let n = 0; n < 20; n += 1) expect((await look('', { key: `wrong-${n}` })).status).toBe(401);
    const reply = await look('', { key: 'wrong-20' });
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '60']);
    // From the same address: a browser that shows none yet is asked for it, and opens the page with it.
    expect((await look('', { key: null })).status).toBe(401);
    expect((await look('')).status).toBe(200);
    expect((await look('', { key: 'wrong-21' })).status).toBe(429);
    house.clock.advance(60_000);
    expect((await look('', { key: 'wrong-22' })).status).toBe(401);
  });

  test('the rest of the API asks for its bearer token as ever', async () => {
    const reply = await house.get('/calendars', { key: null });
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });
});

test('the page loads its own assets and nothing else', async () => {
  const page = await look('/');
  const html = page.body['text'] as string;
  expect(html).toContain('<base href="/admin/queues/"');
  const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path);
  expect(assets.some((path) => path?.endsWith('.js'))).toBe(true);
  for (const path of assets) expect([path, (await look(`/${path}`)).status]).toEqual([path, 200]);
  const policy = page.headers.get('content-security-policy')?.split(';') ?? [];
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]),
  );
  expect(policy.join()).not.toMatch(/https?:|\*|unsafe-eval/);
  expect(policy.find((each) => each.startsWith('script-src'))).not.toContain('unsafe-inline');
  expect(page.headers.get('x-powered-by')).toBeNull();
});

test('every queue is there with its counts, and jobs show ids alone', async () => {
  const calendarId = newId();
  await house.producer.enqueue('ensure-watch', { calendarId });
  const listed = await queues('?activeQueue=watches&status=latest&page=1&jobsPerPage=10');
  expect(listed.map(({ name }) => name).sort()).toEqual([...queueNames].sort());
  const watches = listed.find(({ name }) => name === 'watches');
  expect(watches?.counts).toMatchObject({ waiting: 1, failed: 0 });
  expect(watches?.jobs.map(({ data }) => data)).toEqual([expect.objectContaining({ calendarId })]);
  const many = await look('/api/queues?activeQueue=watches&jobsPerPage=1000000');
  expect(many.status).toBe(400);
});

describe('what may be changed', () => {
  const delayed = async () => {
    await house.producer.enqueue('discover-account', { accountId: newId() }, { delayMs: 3_600_000 });
    return counts();
  };
  const counts = async () => (await queues()).find(({ name }) => name === 'accounts')?.counts;

  test('a promotion is done, and written down', async () => {
    const before = await delayed();
    const reply = await change('/api/queues/accounts/promote', {
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect(reply.status).toBe(200);
    expect(await counts()).toMatchObject({
      delayed: 0,
      waiting: (before?.['waiting'] ?? 0) + (before?.['delayed'] ?? 0),
    });
    const line = house.logs.find((each) => each.includes('An administrator works on the queues'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      action: 'put /api/queues/:queueName/promote',
      queue: 'accounts',
    });
  });

  test.each([
    ['PUT', '/api/queues/accounts/obliterate'],
    ['PUT', '/api/queues/ACCOUNTS/OBLITERATE/'],
    ['PUT', '/api/queues/accounts/empty'],
    ['POST', '/api/queues/accounts/add'],
    ['PATCH', '/api/queues/accounts/1/update-data'],
    ['PUT', '/api/queues/schedules/job-schedulers/cleanup/remove'],
    ['PATCH', '/api/queues/schedules/job-schedulers/cleanup'],
  ])('%s %s is refused', async (method, path) => {
    expect((await change(path, {}, method)).status).toBe(403);
  });

  test.each(['clean/failed', 'clean/wait', '1/clean'])(
    'webhooks/%s is refused, as a hint has no other copy',
    async (path) => {
      const reply = await change(`/api/queues/webhooks/${path}`);
      expect([reply.status, JSON.stringify(reply.body)]).toEqual([403, expect.stringContaining('Retry it')]);
    },
  );

  test.each(['webhooks/clean/completed', 'accounts/clean/failed'])('%s is done', async (path) => {
    expect((await change(`/api/queues/${path}`)).status).toBe(200);
  });

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling', { 'sec-fetch-site': 'same-site' }],
    ['an address typed by hand', { 'sec-fetch-site': 'none' }],
    ['another origin over plain http', { origin: 'http://evil.example' }],
    ['no origin that can be said', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
  ])('from %s nothing may be changed, whatever key the browser adds', async (_name, headers) => {
    await delayed();
    const before = await counts();
    const reply = await change('/api/queues/accounts/promote', {
      key: null,
      headers: { authorization: basic(adminKey), ...headers },
    });
    expect([reply.status, reply.body.code]).toEqual([403, 'not_allowed']);
    expect(await counts()).toEqual(before);
  });

  test.each([
    ['the page, over plain http', () => ({ origin: house.api.url })],
    ['a tool that is no browser', () => ({})],
  ])('from %s it may', async (_name, headers) => {
    expect((await change('/api/queues/accounts/promote', { headers: headers() })).status).toBe(200);
  });
});

test('without Redis the page is there, its API says so soon, and both come back by themselves', async () => {
  const redis = await startOwnRedis();
  const own = await openHouse({ redisUrl: redis.url });
  const ask = (path: string) => own.get(`!/admin/queues${path}`, { user: null });
  try {
    expect((await ask('/api/queues')).status).toBe(200);
    await redis.kill();
    await eventually(async () => (await ask('/api/queues')).status === 503);
    expect((await ask('')).status).toBe(200);
    expect((await own.get('/calendars')).status).toBe(200);
    await redis.restart();
    await eventually(async () => (await ask('/api/queues')).status === 200);
  } finally {
    await own.close();
    await redis.stop();
  }
});
