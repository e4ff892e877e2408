/** Every metric, declared once. Base units, few labels, never a user, e-mail address or calendar id among them. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createDeclare, type ProcessName } from './metrics/declare.ts';
import { declareNotifications, declareRequests } from './metrics/edge.ts';
import { declareFleet } from './metrics/fleet.ts';
import { declareJobs } from './metrics/jobs.ts';
import { declareProviderCalls, declareRounds } from './metrics/sync.ts';
import { declareWrites } from './metrics/writes.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The metrics of one process, in a registry of their own, so that several processes can live in one test.
 * @param process which one: exports its own metrics, and those of Node.js (`process_…`, `nodejs_…`, under the names
 * that every client library gives them). Left out: all of ours, and none of Node's.
 */
export function createMetrics(process?: ProcessName) {
  const registry = new Registry();
  if (process !== undefined) collectDefaultMetrics({ register: registry });
  const of = (...exporters: ProcessName[]) => createDeclare(registry, { process, exporters });
  return {
    /** What a scrape answers, and its content type. */
    exposition: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    ...declareNotifications(of('ingress')),
    ...declareRequests(of('ingress', 'api')),
    ...declareRounds(of('worker')),
    ...declareProviderCalls(of('worker')),
    ...declareJobs(of('worker')),
    ...declareFleet(of('worker')),
    ...declareWrites(of('worker')),
  };
}
