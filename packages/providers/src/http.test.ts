import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SyncError } from '@calfleet/domain';
import { parseJson, retryAfterMs, send } from './http.ts';

const now = new Date('2026-11-20T12:00:00Z');

describe('retryAfterMs', () => {
  it.each([
    ['17', 17_000],
    ['0', 0],
    ['0.5', 500],
    ['Fri, 20 Nov 2026 12:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['99999999', 86_400_000],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('reads %p as %p', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});

describe('send', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/silent') return;
      if (request.url === '/cut') request.socket.destroy();
      else if (request.url === '/moved') response.writeHead(302, { location: '/secret' }).end();
      else response.end('x'.repeat(2000));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const get = (path: string, limits: { timeoutMs?: number; bytesMax?: number } = {}) =>
    send({ method: 'GET', url: url + path, timeoutMs: 5_000, bytesMax: 10_000, ...limits });

  it('gives status and text', async () => {
    const { status, text } = await get('/');
    expect([status, text.length]).toEqual([200, 2000]);
  });

  it('does not follow redirects', async () => {
    expect((await get('/moved')).status).toBe(302);
  });

  it.each([
    ['/cut', {}],
    ['/silent', { timeoutMs: 50 }],
    ['/', { bytesMax: 1_999 }],
  ])('says provider_unavailable for %s %j, without the path', async (path, limits) => {
    const error = (await get(path, limits).catch((thrown: unknown) => thrown)) as SyncError;
    expect(error.code).toBe('provider_unavailable');
    expect(JSON.stringify([error.message, error.context])).not.toMatch(/cut|silent/);
  });
});

it('parseJson gives undefined for what is no JSON', () => {
  expect([parseJson('{"a":1}'), parseJson('{"a":'), parseJson('<html>')]).toEqual([
    { a: 1 },
    undefined,
    undefined,
  ]);
});
