/** One run of one job: checks the payload, calls the handler, and turns what it threw into the queue's outcome. */
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import { SyncError } from '@calfleet/domain';
import { inSpan, type Span, type SpanFacts } from '@calfleet/telemetry';
import { tickNames, type JobName, type QueueName } from './catalog.ts';
import type { Handler, JobContext, JobEvent, WorkersOptions } from './contract.ts';
import { entryOf, readPayload } from './plan.ts';
import type { TickGuard } from './tick-guard.ts';

type Ending = { how: 'done' } | { how: 'threw'; error: unknown } | { how: 'handed_back' };

interface Running {
  controller: AbortController;
  handBack: () => void;
}

export function createRunner(options: WorkersOptions, guard: TickGuard) {
  const running = new Set<Running>();
  let stopping = false;

  /** The handler's end, or the moment at which the process can wait no longer. */
  const endingOf = (work: (signal: AbortSignal) => Promise<void>): Promise<Ending> =>
    new Promise((resolve) => {
      const controller = new AbortController();
      const entry: Running = { controller, handBack: () => settle({ how: 'handed_back' }) };
      const settle = (ending: Ending) => {
        running.delete(entry);
        resolve(ending);
      };
      running.add(entry);
      if (stopping) controller.abort();
      work(controller.signal).then(
        () => settle({ how: 'done' }),
        // Work that gave up because it was told to stop is not at fault.
        (error: unknown) => settle(stopping ? { how: 'handed_back' } : { how: 'threw', error }),
      );
    });

  const run = (queue: QueueName, job: Job, token: string | undefined): Promise<void> =>
    inSpan(
      `job ${entryOf(job.name) ? job.name : 'unknown'}`,
      {
        kind: 'consumer',
        facts: factsOfRun(queue, job),
        carried: job.opts.telemetry?.metadata,
        // What a tick planned is not one story.
        isFanOut: isTick(job.name),
        // Given back or snoozed: the outcome says which.
        isFailure: (error) => !(error instanceof DelayedError),
      },
      (span) => runOnce({ queue, job, token, span }),
    );

  const runOnce = async ({ queue, job, token, span }: Run): Promise<void> => {
    const startedAt = performance.now();
    const name = job.name as JobName;
    const attempt = job.attemptsMade + 1;
    const logger = options.logger.child({ queue, job: name, job_id: job.id, attempt, ...idsOf(job) });
    const elapsed = () => performance.now() - startedAt;
    const tell = (outcome: JobEvent['outcome']) => {
      span.set({ 'calfleet.outcome': outcome });
      options.onEvent?.({ name, queue, outcome, waitedMs: waitedMs(job), durationMs: elapsed() });
    };

    const read = readPayload(name, job.data);
    if (!read) {
      span.fail('invalid_payload');
      tell('parked');
      logger.error('Parked: this job is not in the catalogue or its payload is not what the catalogue says');
      throw new UnrecoverableError('invalid payload');
    }
    const graceMs = graceOf(job);
    if (graceMs > 0) {
      logger.error('This job lost its worker again and again: it waits', {
        lost: job.stalledCounter,
        ms: graceMs,
      });
      if (isTick(name)) return tell('dropped');
      tell('snoozed');
      await job.updateProgress(job.stalledCounter);
      return sleep(job, token, (job.processedOn ?? job.timestamp) + elapsed() + graceMs);
    }
    if (!(await guard.mayRun(job))) {
      tell('dropped');
      return logger.info('Skipped: the last one is still running');
    }

    const handler = options.handlers[name] as Handler<JobName>;
    const ending = await endingOf((signal) => {
      const context: JobContext = {
        jobId: job.id ?? '',
        attempt,
        enqueuedAt: new Date(job.timestamp),
        requestId: factIn(job, 'requestId'),
        signal,
        logger,
      };
      // The name chose both, which the compiler cannot see through a union.
      return handler(read.payload as Parameters<Handler<JobName>>[0], context);
    });

    if (ending.how === 'done') return tell('done');
    if (ending.how === 'handed_back') {
      tell('handed_back');
      return sleep(job, token, 0);
    }
    const outcome = options.outcomeOf(ending.error);
    if (outcome.action === 'park' || outcome.action === 'retry') span.fail(labelOf(ending.error));
    switch (outcome.action) {
      case 'drop':
        tell('dropped');
        return logger.info('Dropped', factsOf(ending.error));
      case 'snooze':
        // The next tick comes by itself; kept, those of an outage would pile up and all run at its end.
        if (isTick(name)) {
          tell('dropped');
          return logger.info('Left to the next tick', factsOf(ending.error));
        }
        tell('snoozed');
        logger.info('Snoozed', { ms: outcome.ms, ...factsOf(ending.error) });
        return sleep(job, token, (job.processedOn ?? job.timestamp) + elapsed() + outcome.ms);
      case 'park':
        tell('parked');
        logger.error('Parked', factsOf(ending.error));
        throw new UnrecoverableError(labelOf(ending.error));
      case 'retry': {
        const last = attempt >= (job.opts.attempts ?? 1);
        tell(last ? 'parked' : 'retried');
        if (last) logger.error('Parked after its last attempt', factsOf(ending.error));
        else logger.warn('Failed, will run again', factsOf(ending.error));
        throw new Error(labelOf(ending.error));
      }
    }
  };

  return {
    run,
    /** Asks all that run to stop soon. */
    abort() {
      stopping = true;
      for (const { controller } of [...running]) controller.abort();
    },
    /** Gives back what has not stopped; another worker takes it at once. */
    handBack() {
      for (const { handBack } of [...running]) handBack();
    },
  };
}

interface Run {
  queue: QueueName;
  job: Job;
  token: string | undefined;
  span: Span;
}

const isTick = (name: string): boolean => tickNames.some((tick) => tick === name);

/** An id or a word of a payload, which nobody has checked yet. */
function factIn(job: Job, name: string): string | undefined {
  const payload: unknown = job.data;
  if (typeof payload !== 'object' || payload === null) return undefined;
  const value = (payload as Record<string, unknown>)[name];
  return typeof value === 'string' && /^[\w.-]{1,128}$/.test(value) ? value : undefined;
}

/** What the lines of a job are found by. */
const idsOf = (job: Job): Record<string, unknown> => ({
  request_id: factIn(job, 'requestId'),
  calendar_id: factIn(job, 'calendarId'),
  account_id: factIn(job, 'accountId'),
  watch_id: factIn(job, 'watchId'),
});

/** The same for its span. */
function factsOfRun(queue: QueueName, job: Job): SpanFacts {
  const fact = (name: string) => factIn(job, name);
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queue,
    'messaging.message.id': job.id,
    'calfleet.attempt': job.attemptsMade + 1,
    'calfleet.calendar_id': fact('calendarId'),
    'calfleet.account_id': fact('accountId'),
    'calfleet.watch_id': fact('watchId'),
    'calfleet.hint': fact('event'),
    'calfleet.reason': fact('reason'),
  };
}

/** Puts the job back until `at` (milliseconds since 1970) without burning an attempt. */
async function sleep(job: Job, token: string | undefined, at: number): Promise<never> {
  await job.moveToDelayed(Math.round(at), token);
  throw new DelayedError();
}

/** So often a fleet that is restarted under load may lose the same job; what is lost more often may be what kills. */
const lossesUsual = 4;
const graceFirstMs = 30_000;
const graceLongestMs = 30 * 60_000;

/**
 * A job that kills its worker whenever it runs would be taken again as soon as its lock is over, first of its queue. From the
 * fifth loss on it waits before each run, twice as long each time. Its progress holds the loss that it has waited for.
 */
function graceOf(job: Job): number {
  const lost = job.stalledCounter;
  if (lost <= lossesUsual || job.progress === lost) return 0;
  return Math.min(graceLongestMs, graceFirstMs * 2 ** Math.min(lost - lossesUsual - 1, 10));
}

function waitedMs(job: Job): number | null {
  if (job.attemptsStarted !== 1 || job.processedOn === undefined) return null;
  return Math.max(0, job.processedOn - job.timestamp - (job.opts.delay ?? 0));
}

/** What Redis and the queue board may show of an error: its code, never its message, which may quote anything. */
const labelOf = (error: unknown): string =>
  error instanceof SyncError ? error.code : error instanceof Error ? error.name : 'unknown';

const factsOf = (error: unknown): Record<string, unknown> =>
  error instanceof SyncError ? { error, ...error.context } : { error };
