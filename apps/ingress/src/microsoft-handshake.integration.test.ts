import { connect } from 'node:net';
import { startOwnRedis } from '@calfleet/testkit';
import { microsoftPath } from './application.ts';
import { ingressOn, useIngress, type House } from './ingress.fixture.ts';
import { validationTokenCharsMax } from './microsoft-handshake.ts';

describe('with Redis', () => {
  let house: House;
  useIngress((opened) => ({ house } = opened));

  const handshake = (query: string, init: RequestInit = {}) =>
    house.post('', { query: `?${query}`, headers: { 'content-type': 'text/plain; charset=utf-8' }, ...init });

  test.each([
    [
      'a real one',
      'Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+1d7fa2a5',
    ],
    ['spaces of both kinds', 'one+two%20three'],
    ['a plus and a per cent sign', 'one%2Btwo%25three'],
    ['a sign that is encoded twice', '%252B%2520'],
    ['a lone per cent sign', '100%'],
    ['letters of the world', '%C3%BC%20%F0%9F%93%85%20%E4%BC%9A'],
    ['a script', '%3Cscript%3Ealert(1)%3C%2Fscript%3E'],
    ['lines', 'one%0D%0Atwo%00three'],
    ['signs of a query', 'a%26b%3Dc%23d%3Fe'],
    ['as much as is allowed', 'x'.repeat(validationTokenCharsMax)],
  ])('%s is said back, decoded once, as plain text', async (_, encoded) => {
    const expected = Buffer.from(
      encoded
        .replaceAll('+', ' ')
        .replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString()),
    );
    const response = await handshake(`validationToken=${encoded}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(expected);
  });

  test('parameters of ours beside it stay out of the answer, and a body is not read', async () => {
    const response = await handshake('fleet=one&validationToken=x+y&validationToken=z', {
      body: '{"value":[{"lifecycleEvent":"missed"}]}',
    });
    expect(await response.text()).toBe('x y');
  });

  test('a token over its cap is too large, an empty one is none', async () => {
    const long = await handshake(`validationToken=${'x'.repeat(validationTokenCharsMax + 1)}`);
    expect(long.status).toBe(413);
    expect(await long.json()).toMatchObject({ code: 'too_large' });
    const empty = await handshake('validationToken=');
    expect(empty.status).toBe(400);
    expect(await empty.json()).toMatchObject({ errors: [{ path: 'validationToken' }] });
  });

  test('a token of a megabyte is too large, and its sender reads so', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(house.port, '127.0.0.1');
      let heard = '';
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      socket.once('close', () => resolve(heard));
      socket.once('error', reject);
      const token = 'x'.repeat(1024 * 1024);
      socket.end(
        `POST ${microsoftPath}?validationToken=${token} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      );
    });
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 413 /);
    expect(head).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(body)).toMatchObject({ code: 'too_large', status: 413 });
    expect((await handshake('validationToken=next')).status).toBe(200);
  });

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is not how Graph asks', async (method) => {
    const response = await fetch(`${house.url}${microsoftPath}?validationToken=canary`, { method });
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('canary');
  });

  test('nothing else has a handshake', async () => {
    const google = await fetch(
      `${house.url}${microsoftPath.replace('microsoft', 'google')}?validationToken=x`,
      {
        method: 'POST',
      },
    );
    expect(google.status).toBe(400);
  });
});

test('without Redis a handshake is answered', async () => {
  const redis = await startOwnRedis();
  const house = await ingressOn({ redisUrl: redis.url, prefix: '{calfleet}' });
  try {
    await redis.kill();
    const response = await house.post('', { query: '?validationToken=x' });
    expect([response.status, await response.text()]).toEqual([200, 'x']);
  } finally {
    await house.close();
    await redis.stop();
  }
});
