import { execFileSync } from 'node:child_process';
import { addresses, curlEvents, howToConnect, mirrorSummary } from './summary.ts';

test('the curl line keeps its arguments through a shell, whatever the key holds', () => {
  const adminKey = `it's a "key" with $HOME \`and\` \\ more`;
  const now = new Date('2026-11-20T10:00:00Z');
  const line = curlEvents({ API_PORT: '4001' }, { adminKey, userId: 'ada', now });
  const script = `curl() { printf '%s\\n' "$@"; }\n${line}`;
  const [, , authorization, , user, url] = execFileSync('sh', ['-c', script]).toString().split('\n');
  expect(authorization).toBe(`Authorization: Bearer ${adminKey}`);
  expect(user).toBe('X-User-Id: ada');
  expect(Object.fromEntries(new URL(url ?? '').searchParams)).toEqual({
    start: '2026-11-20T10:00:00.000Z',
    end: '2026-11-27T10:00:00.000Z',
    limit: '5',
  });
});

test('the figures of the first mirror, for all and for each provider', () => {
  const counts = [
    { provider: 'google' as const, calendars: 7, events: 4140, occurrences: 5000 },
    { provider: 'microsoft' as const, calendars: 5, events: 60, occurrences: 1300 },
  ];
  expect(mirrorSummary({ counts, tookMs: 2000, providerCalls: 26 })).toEqual([
    'Mirrored 12 calendars: 4,200 events, 6,300 occurrences in 2.0 s (2,100 events/s, 26 provider calls)',
    '  Google    7 calendars, 4,140 events, 5,000 occurrences',
    '  Microsoft 5 calendars, 60 events, 1,300 occurrences',
  ]);
});

test('a real account is connected at whichever provider has a client', () => {
  const settings = { API_PORT: '4001', INGRESS_PORT: '4000', MICROSOFT_CLIENT_ID: 'id' };
  expect(howToConnect(settings, 'key').join('\n')).toMatch(/"provider":"microsoft"/);
  expect(howToConnect(settings, 'key').join('\n')).not.toMatch(/google/);
  expect(addresses(settings, 'key').filter((line) => line.includes('webhooks'))).toEqual([
    '  Webhooks  http://127.0.0.1:4000/integrations/calendar/webhooks/microsoft',
  ]);
});
