/**
 * What Node cannot parse never becomes a request; it is refused here as Node itself would, but for an address without
 * end: that is a validation token over its cap, and gets the answer of one.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemText, problemType } from './problem.ts';

/** More of an address than any real one has, and less than the cap of all headers. */
const overlongAddress = /^[A-Z]{3,7} \S{8192}/;

/** Whoever still sends is heard, unread, for this long: cut at once, he might not see the answer. */
const lingerMs = 1000;

/** For the `clientError` event of a server. */
export function refuseUnreadable(error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket): void {
  // The event comes again with everything that still arrives.
  if (socket.writableEnded) return;
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const { status, head, body } = answerTo(error);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${head}\r\n${body}`);
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(cut));
}

function answerTo(error: { code?: string; rawPacket?: Buffer }): {
  status: number;
  head: string;
  body: string;
} {
  const bare = (status: number) => ({ status, head: '', body: '' });
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW': {
      if (!overlongAddress.test(error.rawPacket?.toString('latin1', 0, 10_000) ?? '')) return bare(431);
      const { status, text } = problemText('too_large', { requestId: randomUUID() });
      return {
        status,
        head: `Content-Type: ${problemType}\r\nContent-Length: ${text.length}\r\n`,
        body: text,
      };
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return bare(413);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return bare(408);
    default:
      return bare(400);
  }
}
