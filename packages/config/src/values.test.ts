import { randomBytes } from 'node:crypto';
import { keyRing, listOf, longSecret, schedule } from './values.ts';

const fresh = () => randomBytes(32).toString('base64');
const good = fresh();
const half = randomBytes(16);

test('the first key of a ring stays first', () => {
  const keys = keyRing().parse(`b:${fresh()}, a:${good}`);
  expect(keys.map(({ id }) => id)).toEqual(['b', 'a']);
  expect(keys[1]?.key.toString('base64')).toBe(good);
});

test.each([
  ['no id', good],
  ['an empty id', `:${good}`],
  ['a long id', `${'x'.repeat(17)}:${good}`],
  ['31 bytes', `k:${randomBytes(31).toString('base64')}`],
  ['33 bytes', `k:${randomBytes(33).toString('base64')}`],
  ['all zero', `k:${Buffer.alloc(32).toString('base64')}`],
  ['one byte repeated', `k:${Buffer.alloc(32, 7).toString('base64')}`],
  ['a repeated word', `k:${Buffer.alloc(32, 'secret').toString('base64')}`],
  ['a counted sample', `k:${Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64')}`],
  ['the same half twice', `k:${Buffer.concat([half, half]).toString('base64')}`],
  ['words in base64', 'k:PleaseChangeMe0ThisIsTheKeyOfTheReadme0k1+/='],
  ['the sample of the manual', 'k1:…'],
  ['no key', 'k1:'],
  ['readable text', `k:${Buffer.from('change-me-please-0123456789abcde').toString('base64')}`],
  ['an id twice', `k:${good},k:${fresh()}`],
  ['a key twice', `k:${good},l:${good}`],
  ['a trailing comma', `k:${good},`],
])('a ring with %s is refused', (_, text) => {
  expect(keyRing().safeParse(text).success).toBe(false);
});

test.each([
  ['every 30s', { everyMs: 30_000 }],
  ['every 20m', { everyMs: 1_200_000 }],
  ['every 2h', { everyMs: 7_200_000 }],
  ['0 3 * * *', { cron: '0 3 * * *' }],
  ['*/15 8-17 * * mon-fri', { cron: '*/15 8-17 * * mon-fri' }],
])('"%s" is a schedule', (text, expected) => {
  expect(schedule().parse(text)).toEqual(expected);
});

test.each(['every 0s', 'every 5 minutes', 'every 999999h', '30s', '* * *', 'rm -rf / now please'])(
  '"%s" is no schedule',
  (text) => {
    expect(schedule().safeParse(text).success).toBe(false);
  },
);

test('a secret is long and not one letter', () => {
  expect(longSecret().safeParse('a'.repeat(40)).success).toBe(false);
  expect(longSecret().safeParse('short').success).toBe(false);
  expect(longSecret().safeParse('please-change-me-before-production').success).toBe(false);
  expect(longSecret().safeParse('my-Example-admin-key-0123456789-abc').success).toBe(false);
  expect(longSecret().safeParse(randomBytes(24).toString('base64url')).success).toBe(true);
});

test('a list is all of it or known names', () => {
  const list = listOf('pull', 'push');
  expect(list.parse('all')).toEqual(['pull', 'push']);
  expect(list.parse('push, pull')).toEqual(['pull', 'push']);
  expect(list.safeParse('pull,').success).toBe(false);
});
