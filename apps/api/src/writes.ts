/**
 * Every write of the API: one transaction with the row of its idempotency key inside, then the doorbell. A crash in
 * between loses only the ring; the drain finds what is dirty.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { api, type Transaction } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import { onBehalfOf, type JobRequest } from '@calfleet/jobs';
import { auditWrite } from './audit.ts';
import { asUser, type Answer, type Call, type Context } from './context.ts';
import { RequestProblem } from './problems.ts';

export interface Write {
  /** Calendars whose feed the transaction writes. */
  calendars?: readonly CalendarId[];
  work(tx: Transaction): Promise<Answer & { rings?: JobRequest[] }>;
}

export interface Written extends Answer {
  /** Whether this is the first answer to an earlier request with the same key. */
  replayed: boolean;
}

/** @throws RequestProblem `idempotency_mismatch` */
export async function performWrite(context: Context, call: Call, write: Write): Promise<Written> {
  const { written, rings } = await asUser(
    context,
    call,
    async (tx) => {
      const first = await claim(context, call, tx);
      if (first) return { written: replay(first), rings: [] };
      const { rings = [], ...answer } = await write.work(tx);
      await auditWrite(tx, call, { answer, at: context.clock.now() });
      if (call.idempotencyKey !== null) await store(call, call.idempotencyKey, tx, answer);
      return { written: { ...answer, replayed: false }, rings };
    },
    write.calendars,
  );
  await ring(context, call, rings);
  return written;
}

/** Replaces the stored answer of a write that was answered only after a wait. */
export async function amendAnswer(context: Context, call: Call, answer: Answer): Promise<void> {
  const key = call.idempotencyKey;
  if (key !== null) await asUser(context, call, (tx) => store(call, key, tx, answer));
}

async function claim({ clock }: Context, call: Call, tx: Transaction): Promise<api.FirstAnswer | null> {
  if (call.idempotencyKey === null) return null;
  const requestHash = hashOf(call);
  const first = await api.claimKey(tx, {
    userId: call.userId,
    key: call.idempotencyKey,
    requestHash,
    now: clock.now(),
  });
  if (first && !timingSafeEqual(first.requestHash, requestHash)) {
    throw new RequestProblem('idempotency_mismatch', 'The Idempotency-Key was used for another request');
  }
  return first;
}

const replay = ({ status, response }: api.FirstAnswer): Written => ({
  status,
  body: response,
  headers: { 'idempotency-replayed': 'true' },
  replayed: true,
});

const store = ({ userId }: Call, key: string, tx: Transaction, { status, body }: Answer): Promise<void> =>
  api.storeAnswer(tx, { userId, key, status, response: body });

/** Only the hash is kept: bodies can hold secrets. Members count, their order does not. */
function hashOf({ method, path, query, body }: Call): Uint8Array<ArrayBuffer> {
  const asked = Object.keys(query ?? {}).length > 0 ? [sorted(query)] : [];
  const hash = createHash('sha256').update(JSON.stringify([method, path, sorted(body ?? {}), ...asked]));
  return new Uint8Array(hash.digest());
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return entries.map(([key, member]) => [key, sorted(member)]);
}

/** A ring that Redis does not hear is no failure: the drain finds the work. */
export async function ring(
  { producer }: Context,
  { logger, requestId }: Pick<Call, 'logger' | 'requestId'>,
  rings: readonly JobRequest[],
): Promise<void> {
  if (rings.length === 0) return;
  try {
    await onBehalfOf(producer, requestId).enqueueMany(rings);
  } catch (error) {
    logger.warn('Redis did not take a job; the drain will find the work', { error, jobs: rings.length });
  }
}
