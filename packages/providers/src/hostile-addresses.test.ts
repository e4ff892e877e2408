/** A bearer token goes along with every request, so none leaves for anywhere but the configured root, whatever a provider answers. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@calfleet/domain';
import { hostileAddresses } from '@calfleet/testkit';
import { createGoogleProvider } from './google/provider.ts';
import { urlOf } from './microsoft/call.ts';
import { createMicrosoftProvider } from './microsoft/provider.ts';

const rootUrl = 'https://graph.microsoft.com/v1.0';
const calls = { rootUrl, timeoutMs: 1_000, clock: systemClock };

test('the table is as long as it should be', () => {
  expect(new Set(hostileAddresses(rootUrl)).size).toBeGreaterThan(60);
});

test.each(hostileAddresses(rootUrl).map((link) => [link]))('a link of Graph to %j leads nowhere', (link) => {
  // A slash in front says that it is a path: of the root, and of nothing else.
  if (link.startsWith('/'))
    return expect(new URL(urlOf(calls, link)).origin).toBe('https://graph.microsoft.com');
  expect(() => urlOf(calls, link)).toThrow(/a link leads to/);
});

test.each([
  `${rootUrl}/me/events?$skiptoken=a%2Fb`,
  'https://GRAPH.microsoft.com:443/v1.0/me',
  '/me/calendars',
])('its own %s is followed', (link) => {
  expect(urlOf(calls, link)).toMatch(/^https:\/\/graph\.microsoft\.com\/v1\.0\/me/);
});

async function serve(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.each([301, 302, 303, 307, 308])('a redirect by %i', (status) => {
  const session = { accountId: 'account', accessToken: async () => 'secret-token' };
  const request = {
    providerCalendarId: 'c',
    cursor: null,
    pageCursor: null,
    pageSize: 10,
    calendarTimeZone: null,
    window: { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' },
  };

  test.each(['google', 'microsoft'] as const)(
    'of %s is not followed, and no token goes along',
    async (name) => {
      const seen: (string | undefined)[] = [];
      const metadata = await serve((asked, response) => {
        seen.push(asked.headers.authorization);
        response.end('{"items":[],"nextSyncToken":"x"}');
      });
      const moved = await serve((_asked, response) =>
        response.writeHead(status, { location: `${metadata.url}/latest/meta-data/` }).end(),
      );
      const options = { rootUrl: `${moved.url}/v1.0`, timeoutMs: 5_000, clock: systemClock };
      const provider =
        name === 'google'
          ? createGoogleProvider({ ...options, rootUrl: `${moved.url}/` })
          : createMicrosoftProvider(options);
      try {
        await expect(provider.listChanges(session, request)).rejects.toMatchObject({
          code: 'provider_unavailable',
        });
        expect(seen).toEqual([]);
      } finally {
        await Promise.all([moved.close(), metadata.close()]);
      }
    },
  );
});
