/**
 * Which signing key channels belong on. Workers with different configurations would replace each other's channels for
 * ever, so the fleet believes a new first key when two ticks in a row name it, and one that was first before only when a
 * day of ticks does: while two configurations take turns, none of them lasts.
 */
import { lockFirstKeys, storeFirstKeys, type FirstKeys, type Transaction } from '@calfleet/db';
import type { SyncDeps } from './deps.ts';

const dayMs = 86_400_000;
/** Nobody rotates more often than keys are kept. */
const pastMax = 8;

export type FirstKeyVerdict = 'first' | 'not_yet' | 'was_first_before';

/** One tick names a key. */
export function judgeFirstKey(
  keys: FirstKeys,
  { keyId, at }: { keyId: string; at: Date },
): { keys: FirstKeys; verdict: FirstKeyVerdict } {
  const { first, next, nextSince, past } = keys;
  if (first === null) return { keys: become(keys, keyId, at), verdict: 'first' };
  if (keyId === first) return { keys: { ...keys, next: null, nextSince: null }, verdict: 'first' };
  const wasFirst = past.includes(keyId);
  if (keyId !== next || nextSince === null) {
    return {
      keys: { ...keys, next: keyId, nextSince: at },
      verdict: wasFirst ? 'was_first_before' : 'not_yet',
    };
  }
  if (!wasFirst) return { keys: become(keys, keyId, nextSince), verdict: 'first' };
  const isAgreed = at.getTime() - nextSince.getTime() >= dayMs;
  return isAgreed
    ? { keys: become(keys, keyId, at), verdict: 'first' }
    : { keys, verdict: 'was_first_before' };
}

const become = ({ first, past }: FirstKeys, keyId: string, since: Date): FirstKeys => ({
  first: keyId,
  since,
  next: null,
  nextSince: null,
  past: [...(first === null ? [] : [first]), ...past.filter((key) => key !== keyId)].slice(0, pastMax),
});

/** @returns since when our key is the first one; null: it is not, or not yet */
export async function firstKeySince(deps: SyncDeps, tx: Transaction, at: Date): Promise<Date | null> {
  const keyId = deps.signer.signingKeyId;
  const judged = judgeFirstKey(await lockFirstKeys(tx), { keyId, at });
  await storeFirstKeys(tx, judged.keys);
  if (judged.verdict === 'was_first_before') {
    deps.logger.error(
      'A signing key that was the first one before is first again: do all workers have the same CHANNEL_SIGNING_KEYS?',
      { key_id: keyId, first_key_id: judged.keys.first },
    );
  }
  return judged.verdict === 'first' ? judged.keys.since : null;
}
