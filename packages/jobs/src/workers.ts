/**
 * Runs jobs. Whatever ends a run (an error, a stop, a lost lock, a flushed Redis), the job is either finished or
 * comes again, and the worker goes on.
 */
import { Worker, type Job } from 'bullmq';
import { backoffMs } from './backoff.ts';
import { queueNames, type QueueName } from './catalog.ts';
import { openPatient, outageReporter, patient } from './connection.ts';
import type { Workers, WorkersOptions } from './contract.ts';
import { entryOf, failedJobsKept } from './plan.ts';
import { createRunner } from './runner.ts';
import { createTickGuard } from './tick-guard.ts';
import { mendUnreadable } from './unreadable.ts';
import { within } from './within.ts';

/** Work resumes at most lock + two checks after a kill -9: 25 s. */
const timingsDefault = { lockMs: 15_000, stalledCheckMs: 5000 };
/** The default of 1 fails a job for good at its second kill, whatever its attempts (measured with BullMQ 6.7). */
const stalledMax = 1000;
const concurrencyDefault = 8;

export function startWorkers(options: WorkersOptions): Workers {
  const { redisUrl, prefix, queues = queueNames, concurrency = concurrencyDefault, logger } = options;
  const { lockMs, stalledCheckMs } = options.timings ?? timingsDefault;
  const redis = openPatient(redisUrl);
  // The workers report the same outage.
  redis.on('error', () => undefined);
  const keyOf = (queue: QueueName) => `${prefix}:${queue}`;
  const guard = createTickGuard(redis, keyOf('schedules'));
  const runner = createRunner(options, guard);
  const perQueue = (queue: QueueName) =>
    typeof concurrency === 'number' ? concurrency : (concurrency[queue] ?? concurrencyDefault);

  /** A job that BullMQ could not read is one of the reasons for trouble. */
  const mend = async (queue: QueueName): Promise<void> => {
    try {
      for (const { jobId, fields } of await mendUnreadable(redis, keyOf(queue))) {
        logger.error('A job cannot be read: its next run parks it', { queue, job_id: jobId, fields });
      }
    } catch (error) {
      logger.warn('A queue in trouble could not be looked at', {
        queue,
        error: error instanceof Error ? error.message : 'unknown',
      });
    }
  };

  const workers = queues.map((queue) => {
    const worker = new Worker(queue, (job: Job, token) => runner.run(queue, job, token), {
      connection: patient(redisUrl),
      prefix,
      concurrency: perQueue(queue),
      lockDuration: lockMs,
      stalledInterval: stalledCheckMs,
      maxStalledCount: stalledMax,
      // Of jobs that came without a word about it.
      removeOnFail: failedJobsKept,
      // The longest idle block; also how late a worker notices a marker that Redis lost.
      drainDelay: 5,
      // After a connection error the next fetch waits this long; the default of 15 s adds to every outage.
      runRetryDelay: 1000,
      settings: {
        backoffStrategy: (attempt, _type, _error, job) =>
          backoffMs(entryOf(job?.name ?? '')?.backoffMs ?? 1000, attempt, Math.random()),
      },
    });
    const report = outageReporter({
      lost: (error) => logger.warn('Redis is away', { queue, error: error.message }),
      back: () => logger.info('Redis is back', { queue }),
      // A flushed Redis answers "Missing lock" or "Missing key" to whoever still holds a job: the job is gone,
      // its calendar is still dirty in Postgres, and the worker goes on.
      other: (error) => {
        logger.warn('Queue trouble', { queue, error: error.message });
        void mend(queue);
      },
    });
    worker.on('error', (error) => report.error(error));
    worker.getBackend().on('ready', () => report.ready());
    worker.on('stalled', (jobId) => {
      options.onStalled?.(queue);
      logger.warn('A job lost its worker and runs again', { queue, job_id: jobId });
    });
    return worker;
  });

  return {
    close: async ({ timeoutMs }) => {
      // All stop taking before anything is aborted, else a freed slot would take one more.
      const closing = Promise.all(workers.map((worker) => worker.close()));
      runner.abort();
      const handBack = setTimeout(() => runner.handBack(), timeoutMs * 0.7);
      try {
        await within(timeoutMs, closing, 'The workers did not close in time');
      } catch (error) {
        logger.warn('Workers closed by force', { error: error instanceof Error ? error.message : 'unknown' });
        for (const worker of workers) cut(worker);
      } finally {
        clearTimeout(handBack);
        redis.disconnect();
      }
    },
  };
}

/**
 * Ends what a worker still holds open. Its own close hangs before these steps when Redis is gone: it waits for an
 * event that a connection which is just reconnecting never sends. For the same reason nothing is awaited.
 */
function cut(worker: Worker): void {
  const ignore = () => undefined;
  // Renewing locks is a timer without end; only the worker itself could stop it, and it does not get there.
  worker['lockManager'].close().catch(ignore);
  worker.getBackend().close(true).catch(ignore);
  worker.disconnect().catch(ignore);
}
