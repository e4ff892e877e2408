/** Deletes what is past its time, batch by batch. A row that cannot be deleted is named, and stops no other. */
import { isDatabaseUnavailable, sqlStateOf, type Past, type PastRows, type Transaction } from '@calfleet/db';
import type { Budget } from './budget.ts';
import type { SyncDeps } from './deps.ts';

/** Who waits for a row of ours waits no longer than a batch takes; we wait for nobody. */
const lockTimeoutMs = 1_000;
/** More of them are not rows gone bad, but a table. */
const poisonedMax = 20;

export interface PastTable {
  /** As the log, the counts and the metric call it. */
  name: string;
  rows: PastRows;
  before: Date;
  batchSize: number;
}

export interface Deleted {
  rows: number;
  /** Nothing is left but for what others hold. */
  isDone: boolean;
}

/** @throws when the table cannot be cleaned; what is deleted stays so */
export async function deletePast(deps: SyncDeps, table: PastTable, budget: Budget): Promise<Deleted> {
  const deleted: Deleted = { rows: 0, isDone: false };
  const poisoned: string[] = [];
  while (!budget.isSpent()) {
    budget.take();
    const batch = await deleteBatch(deps, table, poisoned, null);
    deleted.rows += batch.rows;
    deps.metrics.cleanupRows.inc({ table: table.name }, batch.rows);
    if (poisoned.length > poisonedMax) throw new Error(`More than ${poisonedMax} rows cannot be deleted.`);
    // A whole batch that is held by others: they have it until the next night.
    deleted.isDone = batch.isLast || batch.rows === 0;
    if (deleted.isDone) break;
  }
  return deleted;
}

interface Batch {
  rows: number;
  isLast: boolean;
}

/** Halves what fails until the row is found. @param poisoned grows by what is found */
async function deleteBatch(
  deps: SyncDeps,
  table: PastTable,
  poisoned: string[],
  only: readonly string[] | null,
): Promise<Batch> {
  let keys: string[] = [];
  const past: Past = {
    before: table.before,
    at: deps.clock.now(),
    limit: table.batchSize,
    skip: [...poisoned],
    only,
  };
  try {
    return await deps.db.transaction({ role: 'worker', lockTimeoutMs }, async (tx: Transaction) => {
      const picked = await table.rows.pick(tx, past);
      keys = picked.keys;
      const rows = keys.length > 0 ? await table.rows.remove(tx, keys, past) : 0;
      return { rows, isLast: picked.isLast };
    });
  } catch (error) {
    const isHeld = sqlStateOf(error) === '55P03';
    if (keys.length === 0 || (isDatabaseUnavailable(error) && !isHeld)) throw error;
    const [key] = keys;
    if (keys.length === 1 && key !== undefined) {
      poisoned.push(key);
      const facts = { table: table.name, row: nameOf(key), error };
      if (isHeld) deps.logger.warn('A row past its time is held by somebody, and stays for a night', facts);
      else deps.logger.error('A row past its time cannot be deleted', facts);
      return { rows: 0, isLast: false };
    }
    const middle = Math.ceil(keys.length / 2);
    const first = await deleteBatch(deps, table, poisoned, keys.slice(0, middle));
    const second = await deleteBatch(deps, table, poisoned, keys.slice(middle));
    // Whoever was found is gone round from now on: there may be more behind.
    return { rows: Math.max(1, first.rows + second.rows), isLast: false };
  }
}

/** An idempotency key may be anything its sender liked: of such a row, the user is named alone. */
const nameOf = (key: string): string =>
  key.startsWith('[') ? String((JSON.parse(key) as unknown[])[0]) : key;
