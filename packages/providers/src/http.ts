/**
 * Plain HTTP for what no provider client serves: one request, one timeout, one size cap, and errors that name the
 * host and the status but never a path, a header or a body (paths hold mail addresses, bodies hold tokens).
 */
import { SyncError } from '@calfleet/domain';

interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: string | URLSearchParams;
  timeoutMs: number;
  /** Longer answers are given up; bytes after decompression. */
  bytesMax: number;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Sends one request and reads its whole answer, whatever its status. Redirects are refused: none of our endpoints
 * redirects, and a followed one would carry the credentials along.
 * @throws provider_unavailable no answer, a cut answer, a timeout or one above the size cap
 */
export async function send(request: HttpRequest): Promise<HttpAnswer> {
  const { host } = new URL(request.url);
  try {
    const response = await fetch(request.url, {
      method: request.method,
      redirect: 'manual',
      signal: AbortSignal.timeout(request.timeoutMs),
      ...(request.headers && { headers: request.headers }),
      ...(request.body !== undefined && { body: request.body }),
    });
    return {
      status: response.status,
      headers: response.headers,
      text: await readCapped(response, request.bytesMax),
    };
  } catch (thrown) {
    if (thrown instanceof SyncError) throw thrown;
    throw new SyncError('provider_unavailable', `no answer from ${host}`, {
      context: { host, cause: networkCause(thrown) },
    });
  }
}

/** JSON of an answer; undefined when the text is none, which is how torn bodies and error pages of proxies look. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A day: no provider documents longer waits, and an absurd header must not park an account for good. */
const RETRY_AFTER_MAX_MS = 86_400_000;

/**
 * `Retry-After` in milliseconds, from seconds or an HTTP date (RFC 9110, 10.2.3); undefined when absent or unreadable.
 */
export function retryAfterMs(header: string | null | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? '';
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime();
  if (text === '' || Number.isNaN(ms)) return undefined;
  return Math.min(Math.max(Math.ceil(ms), 0), RETRY_AFTER_MAX_MS);
}

/** The short name of what went wrong below HTTP (`ECONNRESET`, `TimeoutError`, …), without its message. */
export function networkCause(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return 'unknown';
  const { code, name, cause } = thrown as { code?: unknown; name?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  if (typeof cause === 'object' && cause !== null) return networkCause(cause);
  return typeof name === 'string' ? name : 'unknown';
}

async function readCapped(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new SyncError('provider_unavailable', 'answer above the size cap');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
