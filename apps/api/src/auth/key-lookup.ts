/**
 * API keys by what was shown. A row is believed for half a second, so that a revoked key is refused within one; the use of
 * a key is written down at most once a minute, and never on a request's path.
 */
import { findApiKey, noteApiKeyUse, type ApiKeyScope, type Database, type ShownApiKey } from '@calfleet/db';
import type { Clock } from '@calfleet/domain';
import { apiKeyIdOf, isApiKey } from '@calfleet/vault';

export type KeyRefusal = 'unknown' | 'revoked' | 'expired';
export type KeyVerdict = { id: string; scope: ApiKeyScope } | { refused: KeyRefusal };

export type LookUpKey = (text: string) => Promise<KeyVerdict>;

const believedMs = 500;
/** More keys than anybody has; a flood of made-up ids makes the oldest be asked for again. */
const rowsMax = 1_000;
const noteEveryMs = 60_000;

interface Looked {
  /** Of the process, not the time of day: how long ago is all that counts. */
  at: number;
  row: Promise<ShownApiKey | null>;
}

/** @returns a look-up that rejects when the database does not answer */
export function createKeyLookup({ db, clock }: { db: Database; clock: Clock }): LookUpKey {
  const looked = new Map<string, Looked>();
  const noted = new Map<string, number>();

  const rowOf = (id: string): Promise<ShownApiKey | null> => {
    const known = looked.get(id);
    if (known && performance.now() - known.at < believedMs) return known.row;
    const row = db.transaction({ role: 'api', userId: '' }, (tx) => findApiKey(tx, id));
    row.catch(() => looked.delete(id));
    looked.delete(id);
    looked.set(id, { at: performance.now(), row });
    forgetOldest(looked);
    return row;
  };

  const note = ({ id, last_used_at: last }: ShownApiKey, at: Date): void => {
    const before = Math.max(noted.get(id) ?? -Infinity, last?.getTime() ?? -Infinity);
    if (at.getTime() - before < noteEveryMs) return;
    noted.delete(id);
    noted.set(id, at.getTime());
    forgetOldest(noted);
    // Whoever calls next writes it, if this did not.
    db.transaction({ role: 'api', userId: '' }, (tx) => noteApiKeyUse(tx, { id, at })).catch(() =>
      noted.delete(id),
    );
  };

  return async (text) => {
    const id = apiKeyIdOf(text);
    const row = id === null ? null : await rowOf(id);
    if (!row || !isApiKey(text, row.key_hash)) return { refused: 'unknown' };
    const now = clock.now();
    if (row.revoked_at) return { refused: 'revoked' };
    if (row.expires_at && row.expires_at <= now) return { refused: 'expired' };
    note(row, now);
    return { id: row.id, scope: row.scope };
  };
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= rowsMax) return;
  for (const oldest of map.keys()) return void map.delete(oldest);
}
