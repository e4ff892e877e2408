/** A worker: takes jobs, installs the schedules, watches Redis, answers probes, and stops within ten seconds. */
import type { WorkerConfig } from '@calfleet/config';
import { explainSchema, openDatabase, refuseOlderSchema } from '@calfleet/db';
import type { Clock } from '@calfleet/domain';
import {
  createLimiter,
  createProducer,
  createQueueMonitor,
  createRedisEpoch,
  createSchedules,
  limitsOf,
  startWorkers,
  type QueueName,
  type WorkersOptions,
} from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import { keepAuditChain } from './audit-chain.ts';
import { createEngine } from './engine.ts';
import { ensurePartitions, keepPartitions } from './feed-partitions.ts';
import { createFleetGauges } from './fleet-gauges.ts';
import { createHandlers } from './handlers.ts';
import { serveHealth } from './health-server.ts';
import { outcomeOf } from './outcomes.ts';
import { watchRedis } from './redis-watch.ts';
import { awaitServices, patienceMs, refusePowerfulLogin } from './services.ts';

export interface WorkerOptions {
  /** `host` of the metrics server left out: all interfaces. */
  config: WorkerConfig & { host?: string };
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** Aborted when the process is to stop although it has not started yet. */
  signal?: AbortSignal;
  /** How long Postgres and Redis may take to appear; default 30 s. */
  patienceMs?: number;
  /** Of the queues, see packages/jobs. Tests shorten them. */
  timings?: WorkersOptions['timings'];
}

export interface Worker {
  /** Of `/metrics`, `/healthz` and `/readyz`, without a slash at its end. */
  healthUrl: string;
  /** Takes no new work, finishes or hands back what it holds, and is gone in less than 10 s. */
  close(): Promise<void>;
}

/** Supervisors give about 10 s before they kill; the rest is for the connections to close. */
const closeMs = 8_000;

/** @throws when a service is away, the login is too powerful, the schema is older than this program or the port is taken */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { config, clock, logger, metrics } = options;
  const signal = options.signal ?? new AbortController().signal;
  const closing: (() => Promise<unknown>)[] = [];
  /** Last opened, first closed; one that fails does not keep the others open. */
  const closeAll = async () => {
    for (const close of closing.splice(0).reverse()) {
      await close().catch((error: unknown) => logger.warn('Something did not close', { error }));
    }
  };
  const onError = (error: Error) => logger.warn('Redis is away or in trouble', { error });
  const address = { redisUrl: config.redisUrl, prefix: config.redisPrefix };
  try {
    const concurrency = concurrencyOf(config.concurrency);
    const db = openDatabase({
      url: config.databaseUrl,
      poolSize: poolSizeOf(config.queues.map((queue) => concurrency[queue])),
      applicationName: 'calfleet-worker',
    });
    closing.push(() => db.close());
    const producer = createProducer({ ...address, onError });
    closing.push(() => producer.close());
    await awaitServices({ db, producer, logger }, { withinMs: options.patienceMs ?? patienceMs, signal });
    await refusePowerfulLogin(db, config.allowSuperuser);
    await refuseOlderSchema(db);
    await ensurePartitions({ db, clock }).catch((error: unknown) => {
      throw explainSchema(error);
    });

    const schedules = createSchedules({ ...address, onError });
    closing.push(() => schedules.close());
    await schedules.install(config.schedules);
    const missing = await schedules.missing();
    if (missing.length > 0) throw new Error(`Redis did not keep the schedules: ${missing.join(', ')}`);

    const monitor = createQueueMonitor({ ...address, onError });
    closing.push(() => monitor.close());
    const limiter = createLimiter({
      ...address,
      limits: limitsOf(config.quotas),
      onThrottle: (provider, ms) => metrics.providerThrottleWait.inc({ provider }, ms / 1_000),
      onError,
    });
    closing.push(() => limiter.close());
    const isStopping = () => closing.length === 0;
    const gauges = createFleetGauges({ db, clock, metrics, logger });
    const probes = { db, producer, monitor, limiter, gauges, metrics, logger, clock, isStopping };
    const health = await serveHealth(probes, {
      port: config.metricsPort,
      ...(config.host === undefined ? {} : { host: config.host }),
    });
    closing.push(() => health.close());

    const sync = createEngine(config, { db, producer, limiter, logger, metrics, clock });
    const epoch = createRedisEpoch({ ...address, onError });
    closing.push(() => epoch.close());
    const beats = [
      watchRedis({ sync, epoch, schedules, config }),
      keepPartitions(sync),
      keepAuditChain(sync),
    ];
    closing.push(() => Promise.all(beats.map((beat) => beat.stop())));

    const workers = startWorkers({
      ...address,
      queues: config.queues,
      concurrency,
      handlers: createHandlers(sync, producer),
      outcomeOf,
      logger,
      onEvent: ({ queue, name, outcome, waitedMs }) => {
        metrics.jobRuns.inc({ queue, name, outcome });
        if (waitedMs !== null) metrics.jobWait.observe({ queue }, waitedMs / 1_000);
      },
      onStalled: (queue) => metrics.jobStalled.inc({ queue }),
      ...(options.timings ? { timings: options.timings } : {}),
    });
    closing.push(() => workers.close({ timeoutMs: closeMs }));
    signal.throwIfAborted();
    return { healthUrl: health.url, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** For the timers and the probes, which must not wait for jobs. */
const connectionsBeside = 4;
/** Postgres ships with 100 connections, 3 of them reserved; the API takes 20, and migrations and people need some. */
const connectionsMax = 64;

/**
 * A job holds one connection at most, so the jobs that may run at once need as many as they are; fewer, and
 * transactions fail after waiting 5 s for one. As shipped: 8 webhooks + 8 pull + 4 push + 4 backfill + 2 accounts +
 * 4 watches + 2 schedules + 4 beside = 36. At the upper bound (from WORKER_CONCURRENCY=20) jobs share: most of them wait for the
 * provider, and transactions last milliseconds.
 */
const poolSizeOf = (perQueue: readonly number[]): number =>
  Math.min(
    perQueue.reduce((sum, jobs) => sum + jobs, connectionsBeside),
    connectionsMax,
  );

/** Live pulls get what was asked for; a backfill never more than half of it, so that it cannot starve them. */
const concurrencyOf = (pulls: number): Record<QueueName, number> => ({
  webhooks: pulls,
  pull: pulls,
  push: Math.ceil(pulls / 2),
  backfill: Math.ceil(pulls / 2),
  accounts: 2,
  watches: 4,
  schedules: 2,
});
