import type { Transaction } from './transaction.ts';

/** Partitions of the feed from this week on. @returns how many were made */
export async function ensureChangePartitions(tx: Transaction, from: Date, weeks: number): Promise<number> {
  const rows = await tx.$queryRaw<{ made: number }[]>`
    select calfleet_ensure_change_partitions(${from}, ${weeks}) as made`;
  return rows[0]?.made ?? 0;
}
