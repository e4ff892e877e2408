/**
 * What an administrator may do on the queue board, and that it is written down. Payloads and schedules come from the
 * catalogue alone, and a queue that is obliterated takes the schedules with it: those routes are refused.
 */
import type { BeforeHook } from '@bull-board/api/typings/app';
import type { Logger } from '@calfleet/telemetry';

/** Routes that change something, in the board's own words. */
const allowed = new Set([
  'put /api/queues/pause',
  'put /api/queues/resume',
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/:queueName/promote',
  'put /api/queues/:queueName/retry/:queueStatus',
  'put /api/queues/:queueName/clean/:queueStatus',
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/:jobId/promote',
  'put /api/queues/:queueName/:jobId/clean',
  'put /api/queues/:queueName/job-schedulers/:schedulerId/run',
]);

/** Its jobs are the only copy of a notification until they ran: nothing in Postgres knows of it yet. */
const onlyCopies = 'webhooks';
const wouldLoseHints = (route: string, params: Record<string, unknown>): boolean =>
  params['queueName'] === onlyCopies &&
  (route.endsWith('/:jobId/clean') || (route.includes('/clean/') && params['queueStatus'] !== 'completed'));

/** Jobs of one page; the board offers fewer. */
const pageMax = 200;

export const guardBoard =
  (logger: Logger): BeforeHook =>
  ({ method, route, request }) => {
    const { query, params } = request as { query: Record<string, unknown>; params: Record<string, unknown> };
    if (method === 'get') {
      if (!(Number(query['jobsPerPage'] ?? 0) > pageMax)) return { allow: true };
      return { allow: false, status: 400, message: `jobsPerPage is at most ${pageMax}` };
    }
    const refusal = !allowed.has(`${method} ${route}`)
      ? 'Not from here: the catalogue alone makes jobs'
      : wouldLoseHints(route, params)
        ? `A job of ${onlyCopies} is the only copy of its notification. Retry it, never clean it`
        : null;
    // Who it was stands in the audit log.
    logger.info(refusal === null ? 'An administrator works on the queues' : 'Refused on the queue board', {
      action: `${method} ${route}`,
      queue: params['queueName'],
      job_id: params['jobId'],
      schedule: params['schedulerId'],
      status: params['queueStatus'],
    });
    return refusal === null ? { allow: true } : { allow: false, status: 403, message: refusal };
  };
