/** A request for a job, checked against the catalogue and put into BullMQ's words. */
import type { JobsOptions } from 'bullmq';
import type { z } from 'zod';
import { SyncError } from '@calfleet/domain';
import { catalog, type JobEntry, type JobName, type QueueName } from './catalog.ts';
import type { EnqueueOptions } from './contract.ts';

export interface Plan {
  queue: QueueName;
  name: JobName;
  payload: unknown;
  options: JobsOptions;
}

/** For the queue board, where a person may try again; a hint among them is found by the next poll all the same. */
export const failedJobsKept = { count: 1000, age: 7 * 24 * 3600 };

/** The entry of a name that may come from Redis, hence may be unknown. */
export const entryOf = (name: string): JobEntry<z.ZodType> | undefined =>
  Object.hasOwn(catalog, name)
    ? (catalog as unknown as Record<string, JobEntry<z.ZodType>>)[name]
    : undefined;

/**
 * As workers read payloads: while a release is rolled out, newer processes may add fields that this one does not know, and
 * these are left out. Ticks carry nothing at all.
 */
const readers = new Map<string, z.ZodType>(
  Object.entries(catalog).map(([name, { payload }]) => [name, isEmpty(payload) ? payload : payload.strip()]),
);

function isEmpty({ shape }: z.ZodObject): boolean {
  return Object.keys(shape).length === 0;
}

/** @returns null when the name or the payload is not the catalogue's */
export function readPayload(name: string, data: unknown): { payload: unknown } | null {
  const parsed = readers.get(name)?.safeParse(data);
  return parsed?.success ? { payload: parsed.data } : null;
}

/** @throws SyncError `invalid_input` naming the field, never its value */
export function planOf(name: JobName, input: object, { delayMs, requestId }: EnqueueOptions = {}): Plan {
  const entry = entryOf(name);
  const parsed = entry?.payload.safeParse(requestId === undefined ? input : { ...input, requestId });
  if (!entry || !parsed?.success) {
    const fields = parsed?.error?.issues.map((issue) => issue.path.join('.') || issue.code).join(', ');
    throw new SyncError('invalid_input', `The payload of ${name} is wrong: ${fields ?? 'no such job'}`);
  }
  const payload = parsed.data;
  const id = entry.dedupId(payload);
  const delay = delayMs ?? entry.delayMs?.(payload) ?? 0;
  const priority = entry.priority?.(payload);
  return {
    queue: entry.queue(payload),
    name,
    payload,
    options: {
      attempts: entry.attempts,
      backoff: { type: 'custom' },
      // No job id beside it, and completed jobs go at once: both would swallow later adds (docs/decisions/0010).
      ...(id === null ? {} : { deduplication: { id, keepLastIfActive: true } }),
      ...(delay > 0 ? { delay } : {}),
      ...(priority === undefined ? {} : { priority }),
      removeOnComplete: true,
      removeOnFail: failedJobsKept,
      stackTraceLimit: 1,
    },
  };
}
