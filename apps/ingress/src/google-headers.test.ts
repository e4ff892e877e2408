import fc from 'fast-check';
import { readGoogleHeaders } from './google-headers.ts';

const watchId = '0198a8a0-0000-7000-8000-000000000001';
const good = {
  'x-goog-channel-id': watchId,
  'x-goog-channel-token': 'v1.k1.x',
  'x-goog-resource-state': 'exists',
  'x-goog-resource-id': 'ret08u3rv24htgh289g',
  'x-goog-message-number': '165139',
  'x-goog-channel-expiration': 'Tue, 19 Nov 2013 01:13:52 GMT',
};

test('a notification is its headers', () => {
  expect(readGoogleHeaders(good)).toEqual({
    notification: {
      watchId,
      token: 'v1.k1.x',
      event: 'change',
      resourceId: 'ret08u3rv24htgh289g',
      expiresAt: '2013-11-19T01:13:52.000Z',
    },
  });
});

test.each([
  ['sync', 'sync'],
  ['exists', 'change'],
  ['not_exists', 'not_exists'],
])('the state %s is the event %s', (state, event) => {
  expect(readGoogleHeaders({ ...good, 'x-goog-resource-state': state })).toMatchObject({
    notification: { event },
  });
});

test('a channel may have no expiry, and a missing token is not a shape problem', () => {
  const { 'x-goog-channel-expiration': _, 'x-goog-channel-token': __, ...rest } = good;
  expect(readGoogleHeaders(rest)).toMatchObject({ notification: { expiresAt: null, token: undefined } });
});

test.each(['Tue, 9 Nov 2027 01:13:52 GMT', 'Sun, 29 Feb 2032 23:59:59 GMT'])('%s is a date', (date) => {
  const read = readGoogleHeaders({ ...good, 'x-goog-channel-expiration': date });
  expect(read).toMatchObject({ notification: { expiresAt: new Date(date).toISOString() } });
});

test.each([
  ['1384823632000', 'milliseconds, as in the answer of watch'],
  ['2013-11-19T01:13:52Z', 'ISO'],
  ['Tue, 31 Feb 2026 00:00:00 GMT', 'no such day'],
  ['Tue, 19 Nov 2013 25:13:52 GMT', 'no such hour'],
  ['Tue, 19 Nov 2013 01:13:52 +0100', 'another zone'],
  ['', 'empty'],
])('the expiry %p is refused: %s', (date) => {
  expect(readGoogleHeaders({ ...good, 'x-goog-channel-expiration': date })).toEqual({
    problems: [{ path: 'X-Goog-Channel-Expiration', message: 'is not an RFC 1123 date' }],
  });
});

test('every problem is named at once', () => {
  const read = readGoogleHeaders({});
  expect('problems' in read && read.problems.map(({ path }) => path)).toEqual([
    'X-Goog-Channel-ID',
    'X-Goog-Resource-State',
    'X-Goog-Resource-ID',
    'X-Goog-Message-Number',
  ]);
});

test('nothing that can be sent makes it throw, and nothing but the three states passes', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(good)), fc.string()), (noise) => {
      const read = readGoogleHeaders({ ...good, ...noise });
      const state = noise['x-goog-resource-state'] ?? 'exists';
      return 'problems' in read || ['sync', 'exists', 'not_exists'].includes(state);
    }),
    { numRuns: 300 },
  );
});
