/** What Graph is told when something is wrong behind or before the ingress: the truth, and in time. */
import { connect } from 'node:net';
import { newId } from '@calfleet/domain';
import { eventually, startOwnRedis, type TestRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import { microsoftPath } from './application.ts';
import { ingressOn, useIngress, type House } from './ingress.fixture.ts';

/** What Graph grants: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks */
const grantedMs = 3000;

const batch = (house: House, items: number, count = 1): unknown[] =>
  Array.from({ length: count }, () => ({
    value: Array.from({ length: items }, () => ({
      subscriptionId: newId(),
      changeType: 'updated',
      clientState: house.signer.signClientState(newId()).token,
    })),
  }));

async function timed(work: Promise<Response>): Promise<{ status: number; body: unknown }> {
  const before = performance.now();
  const response = await work;
  const text = await response.text();
  expect(performance.now() - before).toBeLessThan(grantedMs);
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

const outcomes = async (house: House): Promise<string[]> => {
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  return [...metrics.matchAll(/provider="microsoft",kind="\w+",outcome="(\w+)"/g)].map(
    ([, outcome = '']) => outcome,
  );
};

async function jobs({ url, prefix = '{calfleet}' }: { url: string; prefix?: string }): Promise<number> {
  const client = new Redis(url);
  try {
    return (await client.keys(`${prefix}:webhooks:[0-9]*`)).length;
  } finally {
    client.disconnect();
  }
}

describe('a Redis of its own', () => {
  let redis: Awaited<ReturnType<typeof startOwnRedis>>;
  let house: House;

  beforeEach(async () => {
    redis = await startOwnRedis();
    house = await ingressOn({ redisUrl: redis.url, prefix: '{calfleet}' });
  });

  afterEach(async () => {
    await house.close();
    await redis.stop();
  });

  const withRedisStopped = async (work: () => Promise<void>): Promise<void> => {
    process.kill(redis.pid(), 'SIGSTOP');
    try {
      await work();
    } finally {
      process.kill(redis.pid(), 'SIGCONT');
    }
  };

  test('is gone: 503 in time; what holds nothing good is acknowledged all the same; and it goes on when it is back', async () => {
    const [first, second] = batch(house, 50, 2);
    expect((await house.post(first)).status).toBe(202);
    await redis.kill();
    for (let n = 0; n < 3; n += 1) {
      const answer = await timed(house.post(second));
      expect(answer).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
    }
    expect((await timed(house.post({ value: [null] }))).status).toBe(202);
    expect(await outcomes(house)).toContain('not_stored');

    await redis.restart();
    await eventually(async () => (await house.post(second)).status === 202);
    expect(await jobs(redis)).toBe(100);
  });

  test('takes the connection and answers nothing: 503 in time, also for the largest batch', async () => {
    expect((await house.post({ value: [house.item()] })).status).toBe(202);
    await withRedisStopped(async () => {
      const bodies = [...batch(house, 1_400), ...batch(house, 5, 5)];
      const answers = await Promise.all(bodies.map((body) => timed(house.post(body))));
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(503));
      expect(await outcomes(house)).not.toContain('overloaded');
    });
    await eventually(async () => (await house.post({ value: [house.item()] })).status === 202);
  });

  test('is slower than what comes: what is more than may wait is refused at once, and taken when there is room', async () => {
    await house.close();
    house = await ingressOn({ redisUrl: redis.url, prefix: '{calfleet}' }, { storingMax: 100 });
    await withRedisStopped(async () => {
      const answers = await Promise.all(batch(house, 50, 4).map((body) => timed(house.post(body))));
      expect(answers.map(({ status }) => status)).toEqual(Array(4).fill(503));
      expect(await outcomes(house)).toContain('overloaded');
    });
    await eventually(async () => (await house.post(batch(house, 100)[0])).status === 202);
  });

  test('is full: 503, and never an acknowledgement of what it has not got', async () => {
    const client = new Redis(redis.url);
    const [full] = batch(house, 50);
    await client.config('SET', 'maxmemory', '1');
    expect(await timed(house.post(full))).toMatchObject({ status: 503 });
    await client.config('SET', 'maxmemory', '0');
    expect((await house.post(full)).status).toBe(202);
    client.disconnect();
    expect(await jobs(redis)).toBe(50);
  });

  test('forgot the scripts: they are sent again, and nothing is lost', async () => {
    const [first, second] = batch(house, 50, 2);
    expect((await house.post(first)).status).toBe(202);
    const client = new Redis(redis.url);
    await client.script('FLUSH');
    client.disconnect();
    expect((await house.post(second)).status).toBe(202);
    expect(await jobs(redis)).toBe(100);
  });
});

describe('a sender', () => {
  let redis: TestRedis;
  let house: House;
  const rateCap = { perWindow: 15, windowMs: 10_000, sourcesMax: 10 };
  useIngress((opened) => ({ redis, house } = opened), { rateCap });

  /** What comes back on a bare connection until it is closed, or until `enough`. */
  const converse = (sent: (string | Buffer)[], enough = /$^/): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(house.port, '127.0.0.1');
      let heard = '';
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        if (enough.test(heard)) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(heard));
      socket.write(`POST ${microsoftPath} HTTP/1.1\r\nHost: x\r\n`);
      for (const text of sent) socket.write(text);
    });

  test('over its cap is told to come again, by what its batches hold', async () => {
    const answers = [];
    for (const body of [...batch(house, 60, 2), { value: [] }]) answers.push(await timed(house.post(body)));
    expect(answers).toMatchObject([
      { status: 202 },
      { status: 503, body: { code: 'rate_limited' } },
      { status: 503, body: { code: 'rate_limited' } },
    ]);
    expect(await outcomes(house)).toContain('rate_capped');
    expect(await jobs(redis)).toBe(60);
    house.clock.advance(10_000);
    expect((await house.post(batch(house, 60)[0])).status).toBe(202);
    expect(await jobs(redis)).toBe(120);
  });

  test('that leaves its body unfinished has its answer in time', async () => {
    const before = performance.now();
    const heard = await converse(['Content-Length: 1000\r\n\r\n{"value":['], /\r\n\r\n/);
    expect(performance.now() - before).toBeLessThan(grantedMs);
    expect(heard).toMatch(/^HTTP\/1\.1 503 /);
    expect(await outcomes(house)).toContain('late');
  });

  test('of an endless body without a length is told that it is too large, and cut off', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const heard = await converse(['Transfer-Encoding: chunked\r\n\r\n', ...Array<string>(5).fill(chunk)]);
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
    expect(heard).toMatch(/\r\nconnection: close\r\n/i);
  });

  test('of an endless body behind a handshake is answered and cut off', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const heard = await new Promise<string>((resolve) => {
      const socket = connect(house.port, '127.0.0.1');
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString()));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
      socket.write(`POST ${microsoftPath}?validationToken=x HTTP/1.1\r\nHost: x\r\n`);
      socket.write(`Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    });
    expect(heard).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nx$/);
  });

  test('of a chunked body that has an end is heard', async () => {
    const text = JSON.stringify({ value: [house.item()] });
    const chunks = [text.slice(0, 40), text.slice(40)].map(
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    const heard = await converse(['Transfer-Encoding: chunked\r\n\r\n', ...chunks, '0\r\n\r\n'], /\r\n\r\n/);
    expect(heard).toMatch(/^HTTP\/1\.1 202 /);
  });

  test('that goes away in the middle harms nobody', async () => {
    const socket = connect(house.port, '127.0.0.1');
    socket.write(`POST ${microsoftPath} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`, () =>
      socket.destroy(),
    );
    await eventually(async () => expect(await outcomes(house)).toContain('malformed'));
    expect((await house.post({ value: [house.item()] })).status).toBe(202);
  });

  test('of what is no HTTP is refused', async () => {
    const heard = await converse(['no header at all\r\n\r\n']);
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
  });
});
