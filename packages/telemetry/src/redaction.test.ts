import fc from 'fast-check';
import { redact, redactText } from './redaction.ts';

const secrets = [
  'ya29.a0AfH6SMBx-y_z.1234',
  '1//0gLongRefreshToken-abc_DEF',
  'Bearer abc.def-ghi',
  'v1.k1.0123456789abcdefghijABCDEFGHIJ_-0123456789a',
  'v1.k1.6f9619ff-8b86-4d01-b42d-00cf4fc964ff.0123456789abcdefghijABCDEF',
  'demo-refresh-7c1a',
  'eyJhbGciOi.eyJzdWIi.sig-nature',
  'GOCSPX-abcdef',
  'cf_0123456789abcdef_0123456789-0123456789_0123456789abcdefghijk',
];

test.each(secrets)('%s does not survive in any text', (secret) => {
  const hiddenPart = secret.replace(/^Bearer /, '');
  for (const around of ['', 'error: ', '{"a":"', 'GET https://x.test/?t=']) {
    expect(redactText(`${around}${secret}" and more`)).not.toContain(hiddenPart);
  }
});

test('credentials in forms and connection strings go', () => {
  const text = redactText('grant_type=x&refresh_token=abc123&client_secret=zzz9 at postgres://app:pw9@h/db');
  expect(text).not.toMatch(/abc123|zzz9|pw9/);
  expect(text).toContain('@h/db');
});

test('keys that name secrets or the words of a user hide their values', () => {
  const safe = redact({
    refresh_token: 'a',
    'X-Goog-Channel-Token': 'b',
    headers: { Authorization: 'c', 'content-type': 'text/plain' },
    event: { summary: 'd', attendees: [{ email: 'e@x.test' }], id: 'kept' },
    sync_token: null,
  });
  expect(safe).toEqual({
    refresh_token: '[redacted]',
    'X-Goog-Channel-Token': '[redacted]',
    headers: { Authorization: '[redacted]', 'content-type': 'text/plain' },
    event: { summary: '[redacted]', attendees: '[redacted]', id: 'kept' },
    sync_token: null,
  });
});

test('an error keeps its story and loses its baggage', () => {
  const cause = Object.assign(new Error('refused with ya29.secret-part'), {
    status: 401,
    config: { headers: { plain: 'hidden-baggage' } },
  });
  const text = JSON.stringify(redact(new Error('could not list', { cause })));
  expect(text).toContain('could not list');
  expect(text).toContain('401');
  expect(text).not.toMatch(/secret-part|hidden-baggage/);
});

test('no secret survives at any place of any value', () => {
  const secret = 'ya29.planted-secret';
  fc.assert(
    fc.property(fc.anything(), fc.string(), (noise, key) => {
      const text = JSON.stringify(redact({ noise, [key]: [`x ${secret} y`, { [secret]: 1 }] }));
      return !text.replaceAll(`"${secret}":`, '').includes('planted-secret');
    }),
    { numRuns: 200 },
  );
});

test('what is endless ends', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  expect(JSON.stringify(redact(loop))).toContain('[deeper]');
  expect(redactText('x'.repeat(100_000)).length).toBeLessThan(5000);
});
