/**
 * JSON Web Tokens of your own sign-in (RFC 7519), as far as they are needed to know a user. The algorithm is never taken
 * from the token alone: a secret verifies HS256 and nothing else, a published key verifies what its kind is for (RFC 8725,
 * 3.1). `none`, encrypted tokens and critical extensions are refused.
 */
import { createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import type { KeySet } from './key-set.ts';

export interface JwtSettings {
  /** Verifies HS256; null: no such token is accepted. */
  secret: string | null;
  /** Where the keys of RS256 and ES256 are published; null: no such token is accepted. */
  keySetUrl: string | null;
  /** null: any. */
  issuer: string | null;
  /** null: any. */
  audience: string | null;
}

export type PublishedAlgorithm = 'RS256' | 'ES256';

/** Why a token is not believed. Counted, and never told to whoever showed it. */
export type JwtRefusal =
  | 'misshapen'
  | 'algorithm'
  | 'unknown_key'
  | 'signature'
  | 'expired'
  | 'not_yet'
  | 'issuer'
  | 'audience'
  | 'subject';

export type JwtVerdict = { userId: string } | { refused: JwtRefusal };

/** Clocks of two houses differ. */
const toleranceSeconds = 60;
/** As a header may hold; a token that names a user needs a twentieth. */
const longest = 8_192;

export type VerifyJwt = (token: string, now: Date) => Promise<JwtVerdict>;

/** @returns a check that throws SyncError `provider_unavailable` when the keys cannot be had */
export function createJwtCheck(settings: Omit<JwtSettings, 'keySetUrl'>, keySet: KeySet | null): VerifyJwt {
  return async (token, now) => {
    const parts = readParts(token);
    if (!parts) return { refused: 'misshapen' };
    const { header, claims, signed, signature } = parts;
    const { alg, kid } = header;
    if ('crit' in header) return { refused: 'algorithm' };
    if (alg === 'HS256' && settings.secret !== null) {
      if (!isHmac(settings.secret, signed, signature)) return { refused: 'signature' };
    } else if ((alg === 'RS256' || alg === 'ES256') && keySet) {
      const key = await keySet.find({ alg, kid: typeof kid === 'string' ? kid : null }, now);
      if (!key) return { refused: 'unknown_key' };
      if (!isSigned({ alg, key }, signed, signature)) return { refused: 'signature' };
    } else {
      return { refused: 'algorithm' };
    }
    return readClaims(claims, settings, now);
  };
}

/** Whether a text is to be read as a token at all: no key has a dot. */
export const looksLikeJwt = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);

type Json = Record<string, unknown>;

function readParts(token: string): { header: Json; claims: Json; signed: string; signature: Buffer } | null {
  if (token.length > longest) return null;
  const [head = '', body = '', tail, ...more] = token.split('.');
  if (tail === undefined || more.length > 0) return null;
  const [header, claims, signature] = [readJson(head), readJson(body), readBytes(tail)];
  return header && claims && signature ? { header, claims, signed: `${head}.${body}`, signature } : null;
}

function readJson(text: string): Json | null {
  const bytes = readBytes(text);
  if (!bytes) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}

/** One text per value: what Node would overlook is refused. */
function readBytes(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

function isHmac(secret: string, signed: string, signature: Buffer): boolean {
  const expected = createHmac('sha256', secret).update(signed).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

function isSigned(
  by: { alg: PublishedAlgorithm; key: KeyObject },
  signed: string,
  signature: Buffer,
): boolean {
  // RFC 7518, 3.4: the two numbers of an ES256 signature one after the other, and not DER.
  const key = by.alg === 'ES256' ? ({ key: by.key, dsaEncoding: 'ieee-p1363' } as const) : by.key;
  return verify('sha256', Buffer.from(signed), key, signature);
}

/** A token says until when it is good: one that never ends could never be taken back. */
function readClaims(claims: Json, wanted: Pick<JwtSettings, 'issuer' | 'audience'>, now: Date): JwtVerdict {
  const { exp, nbf, iss, aud, sub } = claims;
  const seconds = now.getTime() / 1000;
  if (!Number.isFinite(exp) || Number(exp) <= seconds - toleranceSeconds) return { refused: 'expired' };
  if (nbf !== undefined && !(Number.isFinite(nbf) && Number(nbf) <= seconds + toleranceSeconds)) {
    return { refused: 'not_yet' };
  }
  if (wanted.issuer !== null && iss !== wanted.issuer) return { refused: 'issuer' };
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (wanted.audience !== null && !audiences.includes(wanted.audience)) return { refused: 'audience' };
  return isUserId(sub) ? { userId: sub } : { refused: 'subject' };
}

/** As in X-User-Id. */
const isUserId = (value: unknown): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.length <= 255 &&
  value.isWellFormed() &&
  !/\p{Cc}/u.test(value);
