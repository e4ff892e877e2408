/** Finds the rows that Postgres refuses, by halving under savepoints, so that one bad row costs only itself. */
import {
  isBadRow,
  upsertEvents,
  type Applied,
  type EventRow,
  type Evidence,
  type Transaction,
} from '@calfleet/db';
import { sqlStateOf } from '@calfleet/db';
import type { StoreEvents } from './apply.ts';

/** Refused rows of one page at most: past this it is not the rows that are bad. */
const refusedMax = 250;

export const storeHalving: StoreEvents = async (tx, evidence, rows) => {
  const applied: Applied = { created: 0, updated: 0, deleted: 0, revived: false, series: [] };
  const refused: { row: EventRow; reason: string }[] = [];
  const waiting: (readonly EventRow[])[] = [rows];
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    const result = await tryStore(tx, evidence, part);
    if (result.ok) {
      applied.created += result.applied.created;
      applied.updated += result.applied.updated;
      applied.revived ||= result.applied.revived;
      applied.series.push(...result.applied.series);
      continue;
    }
    const [row] = part;
    if (part.length === 1 && row) {
      refused.push({
        row,
        reason: `Postgres refused the row (SQLSTATE ${sqlStateOf(result.error) ?? 'unknown'}).`,
      });
      if (refused.length > refusedMax) throw result.error;
      continue;
    }
    const middle = Math.ceil(part.length / 2);
    waiting.push(part.slice(middle), part.slice(0, middle));
  }
  return { applied, refused };
};

async function tryStore(
  tx: Transaction,
  evidence: Evidence,
  rows: readonly EventRow[],
): Promise<{ ok: true; applied: Applied } | { ok: false; error: unknown }> {
  await tx.$executeRaw`savepoint part`;
  try {
    const applied = await upsertEvents(tx, evidence, rows);
    await tx.$executeRaw`release savepoint part`;
    return { ok: true, applied };
  } catch (error) {
    if (!isBadRow(error)) throw error;
    await tx.$executeRaw`rollback to savepoint part`;
    return { ok: false, error };
  }
}
