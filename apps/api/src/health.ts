/** For supervisors: whether the process lives, whether it can work, what it counts. No user's data, no key needed. */
import { Router } from 'express';
import type { Context } from './context.ts';

/** A probe that waits longer than this has its answer. */
const probeMs = 2000;

export function healthRoutes({ db, producer, metrics, stopping }: Context): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  router.get('/readyz', async (_request, response) => {
    if (stopping.aborted) return void response.status(503).json({ status: 'not_ready' });
    const [postgres, redis] = await Promise.all([inTime(db.isReady()), inTime(producer.ready())]);
    const ready = postgres && redis && !stopping.aborted;
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready', postgres, redis });
  });
  router.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.exposition();
    response.setHeader('content-type', contentType);
    response.end(text);
  });
  return router;
}

async function inTime(probe: Promise<boolean>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    AbortSignal.timeout(probeMs).addEventListener('abort', () => resolve(false));
  });
  return Promise.race([probe.catch(() => false), late]);
}
