/**
 * Answers to writes, one row per user and key. The row is inserted in the transaction of the write itself: a second
 * request with the key waits for the first one's commit, and a crash leaves neither effect nor row.
 */
import type { Transaction } from '../transaction.ts';

/** Clients may retry for a day: keys are kept that long. */
const keptMs = 24 * 3_600_000;

interface KeyOf {
  userId: string;
  key: string;
}

export interface FirstAnswer {
  requestHash: Uint8Array;
  status: number;
  response: unknown;
}

/** @returns null when the key is now the caller's; otherwise the answer that the key stands for. */
export async function claimKey(
  tx: Transaction,
  { userId, key, requestHash, now }: KeyOf & { requestHash: Uint8Array; now: Date },
): Promise<FirstAnswer | null> {
  const at = now.toISOString();
  const forgottenBefore = new Date(now.getTime() - keptMs).toISOString();
  const claimed = await tx.$queryRaw<unknown[]>`
    insert into calendar_idempotency_keys as k (user_id, key, request_hash, created_at)
    values (${userId}, ${key}, ${requestHash}, ${at}::timestamptz)
    on conflict (user_id, key) do update
      set request_hash = excluded.request_hash, status = null, response = null, created_at = excluded.created_at
      where k.created_at <= ${forgottenBefore}::timestamptz
    returning 1 as claimed`;
  if (claimed.length > 0) return null;
  const [row] = await tx.$queryRaw<{ request_hash: Uint8Array; status: number; response: unknown }[]>`
    select request_hash, coalesce(status, 202) as status, response from calendar_idempotency_keys
    where user_id = ${userId} and key = ${key}`;
  if (!row) throw new Error('an idempotency key vanished between two statements');
  return { requestHash: row.request_hash, status: row.status, response: row.response };
}

export async function storeAnswer(
  tx: Transaction,
  { userId, key, status, response }: KeyOf & { status: number; response: unknown },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_idempotency_keys set status = ${status}::int, response = ${JSON.stringify(response)}::jsonb
    where user_id = ${userId} and key = ${key}`;
}
