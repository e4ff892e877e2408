import type { ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';

/**
 * Observes one request until its answer is out. A client that went away before is told as status class `none`.
 * @param routeOf asked at the end: the pattern of the route that answered, never the address; null when none did
 */
export function timeRequest(
  { httpRequestDuration }: Pick<Metrics, 'httpRequestDuration'>,
  method: string | undefined,
  response: ServerResponse,
  routeOf: () => string | null,
): void {
  const end = httpRequestDuration.startTimer();
  response.once('close', () => {
    const isAnswered = response.writableFinished;
    const statusClass = isAnswered ? `${Math.floor(response.statusCode / 100)}xx` : 'none';
    end({ route: routeOf() ?? 'unmatched', method: method ?? 'other', status_class: statusClass });
  });
}
