/** Senders that mean harm: too much, too slowly, over the wrong protocol, under a false name. */
import { connect } from 'node:net';
import { newId } from '@calfleet/domain';
import { createTestRedis, type TestRedis } from '@calfleet/testkit';
import { googlePath, microsoftPath } from './application.ts';
import { ingressOn } from './ingress.fixture.ts';

let redis: TestRedis;
let house: Awaited<ReturnType<typeof ingressOn>>;
beforeEach(async () => {
  redis = await createTestRedis();
  house = await ingressOn(
    { redisUrl: redis.url, prefix: redis.prefix },
    {
      patience: { headersMs: 200, requestMs: 400, stalledMs: 60_000, checkEveryMs: 50 },
      channelCap: { perWindow: 3, windowMs: 10_000, sourcesMax: 100 },
    },
  );
});
afterEach(async () => {
  await house.close();
  await redis.clear();
});

/** Sends the pieces, then the last one again and again until it is cut off. @returns what was heard */
const dribble = (...pieces: string[]): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(house.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', () => undefined);
    for (const piece of pieces) socket.write(piece);
    const timer = setInterval(() => socket.write(pieces.at(-1) ?? ''), 20);
    socket.once('close', () => {
      clearInterval(timer);
      resolve(heard);
    });
  });

test.each([
  ['headers', `POST ${googlePath} HTTP/1.1\r\nHost: x\r\n`, 'X-A: b\r\n'],
  ['a body of Microsoft', `POST ${microsoftPath} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n`, '{'],
  ['a body that nobody reads', `GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n`, '{'],
])('slow %s: cut off, and notifications are taken meanwhile', async (_name, begin, piece) => {
  const slow = Promise.all(Array.from({ length: 30 }, () => dribble(begin, piece)));
  expect((await house.notify(house.headers())).status).toBe(200);
  for (const heard of await slow) expect(heard).toMatch(/^(HTTP\/1\.1 (408|503|200) |$)/);
});

test.each([googlePath, microsoftPath])('10 MB to %s are 413 before they are sent', async (path) => {
  const heard = await new Promise<string>((resolve) => {
    const socket = connect(house.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('close', () => resolve(text));
    const head = Object.entries(house.headers()).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${head.join('')}Content-Length: 10485760\r\n\r\n`);
  });
  expect(heard).toMatch(/^HTTP\/1\.1 413 [^]*"code":"too_large"/);
  expect(heard).toMatch(/\r\nconnection: close\r\n/i);
});

test('a channel over its cap is told to come again, and no other is', async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 5; n += 1) statuses.push((await house.notify(house.headers())).status);
  expect(statuses).toEqual([200, 200, 200, 503, 503]);
  const other = house.item();
  expect((await house.post({ value: [other] })).status).toBe(202);
  // A batch comes again as a whole: nothing of it is lost.
  const full = await house.post({ value: [house.item(), house.item({}, house.watchId)] });
  expect([full.status, ((await full.json()) as { code: string }).code]).toEqual([503, 'rate_limited']);
  house.clock.advance(10_000);
  expect((await house.notify(house.headers())).status).toBe(200);
});

test('what is not signed does not count for a channel', async () => {
  const forged = house.headers({ 'X-Goog-Channel-Token': `v1.k1.${'Z'.repeat(43)}` });
  for (let n = 0; n < 10; n += 1) expect((await house.notify(forged)).status).toBe(401);
  expect((await house.notify(house.headers())).status).toBe(200);
});

test('a channel that was stopped, or never was, is answered as one that lives', async () => {
  const answerTo = async (watchId: string) => {
    const headers = house.headers({
      'X-Goog-Channel-ID': watchId,
      'X-Goog-Channel-Token': house.signer.sign(watchId).token,
    });
    const response = await house.notify({ ...headers, 'x-request-id': 'same' });
    const said = [...response.headers].filter(([name]) => name !== 'date');
    return { status: response.status, said, body: await response.text() };
  };
  const living = await answerTo(house.watchId);
  expect(living.status).toBe(200);
  // Nothing is looked up here, so nothing can be told.
  expect(await answerTo(newId())).toEqual(living);
});

test('plain http is answered as such: nobody is sent on to https', async () => {
  const claims = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example', forwarded: 'proto=http' };
  for (const path of ['/', '/healthz', googlePath, '//evil.example/x']) {
    const response = await fetch(house.url + path, { headers: claims, redirect: 'manual' });
    expect([response.headers.get('location'), Math.floor(response.status / 100) === 3]).toEqual([
      null,
      false,
    ]);
  }
  const hello = await dribble(Buffer.from('16030100050100000100', 'hex').toString('latin1'), '\r\n\r\n');
  expect(hello).toMatch(/^HTTP\/1\.1 400 /);
});

test('every answer keeps its type, names no software and sets no cookie', async () => {
  for (const response of [
    await fetch(`${house.url}/healthz`),
    await fetch(`${house.url}/metrics`),
    await fetch(`${house.url}/nothing`),
    await house.notify(house.headers()),
    await house.notify({}),
    await house.post('', { query: '?validationToken=%3Cscript%3E' }),
  ]) {
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect([response.headers.get('x-powered-by'), response.headers.get('server')]).toEqual([null, null]);
    expect(response.headers.getSetCookie()).toEqual([]);
  }
});
