/**
 * Notifications as chance draws them from the document, valid, nearly valid and hostile, to both webhooks. Each answer is as
 * the document says; nothing of the inside is shown, nothing hangs, and nothing is stored but what was accepted.
 */
import { request as httpRequest } from 'node:http';
import { createQueueMonitor, type QueueMonitor } from '@calfleet/jobs';
import { createTestRedis, type TestRedis } from '@calfleet/testkit';
import fc from 'fast-check';
import { createAnswerCheck, documentOfRoutes } from '../../api/src/testing/answer-check.ts';
import { hostileBody, hostileText, nearlyValidFor, validFor } from '../../api/src/testing/drawn.ts';
import { bodyOf, parametersOf } from '../../api/src/testing/samples.ts';
import { googlePath, microsoftPath } from './application.ts';
import { ingressOn } from './ingress.fixture.ts';

/** 2,000 on every run; the nightly one sets 50,000. */
const runs = Number(process.env['FUZZ_REQUESTS'] ?? 2000);
const hangsAfterMs = 60_000;

const document = documentOfRoutes();
const check = createAnswerCheck('ingress', document);
const insides = /\bat .+\.[jt]s:\d+|node_modules|bullmq|ioredis|HMAC/i;

let redis: TestRedis;
let monitor: QueueMonitor;
let house: Awaited<ReturnType<typeof ingressOn>>;
beforeAll(async () => {
  redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix };
  house = await ingressOn(address);
  monitor = createQueueMonitor({ ...address, onError: () => undefined });
});
afterAll(async () => {
  await Promise.all([house.close(), monitor.close()]);
  await redis.clear();
});

interface Shot {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** Jobs that it may leave. */
  items: number;
}

const operationAt = (path: string) => {
  const operation = document.paths[path]?.post;
  if (!operation) throw new Error(`${path} is not described.`);
  return operation;
};

/** What a header can carry; Node refuses to send the rest. */
const sendable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '').trim();

function googleShot(): fc.Arbitrary<Shot> {
  const parameters = parametersOf(document, operationAt(googlePath)).map(({ name, schema }) =>
    fc
      .oneof(
        // As the fixture signs it: most of what is drawn must get past the token.
        { weight: 8, arbitrary: fc.constant('as signed') },
        { weight: 2, arbitrary: validFor(document, schema).map(String) },
        { weight: 1, arbitrary: hostileText },
        { weight: 1, arbitrary: fc.constant(null) },
      )
      .map((value) => [name, value] as const),
  );
  return fc
    .record({ drawn: fc.tuple(...parameters), body: fc.option(hostileBody, { nil: undefined, freq: 1 }) })
    .map(({ drawn, body }) => {
      const changes = drawn.filter(([, value]) => value !== 'as signed');
      const signed = house.headers(
        Object.fromEntries(
          changes.map(([name, value]) => [name, value === null ? undefined : sendable(value)]),
        ),
      );
      return { path: googlePath, headers: signed, body, items: 1 };
    });
}

function microsoftShot(): fc.Arbitrary<Shot> {
  const schema = bodyOf(operationAt(microsoftPath));
  if (!schema) throw new Error('It has no body.');
  const good = fc
    .tuple(
      fc.integer({ min: 0, max: 20 }),
      fc.dictionary(
        fc.constantFrom('clientState', 'changeType', 'lifecycleEvent', 'subscriptionId'),
        fc.jsonValue(),
        { maxKeys: 1 },
      ),
    )
    .map(([count, changes]) => ({
      value: Array.from({ length: count }, (_none, n) => house.item(n % 3 === 2 ? changes : {})),
    }));
  const body = fc.oneof(
    { weight: 4, arbitrary: good.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: validFor(document, schema).map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: nearlyValidFor(document, schema).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: hostileBody },
    { weight: 1, arbitrary: fc.constant('x'.repeat(300_000)) },
  );
  const query = fc.oneof(
    { weight: 8, arbitrary: fc.constant('') },
    {
      weight: 2,
      arbitrary: fc
        .oneof(hostileText, fc.constantFrom('x'.repeat(5000), '<script>alert(1)</script>'))
        .map((token) => `?validationToken=${encodeURIComponent(token.toWellFormed())}`),
    },
    { weight: 1, arbitrary: hostileText.map((text) => `?${encodeURIComponent(text.toWellFormed())}`) },
  );
  const type = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain', 'x');
  return fc.record({ body, query, type }).map(({ query: search, type: contentType, body: text }) => ({
    path: microsoftPath + search,
    headers: { 'content-type': contentType },
    body: text,
    items: 20,
  }));
}

function fire({ path, headers, body }: Shot): Promise<{ status: number; type: string; text: string }> {
  const payload = body?.toWellFormed();
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: house.port,
        method: 'POST',
        path,
        timeout: hangsAfterMs,
        headers: { ...headers, 'content-length': Buffer.byteLength(payload ?? '') },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${path} hangs.`)));
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

const jobs = async (): Promise<number> => {
  const readings = await monitor.read(house.clock.now());
  return readings.reduce(
    (sum, { jobs: counts }) => sum + Object.values(counts).reduce((a, b) => a + b, 0),
    0,
  );
};

test(`${runs} notifications: each answer is as documented, nothing of the inside is shown, nothing hangs or grows`, async () => {
  const statuses = new Map<string, number>();
  let mayBeStored = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(googleShot(), microsoftShot()), async (each) => {
      const reply = await fire(each);
      check({ method: 'POST', path: each.path, ...reply });
      const isHandshake = reply.type.startsWith('text/plain');
      if (!isHandshake) expect(reply.text).not.toMatch(insides);
      const provider = each.path === googlePath ? 'google' : 'microsoft';
      statuses.set(`${provider} ${reply.status}`, (statuses.get(`${provider} ${reply.status}`) ?? 0) + 1);
      // Of a batch with a channel of an unknown key the others are stored.
      if (!isHandshake && (reply.status < 300 || reply.status === 503)) mayBeStored += each.items;
    }),
    { numRuns: runs, endOnFailure: true },
  );
  expect(await jobs()).toBeLessThanOrEqual(mayBeStored);
  expect([...statuses.keys()]).toEqual(
    expect.arrayContaining([
      'google 200',
      'google 400',
      'google 401',
      'microsoft 200',
      'microsoft 202',
      'microsoft 400',
      'microsoft 413',
    ]),
  );
}, 3_600_000);
