/** What the rest of the house sees of the queues; BullMQ itself stays in this package. */
import type { SyncError } from '@calfleet/domain';
import type { Logger } from '@calfleet/telemetry';
import type { JobInput, JobName, JobPayload, QueueName } from './catalog.ts';

export interface RedisAddress {
  /** `redis://…` or `rediss://…`. */
  redisUrl: string;
  /** In braces, so that a Redis Cluster keeps one queue's keys together: `{calfleet}`. */
  prefix: string;
}

export interface JobContext {
  jobId: string;
  /** 1 for the first run. A snooze does not count. */
  attempt: number;
  enqueuedAt: Date;
  /** Of the request that led here; undefined for what nobody asked for. */
  requestId: string | undefined;
  /** Aborted when the process stops: hand back what you hold, the job runs again elsewhere. */
  signal: AbortSignal;
  logger: Logger;
}

export type Handler<Name extends JobName> = (payload: JobPayload<Name>, context: JobContext) => Promise<void>;
/** One function per job; a job without one does not compile. */
export type Handlers = { [Name in JobName]: Handler<Name> };

/** What an error does to its job: try again with backoff, sleep without burning an attempt, forget, or stop and keep. */
export type Outcome =
  { action: 'retry' } | { action: 'snooze'; ms: number } | { action: 'drop' } | { action: 'park' };

export interface EnqueueOptions {
  /** Overrides the catalogue's delay, milliseconds. */
  delayMs?: number;
  /** Of whoever asks: letters, digits, `_`, `.`, `-`, 128 at most. A job that coalesces keeps the first one's. */
  requestId?: string | undefined;
}

/** One entry of {@link Producer.enqueueMany}. */
export type JobRequest = {
  [Name in JobName]: { name: Name; payload: JobInput<Name>; options?: EnqueueOptions };
}[JobName];

/** @param error `invalid_input`: names the field, never its value */
export type OnRefused = (request: JobRequest, error: SyncError) => void;

export interface Producer {
  /**
   * Resolves once Redis has the job (or a waiting one with the same dedup id).
   * @throws SyncError `invalid_input` when the payload is not the catalogue's
   * @throws QueueUnavailable when Redis did not answer in time
   */
  enqueue<Name extends JobName>(name: Name, payload: JobInput<Name>, options?: EnqueueOptions): Promise<void>;
  /**
   * All or some of them when it throws; adding again is harmless, since they coalesce.
   * @param onRefused told of each whose payload is not the catalogue's; the others are added. Left out: one such payload
   * refuses all, and nothing is added
   */
  enqueueMany(requests: readonly JobRequest[], onRefused?: OnRefused): Promise<void>;
  /**
   * Takes every job that waits, or failed, and names one of these ids out of all queues.
   * @throws QueueUnavailable when Redis did not answer in time; what went is gone
   */
  forget(ids: readonly string[]): Promise<void>;
  /** Whether Redis answers now. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

/** What happened to a job, for metrics. */
export interface JobEvent {
  name: JobName;
  queue: QueueName;
  outcome: 'done' | 'retried' | 'snoozed' | 'dropped' | 'parked' | 'handed_back';
  /** From the moment it could have run to its first start, milliseconds; null when this is not its first. */
  waitedMs: number | null;
  durationMs: number;
}

export interface Workers {
  /** Takes no new job, aborts the signals, waits, then hands back what is still running. Never takes longer. */
  close(options: { timeoutMs: number }): Promise<void>;
}

export interface WorkersOptions extends RedisAddress {
  /** Default: all. */
  queues?: readonly QueueName[];
  /** Jobs at once in each queue, or queue by queue; the default is 8. */
  concurrency?: number | Partial<Record<QueueName, number>>;
  handlers: Handlers;
  /** Tests shorten them; see workers.ts for the values and their reasons. */
  timings?: { lockMs: number; stalledCheckMs: number };
  outcomeOf: (error: unknown) => Outcome;
  logger: Logger;
  onEvent?: (event: JobEvent) => void;
  /** A job lost its worker and runs again. */
  onStalled?: (queue: QueueName) => void;
}
