import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createJwtCheck, looksLikeJwt, type JwtRefusal } from './jwt.ts';
import { parseKeys } from './key-set.ts';

const secret = 'a-secret-of-more-than-thirty-two-characters';
const now = new Date('2026-11-20T12:00:00Z');
const seconds = now.getTime() / 1000;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const good = { sub: 'ada', exp: seconds + 300 };

function hs256(
  claims: unknown,
  { header = {}, key = secret }: { header?: object; key?: string | Buffer } = {},
) {
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}
function published(alg: 'RS256' | 'ES256', claims: unknown, key: KeyObject, header: object = {}) {
  const signed = `${part({ alg, ...header })}.${part(claims)}`;
  const by = alg === 'ES256' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : key;
  return `${signed}.${sign('sha256', Buffer.from(signed), by).toString('base64url')}`;
}

const keySet = {
  find: ({ alg }: { alg: string }) => Promise.resolve(alg === 'RS256' ? rsa.publicKey : ec.publicKey),
};
const open = { secret, issuer: null, audience: null };
const bySecret = createJwtCheck(open, null);
const byKeys = createJwtCheck({ ...open, secret: null }, keySet);
const refusal = async (token: string, check = bySecret): Promise<JwtRefusal | 'accepted'> => {
  const verdict = await check(token, now);
  return 'refused' in verdict ? verdict.refused : 'accepted';
};

test('a secret verifies HS256, published keys RS256 and ES256', async () => {
  expect(await bySecret(hs256(good), now)).toEqual({ userId: 'ada' });
  expect(await byKeys(published('RS256', good, rsa.privateKey), now)).toEqual({ userId: 'ada' });
  expect(await byKeys(published('ES256', good, ec.privateKey), now)).toEqual({ userId: 'ada' });
});

describe('the algorithm is not the caller’s choice', () => {
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  test.each([
    ['none, without a signature', `${part({ alg: 'none' })}.${part(good)}.`, 'algorithm'],
    ['None, with one', hs256(good, { header: { alg: 'None' } }), 'algorithm'],
    ['HS512', hs256(good, { header: { alg: 'HS512' } }), 'algorithm'],
    ['no name', hs256(good, { header: { alg: undefined } }), 'algorithm'],
    ['a list of names', hs256(good, { header: { alg: ['HS256'] } }), 'algorithm'],
    ['RS256 where there is a secret only', published('RS256', good, rsa.privateKey), 'algorithm'],
    ['a critical extension', hs256(good, { header: { crit: ['b64'], b64: false } }), 'algorithm'],
  ])('%s', async (_name, token, refused) => {
    expect(await refusal(token)).toBe(refused);
  });

  test('a public key is no secret: HS256 with it is refused, with and without a secret beside it', async () => {
    for (const key of [pem, rsa.publicKey.export({ type: 'spki', format: 'der' })]) {
      expect(await refusal(hs256(good, { key }), byKeys)).toBe('algorithm');
      expect(await refusal(hs256(good, { key }), createJwtCheck(open, keySet))).toBe('signature');
    }
  });

  test('a key of another kind', async () => {
    const swapped = published('RS256', good, rsa.privateKey).replace(
      part({ alg: 'RS256' }),
      part({ alg: 'ES256' }),
    );
    expect(await refusal(swapped, byKeys)).toBe('signature');
  });
});

describe('the signature', () => {
  const token = hs256(good);
  const [head = '', body = '', tail = ''] = token.split('.');
  test.each([
    ['another secret', hs256(good, { key: `${secret}x` }), 'signature'],
    ['another user', `${head}.${part({ ...good, sub: 'eve' })}.${tail}`, 'signature'],
    ['another header', `${part({ alg: 'HS256' })}.${body}.${tail}`, 'signature'],
    ['none', `${head}.${body}.`, 'signature'],
    [
      'shortened',
      `${head}.${body}.${Buffer.from(tail, 'base64url').subarray(1).toString('base64url')}`,
      'signature',
    ],
    ['not base64url', `${head}.${body}.${tail}=`, 'misshapen'],
    ['four parts', `${token}.${tail}`, 'misshapen'],
    ['two parts', `${head}.${body}`, 'misshapen'],
    ['no JSON', `${part('{')}.${body}.${tail}`, 'misshapen'],
    ['a list', hs256([good]), 'misshapen'],
    ['too long', hs256({ ...good, more: 'x'.repeat(8_192) }), 'misshapen'],
  ])('%s', async (_name, given, refused) => {
    expect(await refusal(given)).toBe(refused);
  });
});

describe('the claims', () => {
  test.each<[string, object, JwtRefusal | 'accepted']>([
    ['ended a minute ago', { exp: seconds - 60 }, 'expired'],
    ['ended less than a minute ago', { exp: seconds - 59 }, 'accepted'],
    ['without an end', { exp: undefined }, 'expired'],
    ['an end that is no number', { exp: '2030-01-01' }, 'expired'],
    ['not yet', { nbf: seconds + 61 }, 'not_yet'],
    ['almost', { nbf: seconds + 60 }, 'accepted'],
    ['a beginning that is no number', { nbf: 'now' }, 'not_yet'],
    ['nobody', { sub: undefined }, 'subject'],
    ['an empty name', { sub: '' }, 'subject'],
    ['a number', { sub: 7 }, 'subject'],
    ['a name with a line end', { sub: 'a\nb' }, 'subject'],
    ['half a character', { sub: '\ud800' }, 'subject'],
    ['a name that is too long', { sub: 'x'.repeat(256) }, 'subject'],
  ])('%s', async (_name, claims, outcome) => {
    expect(await refusal(hs256({ ...good, ...claims }))).toBe(outcome);
  });

  test.each<[string, object, JwtRefusal | 'accepted']>([
    ['both as wanted', { iss: 'us', aud: 'calendars' }, 'accepted'],
    ['one audience of several', { iss: 'us', aud: ['mail', 'calendars'] }, 'accepted'],
    ['another issuer', { iss: 'them', aud: 'calendars' }, 'issuer'],
    ['no issuer', { aud: 'calendars' }, 'issuer'],
    ['another audience', { iss: 'us', aud: 'calendar' }, 'audience'],
    ['no audience', { iss: 'us' }, 'audience'],
    ['audiences of another shape', { iss: 'us', aud: { calendars: true } }, 'audience'],
  ])('issuer and audience: %s', async (_name, claims, outcome) => {
    const check = createJwtCheck({ secret, issuer: 'us', audience: 'calendars' }, null);
    expect(await refusal(hs256({ ...good, ...claims }), check)).toBe(outcome);
  });
});

test('what is read as a token', () => {
  expect(looksLikeJwt(hs256(good))).toBe(true);
  expect(looksLikeJwt('cf_0123456789abcdef_xyz')).toBe(false);
  expect(looksLikeJwt('one.two')).toBe(false);
  expect(looksLikeJwt('one.two.three.four')).toBe(false);
});

describe('a published set of keys', () => {
  const jwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'r1' };
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  test('keys of the two kinds are taken, everything else is passed over', () => {
    const keys = [
      jwk,
      { ...ec.publicKey.export({ format: 'jwk' }), kid: 'e1', alg: 'ES256', use: 'sig' },
      { ...jwk, use: 'enc' },
      { ...jwk, alg: 'RS512' },
      { kty: 'oct', k: part(secret), kid: 'o1' },
      { ...jwk, n: 7 },
      weak,
      p384,
      null,
      'text',
    ];
    expect(parseKeys(JSON.stringify({ keys })).map(({ kid, alg }) => [kid, alg])).toEqual([
      ['r1', 'RS256'],
      ['e1', 'ES256'],
    ]);
  });
  test.each(['', '[]', '{}', '{"keys":{}}'])('%j is none', (text) => {
    expect(() => parseKeys(text)).toThrow();
  });
});
