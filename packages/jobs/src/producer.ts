/**
 * Adds jobs. An add either is in Redis when it resolves, or fails within its time: whoever answers a provider must
 * neither hang on Redis nor say yes without it.
 */
import { SyncError } from '@calfleet/domain';
import { activeTraceId, carrier, inSpan, type Span } from '@calfleet/telemetry';
import { queueNames } from './catalog.ts';
import type { JobRequest, OnRefused, Producer, RedisAddress } from './contract.ts';
import { forgetIn } from './forget.ts';
import { planOf, type Plan } from './plan.ts';
import { createQueueShelf } from './queue-shelf.ts';
import { within } from './within.ts';

/** Redis did not take the job in time. It may still have it; adding again is harmless. */
export class QueueUnavailable extends SyncError {
  constructor(cause: unknown) {
    super('provider_unavailable', 'Redis did not take the job', { cause });
    this.name = 'QueueUnavailable';
  }
}

export interface ProducerOptions extends RedisAddress {
  /** Told once per outage, and of anything unusual. */
  onError: (error: Error) => void;
  /** Longest time of one call, milliseconds. Default 1500, half of what Microsoft grants a notification. */
  timeoutMs?: number;
}

/** A blip is worth a short wait, an outage is not: callers would pile up. */
const connectGraceMs = 300;
/** A queue with a long backlog takes its time to be looked through; nobody waits for an answer. */
const forgetMs = 30_000;

export function createProducer({ timeoutMs = 1500, ...options }: ProducerOptions): Producer {
  const shelf = createQueueShelf(options);
  const { redis } = shelf;

  const add = async (plans: readonly Plan[], span?: Span): Promise<void> => {
    await shelf.connected(connectGraceMs);
    const [only] = plans;
    if (only && plans.length === 1) {
      const job = await (await shelf.open(only.queue)).add(only.name, only.payload, only.options);
      span?.set({ 'messaging.message.id': job.id });
      return;
    }
    for (const name of new Set(plans.map((plan) => plan.queue))) {
      const jobs = plans.filter((plan) => plan.queue === name);
      const queue = await shelf.open(name);
      await queue.addBulk(jobs.map((job) => ({ name: job.name, data: job.payload, opts: job.options })));
    }
  };

  const addInTime = async (plans: readonly Plan[]): Promise<void> => {
    try {
      await within(timeoutMs, addTraced(plans, add), 'Redis did not answer in time');
    } catch (error) {
      throw new QueueUnavailable(error);
    }
  };

  return {
    enqueue: async (name, payload, options) => addInTime([planOf(name, payload, options)]),
    enqueueMany: async (requests, onRefused) => {
      const plans = requests.flatMap((request) => planUnlessRefused(request, onRefused));
      for (let start = 0; start < plans.length; start += batchSize) {
        await addInTime(plans.slice(start, start + batchSize));
      }
    },
    forget: async (ids) => {
      const wanted = new Set(ids);
      try {
        await shelf.connected(connectGraceMs);
        for (const name of queueNames) {
          await within(
            forgetMs,
            shelf.open(name).then((queue) => forgetIn(queue, wanted)),
            'Redis did not answer in time',
          );
        }
      } catch (error) {
        throw new QueueUnavailable(error);
      }
    },
    ready: async () => {
      try {
        await within(
          timeoutMs,
          shelf.connected(connectGraceMs).then(() => redis.ping()),
          'no answer',
        );
        return true;
      } catch {
        return false;
      }
    },
    close: () => shelf.close(),
  };
}

function planUnlessRefused(request: JobRequest, onRefused: OnRefused | undefined): Plan[] {
  try {
    return [planOf(request.name, request.payload, request.options)];
  } catch (error) {
    if (!onRefused || !(error instanceof SyncError)) throw error;
    onRefused(request, error);
    return [];
  }
}

/**
 * Within a trace, jobs belong to it. One that coalesces with a waiting job brings nothing along: its trace ends here, at
 * the id of the job that runs for both, and that run is in the trace of whoever was first. Where the waiting one already
 * runs, BullMQ keeps the last adder's job with its trace.
 */
async function addTraced(
  plans: readonly Plan[],
  add: (plans: readonly Plan[], span?: Span) => Promise<void>,
): Promise<void> {
  const [first] = plans;
  if (!first || activeTraceId() === undefined) return add(plans);
  const facts = {
    'messaging.system': 'bullmq',
    'messaging.destination.name': first.queue,
    'messaging.batch.message_count': plans.length,
    'calfleet.job': first.name,
  };
  return inSpan('enqueue', { kind: 'producer', facts }, (span) => {
    const metadata = carrier();
    const telemetry = metadata === undefined ? {} : { telemetry: { metadata } };
    return add(
      plans.map((plan) => ({ ...plan, options: { ...plan.options, ...telemetry } })),
      span,
    );
  });
}

/** The same producer for work that a request led to: what it adds belongs to the request as well. */
export function onBehalfOf(
  producer: Pick<Producer, 'enqueue' | 'enqueueMany'>,
  requestId: string | undefined,
): Pick<Producer, 'enqueue' | 'enqueueMany'> {
  if (requestId === undefined) return producer;
  return {
    enqueue: (name, payload, options) => producer.enqueue(name, payload, { requestId, ...options }),
    enqueueMany: (requests, onRefused) =>
      producer.enqueueMany(
        requests.map((request) => ({ ...request, options: { requestId, ...request.options } })),
        onRefused,
      ),
  };
}

/** One pipeline of this many stays far below the time limit of a call, also on a slow Redis. */
const batchSize = 500;
