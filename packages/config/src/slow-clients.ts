/**
 * How much patience a server has with its clients: whoever sends a request a byte at a time, or never reads the answer, holds
 * a connection and what lies behind it for no longer than this.
 */
import type { Server, ServerOptions } from 'node:http';

/** Milliseconds. */
export interface Patience {
  /** From the first byte to the end of the headers. */
  headersMs: number;
  /** From the first byte to the end of the body. */
  requestMs: number;
  /** Without a byte in either direction, also where an answer is not read. Longer than any answer takes to begin. */
  stalledMs: number;
  /** How often the first two are looked at. */
  checkEveryMs: number;
}

/** Google sends about 1 KiB of headers, tokens of at most 256 characters included. */
const headerBytesMax = 16 * 1024;
const headersMax = 100;
/** Longer than the idle time of common load balancers (60 s), which must not meet a closing connection. */
const keepAliveMs = 65_000;

export const serverOptions = ({ headersMs, requestMs, checkEveryMs }: Patience): ServerOptions => ({
  maxHeaderSize: headerBytesMax,
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  connectionsCheckingInterval: checkEveryMs,
  keepAliveTimeout: keepAliveMs,
  noDelay: true,
});

export function limitClients(server: Server, { stalledMs }: Patience): void {
  server.maxHeadersCount = headersMax;
  // Nobody listens for the time-out, so Node cuts the connection.
  server.setTimeout(stalledMs);
}
