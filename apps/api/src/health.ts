/** For supervisors: whether the process lives, whether it can work, what it counts. No user's data, no key needed. */
import { z } from 'zod';
import { forEverybody } from './route.ts';

/** A probe that waits longer than this has its answer. */
const probeMs = 2000;

const alive = {
  summary: 'Whether the process lives',
  answers: { 200: z.object({ status: z.literal('ok') }) },
};

export const healthz = forEverybody(
  alive,
  () => (_request, response) => void response.json({ status: 'ok' }),
);

const ready = {
  summary: 'Whether the process can work',
  answers: {
    200: z.object({ status: z.literal('ready'), postgres: z.literal(true), redis: z.literal(true) }),
    503: z
      .object({
        status: z.literal('not_ready'),
        postgres: z.boolean().optional(),
        redis: z.boolean().optional(),
      })
      .describe('Something does not answer, or the process is about to stop.'),
  },
};

export const readyz = forEverybody(ready, ({ db, producer, stopping }) => async (_request, response) => {
  if (stopping.aborted) return void response.status(503).json({ status: 'not_ready' });
  const [postgres, redis] = await Promise.all([inTime(db.isReady()), inTime(producer.ready())]);
  const isReady = postgres && redis && !stopping.aborted;
  response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not_ready', postgres, redis });
});

const counted = {
  summary: 'What the process counts, for Prometheus',
  answers: { 200: { description: 'Its text format.', type: 'text/plain' } },
};

export const metrics = forEverybody(counted, (context) => async (_request, response) => {
  const { contentType, text } = await context.metrics.exposition();
  response.setHeader('content-type', contentType);
  response.end(text);
});

async function inTime(probe: Promise<boolean>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    AbortSignal.timeout(probeMs).addEventListener('abort', () => resolve(false));
  });
  return Promise.race([probe.catch(() => false), late]);
}
