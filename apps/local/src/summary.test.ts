import { execFileSync } from 'node:child_process';
import { curlEvents, mirrorSummary } from './summary.ts';

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

test('the figures of the first mirror', () => {
  const counts = { calendars: 7, events: 4140, occurrences: 5000 };
  expect(mirrorSummary({ counts, tookMs: 2000, providerCalls: 26 })).toBe(
    'Mirrored 7 calendars: 4,140 events, 5,000 occurrences in 2.0 s (2,070 events/s, 26 provider calls)',
  );
});
