/** What supervisors and Prometheus ask a worker: whether it lives, whether it can work, what it counts. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Database } from '@calfleet/db';
import type { Clock } from '@calfleet/domain';
import type { Limiter, Producer, QueueMonitor } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { FleetGauges } from './fleet-gauges.ts';

export interface HealthDeps {
  db: Database;
  producer: Producer;
  monitor: QueueMonitor;
  limiter: Pick<Limiter, 'used'>;
  gauges: FleetGauges;
  metrics: Metrics;
  logger: Logger;
  clock: Clock;
  isStopping: () => boolean;
}

export interface HealthServer {
  /** Without a slash at its end. */
  url: string;
  close(): Promise<void>;
}

/** A probe that waits longer than this has its answer. */
const probeMs = 2_000;

/** @param options.host left out: all interfaces. Port 0: any free one. */
export async function serveHealth(
  deps: HealthDeps,
  options: { port: number; host?: string },
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    // The path alone: whatever stands behind a question mark is nobody's business here.
    const [path] = (request.url ?? '/').split('?', 1);
    answer(deps, path ?? '/', response).catch((error: unknown) => {
      deps.logger.warn('A probe could not be answered', { path, error });
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(deps: HealthDeps, path: string, response: ServerResponse): Promise<void> {
  switch (path) {
    case '/healthz':
      return json(response, 200, { status: 'ok' });
    case '/readyz': {
      const [postgres, redis] = await Promise.all([inTime(deps.db.isReady()), inTime(deps.producer.ready())]);
      const ready = postgres && redis && !deps.isStopping();
      return json(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', postgres, redis });
    }
    case '/metrics': {
      await Promise.all([readQueues(deps), readQuotas(deps), deps.gauges.refresh()]);
      const { contentType, text } = await deps.metrics.exposition();
      response.writeHead(200, { 'content-type': contentType }).end(text);
      return;
    }
    default:
      return json(response, 404, { status: 'not_found' });
  }
}

/** Gauges are as old as the scrape. Without Redis there is nothing to read; the other metrics are told all the same. */
async function readQueues({ monitor, metrics, clock, logger }: HealthDeps): Promise<void> {
  metrics.queueJobs.reset();
  metrics.queueOldestAge.reset();
  metrics.jobDead.reset();
  try {
    for (const { queue, jobs, ageMs } of await monitor.read(clock.now())) {
      for (const [state, count] of Object.entries(jobs)) metrics.queueJobs.set({ queue, state }, count);
      for (const [state, ms] of Object.entries(ageMs))
        metrics.queueOldestAge.set({ queue, state }, ms / 1_000);
      metrics.jobDead.set({ queue }, jobs.failed);
    }
  } catch (error) {
    logger.warn('The queues could not be read', { error });
  }
}

async function readQuotas({ limiter, metrics, logger }: HealthDeps): Promise<void> {
  metrics.quotaUsed.reset();
  try {
    const used = Object.entries(await limiter.used());
    for (const [provider, share] of used) metrics.quotaUsed.set({ provider }, share);
  } catch (error) {
    logger.warn('The quotas could not be read', { error });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function inTime(probe: Promise<boolean>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    AbortSignal.timeout(probeMs).addEventListener('abort', () => resolve(false));
  });
  return Promise.race([probe.catch(() => false), late]);
}
