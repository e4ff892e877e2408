/**
 * Keys of the API: `cf_<id>_<secret>`. The id is public and finds the row; the secret is 256 bits of chance. So a plain
 * SHA-256 is kept: there is nothing to guess, and a slow hash would only cost each request its time. What people choose
 * themselves would need one.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface NewApiKey {
  /** 16 hexadecimal digits. */
  id: string;
  /** What the caller shows; kept nowhere. */
  text: string;
  hash: Buffer;
}

export function createApiKey(): NewApiKey {
  const id = randomBytes(8).toString('hex');
  const text = `cf_${id}_${randomBytes(32).toString('base64url')}`;
  return { id, text, hash: digest(text) };
}

/** @returns null: it has not the shape of a key */
export function apiKeyIdOf(text: string): string | null {
  const [, id = null] = /^cf_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/.exec(text) ?? [];
  return id;
}

/** In the same time whatever was shown. */
export const isApiKey = (text: string, hash: Uint8Array): boolean =>
  hash.length === 32 && timingSafeEqual(digest(text), hash);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
