import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createChannelSigner } from './index.ts';

const k1 = { id: 'k1', key: randomBytes(32) };
const k2 = { id: 'k2', key: randomBytes(32) };
const watch = '0198a8a0-0000-7000-8000-000000000001';
const otherWatch = '0198a8a0-0000-7000-8000-000000000002';
const signer = createChannelSigner([k1]);
const { token } = signer.sign(watch);

test('a token proves its own watch and no other', () => {
  expect(token).toMatch(/^v1\.k1\.[\w-]{43}$/);
  expect(signer.verify(watch, token)).toBe('ok');
  expect(signer.verify(otherWatch, token)).toBe('wrong');
  expect(signer.verify(watch.toUpperCase(), token)).toBe('wrong');
});

test('the first key signs, all verify, a missing one is the operator’s mistake', () => {
  const rotated = createChannelSigner([k2, k1]);
  expect(rotated.sign(watch).keyId).toBe('k2');
  expect(rotated.signingKeyId).toBe('k2');
  expect(rotated.verify(watch, token)).toBe('ok');
  expect(createChannelSigner([k2]).verify(watch, token)).toBe('unknown_key');
});

test('a key id does not vouch for another key', () => {
  expect(createChannelSigner([k2, k1]).verify(watch, token.replace('.k1.', '.k2.'))).toBe('wrong');
});

test.each([
  undefined,
  '',
  'v1',
  'v1.k1.',
  `v2${token.slice(2)}`,
  `${token} `,
  `${token}x`,
  token.slice(0, -1),
  ` ${token}`,
])('a token like %p is wrong', (bad) => {
  expect(signer.verify(watch, bad)).toBe('wrong');
});

test('every changed character is noticed', () => {
  for (let at = 'v1.k1.'.length; at < token.length; at++) {
    const swapped = token[at] === 'A' ? 'B' : 'A';
    expect(signer.verify(watch, token.slice(0, at) + swapped + token.slice(at + 1))).toBe('wrong');
  }
});

test('no text is accepted, and none throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => signer.verify(watch, text) === 'wrong'));
});

describe('a client state', () => {
  const { token: clientState, keyId } = signer.signClientState(watch);
  const swap = (text: string, at: number): string =>
    text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);

  test('carries its watch and proves it, within what Graph allows', () => {
    expect(keyId).toBe('k1');
    expect(clientState).toMatch(new RegExp(`^v1\\.k1\\.${watch}\\.[\\w-]{43}$`));
    expect(signer.verifyClientState(clientState)).toEqual({ verdict: 'ok', watchId: watch });
    const longest = createChannelSigner([{ id: 'k'.repeat(16), key: k1.key }]).signClientState(watch).token;
    expect(longest.length).toBeLessThanOrEqual(128);
  });

  test('of a rotated key is verified, of a removed one it is the operator’s mistake', () => {
    const rotated = createChannelSigner([k2, k1]);
    expect(rotated.signClientState(watch).keyId).toBe('k2');
    expect(rotated.verifyClientState(clientState)).toEqual({ verdict: 'ok', watchId: watch });
    expect(rotated.verifyClientState(clientState.replace('.k1.', '.k2.'))).toEqual({ verdict: 'wrong' });
    expect(createChannelSigner([k2]).verifyClientState(clientState)).toEqual({ verdict: 'unknown_key' });
  });

  test('of another watch is wrong, and so is a token in the form of the other provider', () => {
    const stolen = clientState.replace(watch, otherWatch);
    expect(signer.verifyClientState(stolen)).toEqual({ verdict: 'wrong' });
    expect(signer.verifyClientState(token)).toEqual({ verdict: 'wrong' });
    expect(signer.verify(watch, clientState)).toBe('wrong');
  });

  test.each([
    undefined,
    '',
    'v1',
    `v1.k1.${watch}.`,
    `v2${clientState.slice(2)}`,
    `${clientState} `,
    `${clientState}x`,
    ` ${clientState}`,
    clientState.slice(0, -1),
    clientState.replace(watch, watch.toUpperCase()),
    clientState.replace(watch, ''),
    clientState.replace(watch, 'my-watch'),
  ])('like %p is wrong', (bad) => {
    expect(signer.verifyClientState(bad)).toEqual({ verdict: 'wrong' });
  });

  test('has no character that may change', () => {
    for (let at = 0; at < clientState.length; at++) {
      const { verdict } = signer.verifyClientState(swap(clientState, at));
      expect([at, verdict === 'ok']).toEqual([at, false]);
    }
  });

  test('is proved by nothing that can be sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { verdict } = signer.verifyClientState(text);
        return verdict === 'wrong';
      }),
    );
  });
});
