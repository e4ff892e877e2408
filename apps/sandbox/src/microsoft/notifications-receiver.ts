/** A webhook receiver that answers validations, for tests of this package. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Validation {
  path: string;
  /** As it stood in the query, escaped. */
  rawToken: string;
  token: string;
  contentType: string | undefined;
}

export interface ReceivedPost {
  path: string;
  contentType: string | undefined;
  items: Record<string, unknown>[];
}

interface ValidationAnswer {
  status?: number;
  contentType?: string;
  body?: string;
  delayMs?: number;
}

export interface GraphReceiver {
  /** Without a slash; every path answers. */
  url: string;
  validations: Validation[];
  posts: ReceivedPost[];
  /** Statuses for the next posts; 202 when there are none left. */
  answers: number[];
  /** Real milliseconds before a post is answered. */
  delayMs: number;
  /** Another answer than the right one to a validation. */
  validationAnswer: (validation: Validation) => ValidationAnswer | Promise<ValidationAnswer>;
  /** Every item so far, in order of arrival. */
  items(path?: string): Record<string, unknown>[];
  close(): Promise<void>;
}

export async function startGraphReceiver(): Promise<GraphReceiver> {
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => void answer(receiver, request, response, body).catch(() => response.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: GraphReceiver = {
    url: `http://127.0.0.1:${port}`,
    validations: [],
    posts: [],
    answers: [],
    delayMs: 0,
    validationAnswer: () => ({}),
    items: (path) =>
      receiver.posts.filter((post) => path === undefined || post.path === path).flatMap(({ items }) => items),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

async function answer(
  receiver: GraphReceiver,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  body: string,
): Promise<void> {
  const target = request.url ?? '/';
  const contentType = request.headers['content-type'];
  const token = new URL(target, receiver.url).searchParams.get('validationToken');
  if (token !== null) {
    const rawToken = /validationToken=([^&]*)/.exec(target)?.[1] ?? '';
    const validation = { path: target.replace(/[?&]validationToken=.*$/, ''), rawToken, token, contentType };
    receiver.validations.push(validation);
    const wrong = await receiver.validationAnswer(validation);
    await pause(wrong.delayMs ?? 0);
    response.writeHead(wrong.status ?? 200, {
      'content-type': wrong.contentType ?? 'text/plain; charset=utf-8',
    });
    response.end(wrong.body ?? token);
    return;
  }
  const { value } = JSON.parse(body) as { value: Record<string, unknown>[] };
  receiver.posts.push({ path: target, contentType, items: value });
  await pause(receiver.delayMs);
  response.writeHead(receiver.answers.shift() ?? 202).end();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
