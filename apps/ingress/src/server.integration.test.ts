import { connect } from 'node:net';
import { eventually, startOwnRedis } from '@calfleet/testkit';
import { bodyBytesMax } from './body-cap.ts';
import { ingressOn, useIngress, type House } from './ingress.fixture.ts';

/** What the stricter of the providers grants, Microsoft. */
const grantedMs = 3000;

describe('with Redis', () => {
  let house: House;
  const rateCap = { perWindow: 5, windowMs: 10_000, sourcesMax: 10 };
  useIngress((opened) => ({ house } = opened), { rateCap });

  test('health, readiness and metrics', async () => {
    expect((await fetch(`${house.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${house.url}/readyz`)).status).toBe(200);
    await house.notify(house.headers());
    const metrics = await (await fetch(`${house.url}/metrics`)).text();
    expect(metrics).toContain(
      'calfleet_notification_received_total{provider="google",kind="change",outcome="accepted"} 1',
    );
    expect(metrics).toContain('calfleet_ingress_ack_duration_seconds_count{provider="google"} 1');
  });

  test('anything else is a 404 problem', async () => {
    for (const path of ['/', '/integrations/calendar/webhooks/gogle', '/%E0%A4%A']) {
      const response = await fetch(house.url + path, { method: 'POST' });
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toMatch(/problem\+json/);
      expect(await response.json()).toMatchObject({ code: 'not_found', status: 404 });
    }
  });

  test('a usable request id is echoed, another is replaced', async () => {
    const ask = async (given: string) =>
      (await house.notify({ ...house.headers(), 'x-request-id': given })).headers.get('x-request-id');
    expect(await ask('abc-123')).toBe('abc-123');
    expect(await ask('a b"c')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a body is ignored, a large one refused', async () => {
    expect((await house.notify(house.headers(), { body: 'x'.repeat(1000) })).status).toBe(200);
    const large = await house.notify(house.headers(), { body: 'x'.repeat(bodyBytesMax + 1) });
    expect(large.status).toBe(413);
  });

  test('an endless body without a length is cut off', async () => {
    const socket = connect(house.port, '127.0.0.1');
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    socket.on('error', () => undefined);
    socket.resume();
    const head = Object.entries(house.headers()).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST /integrations/calendar/webhooks/google HTTP/1.1\r\nHost: x\r\n${head.join('')}Transfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < 20; sent++) socket.write(chunk);
    await eventually(() => closed);
    expect(closed).toBe(true);
  });

  test('too large headers are refused', async () => {
    const response = await house.notify({ ...house.headers(), 'X-Filler': 'x'.repeat(20_000) });
    expect(response.status).toBe(431);
  });

  test('a source over its cap is told to come again, whatever address it claims', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 7; n++) {
      const response = await house.notify({ ...house.headers(), 'X-Forwarded-For': `10.0.0.${n}` });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 503, 503]);
    house.clock.advance(10_000);
    expect((await house.notify(house.headers())).status).toBe(200);
  });

  test('a stop that lingers says that it goes, and serves whoever has not heard of it', async () => {
    const isKept = (response: Response) => response.headers.get('connection') !== 'close';
    expect(isKept(await house.notify(house.headers()))).toBe(true);
    const closing = house.ingress.close({ timeoutMs: 500, linger: true });
    const ready = await fetch(`${house.url}/readyz`);
    const served = await house.notify(house.headers());
    expect([ready.status, isKept(ready)]).toEqual([503, false]);
    expect([served.status, isKept(served)]).toEqual([200, false]);
    await closing;
    await expect(fetch(`${house.url}/healthz`)).rejects.toThrow();
  });

  test('a stop answers what is there and takes nothing new', async () => {
    const inFlight = house.notify(house.headers());
    expect((await inFlight).status).toBe(200);
    await house.ingress.close({ timeoutMs: 500 });
    await expect(fetch(`${house.url}/healthz`)).rejects.toThrow();
  });
});

test('without Redis: alive, not ready, and 503 soon instead of a lie or a wait', async () => {
  const redis = await startOwnRedis();
  const house = await ingressOn({ redisUrl: redis.url, prefix: '{calfleet}' });
  try {
    expect((await house.notify(house.headers())).status).toBe(200);
    await redis.kill();
    const before = performance.now();
    const response = await house.notify(house.headers());
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'provider_unavailable' });
    expect(performance.now() - before).toBeLessThan(grantedMs);
    expect((await fetch(`${house.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${house.url}/healthz`)).status).toBe(200);

    await redis.restart();
    await eventually(async () => (await house.notify(house.headers())).status === 200);
  } finally {
    await house.close();
    await redis.stop();
  }
});
