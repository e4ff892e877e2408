/**
 * The moment between "I go" and "I am gone" of a server behind a balancer: it serves on, tells each caller to come back
 * over another connection, and leaves when nobody has asked for a while.
 */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as accepted, setTimeout as pause } from 'node:timers/promises';

/** Balancers need about a second to notice that an instance goes; one that is slow keeps on asking. */
const leastMs = 1_500;
const quietMs = 750;
/** Supervisors kill after ten seconds, and the answers under way need theirs. */
const mostMs = 4_000;

export interface DepartureOptions {
  /** Serve on until nobody has asked for a while, at the latest after 4 s. */
  linger?: boolean;
  /** What is still being answered this long after the last connection was taken is cut off. */
  timeoutMs?: number;
}

/**
 * Watches the server from now on.
 * @returns what makes it go, once: resolves when the last connection is closed
 */
export function prepareDeparture(server: Server): (options?: DepartureOptions) => Promise<void> {
  let isGoing = false;
  let askedAt = 0;
  const unanswered = new Set<ServerResponse>();
  /** Connections that carried no request yet: Node holds them for busy and would wait for them. */
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  // Before the application, which may answer at once.
  server.prependListener('request', (request, response) => {
    askedAt = performance.now();
    unused.delete(request.socket);
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    if (isGoing) sendAway(response);
  });

  const nobodyAsks = async (): Promise<void> => {
    const startedAt = performance.now();
    await pause(leastMs);
    while (performance.now() - askedAt < quietMs && performance.now() - startedAt < mostMs) await pause(100);
  };

  return async ({ linger = false, timeoutMs = 5000 } = {}) => {
    isGoing = true;
    for (const response of unanswered) sendAway(response);
    if (linger) await nobodyAsks();
    // A connection that waits to be accepted would be reset.
    await accepted();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const dropUnused = setTimeout(() => {
      for (const socket of unused) socket.destroy();
    }, quietMs);
    const dropAll = setTimeout(() => server.closeAllConnections(), timeoutMs);
    await closed;
    clearTimeout(dropUnused);
    clearTimeout(dropAll);
  };
}

/** Whoever came over this connection again would meet a server that is gone. */
function sendAway(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
