/** An ingress on a test's Redis, and notifications that it accepts. */
import { randomBytes } from 'node:crypto';
import { newId } from '@calfleet/domain';
import { createProducer, type RedisAddress } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createTestRedis, eventually, ManualClock, type TestRedis } from '@calfleet/testkit';
import { createChannelSigner } from '@calfleet/vault';
import { Writable } from 'node:stream';
import { googlePath, microsoftPath } from './application.ts';
import { startIngress, type IngressOptions } from './ingress.ts';

export async function ingressOn(
  address: RedisAddress,
  limits: Omit<IngressOptions['config'], 'port' | 'host'> = {},
) {
  let log = '';
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      log += chunk.toString();
      done();
    },
  });
  const signer = createChannelSigner([{ id: 'k1', key: randomBytes(32) }]);
  const producer = createProducer({ ...address, onError: () => undefined });
  // Answers are judged from here on, not the start.
  await eventually(() => producer.ready());
  const metrics = createMetrics();
  const clock = new ManualClock();
  const ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1', ...limits },
    producer,
    signer,
    logger: createLogger({ service: 'ingress', level: 'debug', destination }),
    metrics,
    clock,
  });
  const watchId = newId();
  return {
    url: ingress.url,
    port: ingress.port,
    ingress,
    watchId,
    clock,
    signer,
    log: () => log,
    headers: (changes: Record<string, string | undefined> = {}): Record<string, string> => {
      const all: Record<string, string | undefined> = {
        'X-Goog-Channel-ID': watchId,
        'X-Goog-Channel-Token': signer.sign(watchId).token,
        'X-Goog-Resource-State': 'exists',
        'X-Goog-Resource-ID': 'resource-1',
        'X-Goog-Resource-URI': 'https://www.googleapis.com/calendar/v3/calendars/x/events?alt=json',
        'X-Goog-Message-Number': '7',
        ...changes,
      };
      return Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
    },
    notify: (headers: Record<string, string>, init: RequestInit = {}) =>
      fetch(`${ingress.url}${googlePath}`, { method: 'POST', ...init, headers }),
    /** An item of Graph as it really looks, of a watch of its own unless one is named. */
    item: (changes: Record<string, unknown> = {}, itsWatch: string = newId()): Record<string, unknown> => ({
      subscriptionId: '7f105c7d-2dc5-4530-97cd-4e7ae6534c07',
      subscriptionExpirationDateTime: '2026-11-27T10:23:45.9356913-08:00',
      changeType: 'updated',
      resource: 'Users/ddfcd489-628b-40d7-b48b-57002df800e5/Events/AAMkADIwM',
      resourceData: {
        '@odata.type': '#Microsoft.Graph.Event',
        '@odata.id': 'Users/ddfcd489-628b-40d7-b48b-57002df800e5/Events/AAMkADIwM',
        '@odata.etag': 'W/"DwAAABYAAADqhY"',
        id: 'AAMkADIwM',
      },
      clientState: signer.signClientState(itsWatch).token,
      tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
      ...changes,
    }),
    /** `body`: text as it is, anything else as JSON. */
    post: (body: unknown, { query = '', ...init }: RequestInit & { query?: string } = {}) =>
      fetch(`${ingress.url}${microsoftPath}${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
      }),
    close: async () => {
      await ingress.close({ timeoutMs: 500 });
      await producer.close();
    },
  };
}

export type House = Awaited<ReturnType<typeof ingressOn>>;

/** Each test has a Redis of its own, and an ingress on it. @param open is handed both before the test begins */
export function useIngress(
  open: (opened: { redis: TestRedis; house: House }) => void,
  limits?: Parameters<typeof ingressOn>[1],
): void {
  let redis: TestRedis;
  let house: House;
  beforeEach(async () => {
    redis = await createTestRedis();
    house = await ingressOn({ redisUrl: redis.url, prefix: redis.prefix }, limits);
    open({ redis, house });
  });
  afterEach(async () => {
    await house.close();
    await redis.clear();
  });
}
