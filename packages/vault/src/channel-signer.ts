/**
 * Channel tokens: the watch's own id under a keyed hash, so that a notification proves itself without a look-up.
 * Every check costs one hash and one comparison in constant time, whatever was sent.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { VaultKey } from './vault.ts';

export type Verdict =
  | 'ok'
  /** Forged, of another watch, missing or misshapen. */
  | 'wrong'
  /** Well formed, by a key that is not in the list: an operator's mistake, worth a retry later. */
  | 'unknown_key';

/** Which watch a client state proves; none unless it is `ok`. */
export type ClientStateVerdict = { verdict: 'ok'; watchId: string } | { verdict: Exclude<Verdict, 'ok'> };

export interface ChannelSigner {
  /** Google's form: `v1.<key id>.<HMAC-SHA256 base64url>`, at most 63 characters (Google allows 256). */
  sign(watchId: string): { token: string; keyId: string };
  verify(watchId: string, token: string | undefined): Verdict;
  /**
   * Microsoft's form, which carries the watch's id itself, since a notification of Graph has no other room for it:
   * `v1.<key id>.<watch uuid>.<HMAC-SHA256 base64url>`, at most 100 characters (Graph allows 128,
   * https://learn.microsoft.com/graph/api/resources/subscription).
   * @param watchId a uuid in lower case; another would never be verified
   */
  signClientState(watchId: string): { token: string; keyId: string };
  verifyClientState(clientState: string | undefined): ClientStateVerdict;
  /** The key that signs now; channels on another one are to be recreated. */
  readonly signingKeyId: string;
}

/** @param keys the first one signs, all of them verify */
export function createChannelSigner(keys: readonly VaultKey[]): ChannelSigner {
  const [first] = keys;
  if (!first) throw new Error('Signing channels needs at least one key');
  const ring = new Map(keys.map(({ id, key }) => [id, key]));
  /** `keyId` undefined: what was sent has no such shape. */
  const judge = (watchId: string, keyId: string | undefined, given: string): Verdict => {
    const key = keyId === undefined ? undefined : ring.get(keyId);
    // The hash is made and compared for misshapen tokens too: the answer's time tells nothing.
    const matches = timingSafeEqual(Buffer.from(hashOf(key ?? first.key, watchId)), Buffer.from(given));
    if (keyId === undefined) return 'wrong';
    if (!key) return 'unknown_key';
    return matches ? 'ok' : 'wrong';
  };
  return {
    signingKeyId: first.id,
    sign: (watchId) => ({ token: `v1.${first.id}.${hashOf(first.key, watchId)}`, keyId: first.id }),
    verify: (watchId, token) => {
      const [, keyId, given = blank] = tokenShape.exec(token ?? '') ?? [];
      return judge(watchId, keyId, given);
    },
    signClientState: (watchId) => ({
      token: `v1.${first.id}.${watchId}.${hashOf(first.key, watchId)}`,
      keyId: first.id,
    }),
    verifyClientState: (clientState) => {
      const [, keyId, watchId = '', given = blank] = clientStateShape.exec(clientState ?? '') ?? [];
      const verdict = judge(watchId, keyId, given);
      return verdict === 'ok' ? { verdict, watchId } : { verdict };
    },
  };
}

const tokenShape = /^v1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{43})$/;
const clientStateShape =
  /^v1\.([A-Za-z0-9_-]{1,16})\.([0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/;
/** As long as a hash, and not one: base64url has no dot. */
const blank = '.'.repeat(43);

const hashOf = (key: Buffer, watchId: string): string =>
  createHmac('sha256', key).update(watchId).digest('base64url');
