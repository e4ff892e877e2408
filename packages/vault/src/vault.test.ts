import { randomBytes } from 'node:crypto';
import { createVault, VaultError } from './index.ts';

const key = (id: string) => ({ id, key: randomBytes(32) });
const oldKey = key('k1');
const vault = createVault([oldKey]);
const accountId = 'account-1';
const dataKey = vault.newDataKey(accountId);
const sealed = vault.seal({ accountId, dataKey, field: 'refresh_token', plaintext: 'grüße 1//secret' });

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof VaultError) return error.reason;
    throw error;
  }
  return 'opened';
}

test('what was sealed opens, and does not show', () => {
  expect(vault.open({ accountId, dataKey, field: 'refresh_token', sealed })).toBe('grüße 1//secret');
  expect(sealed.includes('secret')).toBe(false);
});

/** `NONCES=1000000` by night. */
const nonces = Number(process.env['NONCES'] ?? 20_000);

test(`${nonces} seals of the same text under one data key have ${nonces} nonces, and none is like another`, () => {
  const seen = new Set<string>();
  const texts = new Set<string>();
  for (let n = 0; n < nonces; n += 1) {
    const one = vault.seal({ accountId, dataKey, field: 'f', plaintext: 'x' });
    // Behind version, length and key id: 96 bits. In a million random ones two meet once in 10^17 times.
    const at = 2 + (one[1] ?? 0);
    seen.add(one.toString('latin1', at, at + 12));
    texts.add(one.toString('latin1', at + 12));
  }
  expect([seen.size, texts.size]).toEqual([nonces, nonces]);
});

test('data keys are sealed under nonces of their own, too', () => {
  const keys = Array.from({ length: 2_000 }, () => vault.newDataKey(accountId));
  const nonceOf = (one: Buffer) => one.toString('latin1', 2 + (one[1] ?? 0), 14 + (one[1] ?? 0));
  expect(new Set(keys.map(nonceOf)).size).toBe(2_000);
});

test('a value moved to another account or field does not open', () => {
  const other = vault.newDataKey('account-2');
  for (const moved of [
    { accountId: 'account-2', dataKey: other, field: 'refresh_token' },
    { accountId: 'account-2', dataKey, field: 'refresh_token' },
    { accountId, dataKey: other, field: 'refresh_token' },
    { accountId, dataKey, field: 'access_token' },
  ]) {
    expect(reasonOf(() => vault.open({ ...moved, sealed }))).toBe('does_not_open');
  }
});

test('any flipped bit and any cut is noticed', () => {
  for (let at = 0; at < sealed.length; at++) {
    const flipped = Buffer.from(sealed);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const open = () => vault.open({ accountId, dataKey, field: 'refresh_token', sealed: flipped });
    expect(reasonOf(open)).toBe('does_not_open');
    const cut = () =>
      vault.open({ accountId, dataKey, field: 'refresh_token', sealed: sealed.subarray(0, at) });
    expect(reasonOf(cut)).toBe('does_not_open');
  }
});

test('a flipped bit in a data key is noticed', () => {
  for (let at = 0; at < dataKey.length; at++) {
    const flipped = Buffer.from(dataKey);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect(
      reasonOf(() => vault.open({ accountId, dataKey: flipped, field: 'refresh_token', sealed })),
    ).not.toBe('opened');
  }
});

test('rotation: the old key opens, the new one seals, then the old one can go', () => {
  const newKey = key('k2');
  const both = createVault([newKey, oldKey]);
  const renewed = both.resealDataKey(accountId, dataKey);
  expect(both.keyIdOf(dataKey)).toBe('k1');
  expect(both.keyIdOf(renewed)).toBe('k2');
  const later = createVault([newKey]);
  expect(later.open({ accountId, dataKey: renewed, field: 'refresh_token', sealed })).toBe('grüße 1//secret');
  expect(reasonOf(() => later.open({ accountId, dataKey, field: 'refresh_token', sealed }))).toBe(
    'unknown_key',
  );
});

test('a missing key is named', () => {
  expect(() => createVault([key('other')]).resealDataKey(accountId, dataKey)).toThrow(/"k1"/);
});
