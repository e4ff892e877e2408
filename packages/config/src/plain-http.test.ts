/** Which addresses of a setting may do without TLS: loopback however it is written, hosts that were named, and nothing else. */
import { plainHttpProblems } from './plain-http.ts';

const named = { PLAIN_HTTP_HOSTS: ['sandbox'] };
const isAccepted = (address: string): boolean =>
  plainHttpProblems({ ...named, AUTH_JWKS_URL: address }).length === 0;

test.each([
  'http://127.0.0.1:4010/keys',
  'http://127.1/keys',
  'http://2130706433/keys',
  'http://0x7f000001/keys',
  'http://localhost/keys',
  'http://[::1]:80/keys',
  'http://sandbox:4010/keys',
  'https://sign-in.example/keys',
])('%s', (address) => expect(isAccepted(address)).toBe(true));

test.each([
  'http://sign-in.example/keys',
  'http://127.0.0.1.evil.example/keys',
  'http://localhost.evil.example/keys',
  'http://evil.example/localhost',
  'http://0.0.0.0/keys',
  'http://[::]/keys',
  'http://[::ffff:127.0.0.1]/keys',
  'http://10.0.0.1/keys',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/latest/meta-data/',
  'http://sandbox.evil.example/keys',
  'http://128.0.0.1/keys',
])('not %s', (address) => expect(isAccepted(address)).toBe(false));
