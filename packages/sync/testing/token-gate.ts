/** A toll gate before a token endpoint: counts who asks, and keeps answers back until the test lets them go. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenGate {
  /** Stands in for the origin behind it; paths go through as they are. */
  url: string;
  /** Requests so far. */
  asked(): number;
  /** Keeps the answer of the next request back. @returns what lets it go */
  keepNext(): () => void;
  close(): Promise<void>;
}

/** @param origin where requests go, e.g. `http://127.0.0.1:1234` */
export async function startTokenGate(origin: string): Promise<TokenGate> {
  let asked = 0;
  let kept: Promise<void> | null = null;
  const server = createServer((request, response) => {
    asked += 1;
    const wait = kept ?? Promise.resolve();
    kept = null;
    // A connection that the origin cuts is cut here, too.
    pass(origin, request, response, wait).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    keepNext: () => {
      let letGo: () => void = () => undefined;
      kept = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      return letGo;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pass(
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
  wait: Promise<void>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const answer = await fetch(`${origin}${request.url ?? ''}`, {
    method: request.method ?? 'POST',
    headers: { 'content-type': request.headers['content-type'] ?? '' },
    body: Buffer.concat(chunks),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  await wait;
  response.writeHead(answer.status, {
    'content-type': answer.headers.get('content-type') ?? '',
    ...(answer.headers.has('retry-after') && { 'retry-after': answer.headers.get('retry-after') ?? '' }),
  });
  response.end(body);
}
