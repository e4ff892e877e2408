/**
 * The keys that your sign-in publishes (RFC 7517), kept for ten minutes. A token with an unknown key id is a reason to look
 * again, at most once a minute, so that a rotation needs no restart and a flood of forged ids asks nobody.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { SyncError } from '@calfleet/domain';
import type { PublishedAlgorithm } from './jwt.ts';

export interface KeySet {
  /**
   * @param wanted without `kid`: the only key of that kind
   * @returns null: there is none
   * @throws SyncError `provider_unavailable`: they were never read, or not for an hour
   */
  find(wanted: { alg: PublishedAlgorithm; kid: string | null }, now: Date): Promise<KeyObject | null>;
}

export interface KeySetOptions {
  url: string;
  /** Told when they could not be read. */
  onError: (error: Error) => void;
}

const freshMs = 10 * 60_000;
/** A sign-in that does not answer locks nobody out for so long; a key that was taken back is good no longer than this. */
const staleMs = 60 * 60_000;
const lookAgainMs = 60_000;
/** After a look that failed while there are no keys at all. */
const tryAgainMs = 5_000;
const answerMs = 5_000;
const bytesMax = 256 * 1024;
const keysMax = 100;

interface Published {
  kid: string | null;
  alg: PublishedAlgorithm;
  key: KeyObject;
}

interface Known {
  keys: readonly Published[];
  readAt: Date | null;
}

export function createKeySet({ url, onError }: KeySetOptions): KeySet {
  let known: Known = { keys: [], readAt: null };
  let lookedAt: Date | null = null;
  let looking: Promise<void> | null = null;

  const look = async (now: Date): Promise<void> => {
    lookedAt = now;
    try {
      known = { keys: await readKeys(url), readAt: now };
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      looking = null;
    }
  };
  const mayLook = (now: Date): boolean => !isWithin(lookedAt, now, known.readAt ? lookAgainMs : tryAgainMs);

  return {
    async find(wanted, now) {
      const isFresh = isWithin(known.readAt, now, freshMs);
      const found = isFresh ? choose(known.keys, wanted) : null;
      if (found) return found;
      if (mayLook(now)) looking ??= look(now);
      if (looking) await looking;
      if (!isWithin(known.readAt, now, staleMs)) {
        throw new SyncError('provider_unavailable', 'The keys of the sign-in could not be read');
      }
      return choose(known.keys, wanted);
    },
  };
}

const isWithin = (since: Date | null, now: Date, ms: number): boolean =>
  since !== null && Math.abs(now.getTime() - since.getTime()) < ms;

function choose(
  keys: readonly Published[],
  wanted: { alg: PublishedAlgorithm; kid: string | null },
): KeyObject | null {
  const fitting = keys.filter(
    ({ alg, kid }) => alg === wanted.alg && (wanted.kid === null || kid === wanted.kid),
  );
  return fitting.length === 1 ? (fitting[0]?.key ?? null) : null;
}

async function readKeys(url: string): Promise<Published[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    // Whose keys they are is a matter of the address: nobody else gets to say.
    redirect: 'error',
    signal: AbortSignal.timeout(answerMs),
  });
  if (!response.ok || !response.body) throw new Error(`The key set was answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error('The key set is larger than 256 KiB');
    chunks.push(chunk);
  }
  return parseKeys(Buffer.concat(chunks).toString('utf8'));
}

/** What is no public signing key of the two kinds is passed over, as RFC 7517, 5 asks. @throws it is no key set */
export function parseKeys(text: string): Published[] {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('The key set has no keys');
  return keys.slice(0, keysMax).flatMap((key) => publishedKey(key as JsonWebKey | null) ?? []);
}

/** RFC 7518, 3.3 wants 2048 bits. */
const rsaBitsMin = 2048;

function publishedKey(jwk: JsonWebKey | null): Published | null {
  if (typeof jwk !== 'object' || jwk === null) return null;
  const alg = jwk.kty === 'RSA' ? 'RS256' : jwk.kty === 'EC' && jwk.crv === 'P-256' ? 'ES256' : null;
  if (alg === null || (jwk['alg'] ?? alg) !== alg || (jwk['use'] ?? 'sig') !== 'sig') return null;
  try {
    const key = createPublicKey({ format: 'jwk', key: jwk });
    if (alg === 'RS256' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < rsaBitsMin) return null;
    return { kid: typeof jwk['kid'] === 'string' ? jwk['kid'] : null, alg, key };
  } catch {
    return null;
  }
}
