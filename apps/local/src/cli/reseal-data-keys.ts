/**
 * Seals data keys by the first key of the ring, in pages, while others read and write the rows. Killed, it is begun again:
 * what is done is not found any more.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  dataKeyPlaces,
  dataKeysToReseal,
  replaceDataKeys,
  type DataKeyHolder,
  type DataKeyPlace,
  type Database,
  type KeptDataKey,
} from '@calfleet/db';
import { VaultError, type Vault } from '@calfleet/vault';

const pageSize = 500;
/** Rows that were held or changed meanwhile are found by the next pass; a transaction that holds one lasts a minute at most. */
const passesMax = 60;
const betweenPassesMs = 1_000;

export const holders = [
  'accounts',
  'disconnected_accounts',
  'oauth_states',
  'idempotency_keys',
] as const satisfies readonly DataKeyHolder[];

interface Tally {
  resealed: number;
  /** Sealed by a key that the ring lacks. */
  unknown_key: number;
  /** Changed, moved, or never sealed. */
  does_not_open: number;
}

export type Tallies = Record<DataKeyHolder, Tally>;

interface Resealing {
  db: Database;
  vault: Vault;
  /** The first of the ring. */
  keyId: string;
}

/** A short transaction for each page: nobody waits for it long, and it waits for nobody. */
export async function resealDataKeys(resealing: Resealing): Promise<Tallies> {
  const tallies = Object.fromEntries(
    holders.map((holder) => [holder, { resealed: 0, unknown_key: 0, does_not_open: 0 }]),
  ) as Tallies;
  for (let pass = 1; pass <= passesMax; pass += 1) {
    // What does not open is met in each pass, and counted in the last one.
    for (const tally of Object.values(tallies)) Object.assign(tally, { unknown_key: 0, does_not_open: 0 });
    let missed = 0;
    for (const place of dataKeyPlaces) missed += await resealPlace(resealing, place, tallies);
    if (missed === 0) break;
    if (pass < passesMax) await pause(betweenPassesMs);
  }
  return tallies;
}

/** @returns how many keys could have been sealed anew, and were held or changed meanwhile */
async function resealPlace(resealing: Resealing, place: DataKeyPlace, tallies: Tallies): Promise<number> {
  const { db, keyId } = resealing;
  let missed = 0;
  let after: string | null = null;
  for (;;) {
    const page = { keyId, after, limit: pageSize };
    const kept: KeptDataKey[] = await db.transaction({ role: 'worker' }, (tx) =>
      dataKeysToReseal(tx, place, page),
    );
    missed += await resealPage(resealing, place, { kept, tallies });
    after = kept.at(-1)?.id ?? null;
    if (kept.length < pageSize) return missed;
  }
}

async function resealPage(
  { db, vault }: Resealing,
  place: DataKeyPlace,
  { kept, tallies }: { kept: readonly KeptDataKey[]; tallies: Tallies },
): Promise<number> {
  const keys = kept.flatMap(({ id, holder, dataKey }) => {
    const to = reseal(vault, { id, dataKey });
    if (typeof to !== 'string') return [{ id, holder, from: dataKey, to }];
    tallies[holder][to] += 1;
    return [];
  });
  if (keys.length === 0) return 0;
  const done = new Set(await db.transaction({ role: 'worker' }, (tx) => replaceDataKeys(tx, place, keys)));
  for (const { id, holder } of keys) tallies[holder].resealed += done.has(id) ? 1 : 0;
  return keys.length - done.size;
}

function reseal(
  vault: Vault,
  { id, dataKey }: { id: string; dataKey: Uint8Array },
): Buffer | VaultError['reason'] {
  try {
    return vault.resealDataKey(id, Buffer.from(dataKey));
  } catch (error) {
    if (error instanceof VaultError) return error.reason;
    throw error;
  }
}
