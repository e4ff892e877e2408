import { apiKeyIdOf, createApiKey, isApiKey } from './index.ts';

const key = createApiKey();

test('a key names its row, and its hash knows it', () => {
  expect(key.text).toMatch(/^cf_[0-9a-f]{16}_[\w-]{43}$/);
  expect(apiKeyIdOf(key.text)).toBe(key.id);
  expect(isApiKey(key.text, key.hash)).toBe(true);
  expect(key.hash.toString('latin1')).not.toContain(key.text);
});

test('ten thousand keys have ten thousand secrets', () => {
  const keys = Array.from({ length: 10_000 }, createApiKey);
  expect(new Set(keys.map(({ id }) => id)).size).toBe(keys.length);
  expect(new Set(keys.map(({ text }) => text.slice(20))).size).toBe(keys.length);
});

test('another secret under the same id, and a hash of another length, are wrong', () => {
  const forged = `cf_${key.id}_${createApiKey().text.slice(20)}`;
  expect(apiKeyIdOf(forged)).toBe(key.id);
  expect(isApiKey(forged, key.hash)).toBe(false);
  expect(isApiKey(key.text, key.hash.subarray(1))).toBe(false);
});

test.each([
  '',
  'cf_',
  'cf_admin_0123456789abcdefghijklmnop',
  key.text.toUpperCase(),
  key.text.slice(0, -1),
  `${key.text}x`,
  `${key.text}\n`,
  ` ${key.text}`,
])('%j is no key', (text) => {
  expect(apiKeyIdOf(text)).toBeNull();
});
