/** The HTTP side: reads requests, lets faults strike, writes replies. It knows no dialect beyond its path prefix. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { controlReply } from './control/routes.ts';
import { precede, type FaultEffect, type FaultTarget } from './faults/faults.ts';
import { plan as planGoogle, plannedReply } from './google/handle.ts';
import { notFound } from './google/errors.ts';
import { noRoute, plan as planGraph } from './microsoft/handle.ts';
import { planLogin } from './microsoft/login.ts';
import { json, type Reply } from './reply.ts';
import type { SandboxCore } from './core.ts';

/** Owners plant thousands of events in one request; clients never send more than one. */
const BODY_MAX = { control: 256 * 2 ** 20, api: 10 * 2 ** 20 };

export interface Listener {
  url: string;
  close(): Promise<void>;
}

export async function listen(core: SandboxCore, options: { host: string; port: number }): Promise<Listener> {
  const server = http.createServer((request, response) => {
    void serve(core, request, response);
  });
  // Seeds take a while to arrive; the default of five minutes is for slow attackers.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  core: SandboxCore,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  response.on('error', () => response.destroy());
  try {
    const host = request.headers.host ?? 'localhost';
    const target = `http://${host}${request.url ?? '/'}`;
    if (!URL.canParse(target)) return send(response, json({ error: 'bad request target' }, 400));
    const url = new URL(target);
    const isControl = url.pathname.startsWith('/control/');
    const body = await readBody(request, isControl ? BODY_MAX.control : BODY_MAX.api);
    if (body === null) return send(response, json({ error: 'body too large' }, 413), { close: true });
    if (url.pathname === '/healthz') return send(response, json({ status: 'ok' }));
    const method = request.method ?? 'GET';
    if (isControl) {
      const path = url.pathname.slice('/control/'.length);
      return send(response, await controlReply(core, { method, path, params: url.searchParams, body }));
    }
    const planned = planRequest(core, {
      method,
      host,
      path: url.pathname,
      params: url.searchParams,
      headers: single(request.headers),
      body,
    });
    await serveDialect(core, response, planned);
  } catch {
    // The connection broke while we were reading; there is nobody left to answer.
    response.destroy();
  }
}

interface ApiRequest {
  method: string;
  host: string;
  /** Of the whole URL, with its leading slash. */
  path: string;
  params: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: string;
}

/** A request of either provider, ready to run. */
interface Planned extends FaultTarget {
  /** Where there are limits of concurrency: does the work in a free place, or refuses. */
  enter?<T>(work: () => Promise<T>, refuse: (reply: Reply) => T): Promise<T>;
  /** Somebody else changes the event that it is about. */
  overtake?(): void;
  run(): Promise<Reply>;
  fault(effect: FaultEffect & { kind: 'status' }): Reply;
}

/** @returns a reply where nothing lives. */
function planRequest(core: SandboxCore, { host, path, ...request }: ApiRequest): Planned | Reply {
  const behind = (prefix: string): { path: string; rootUrl: string } => ({
    path: path.slice(prefix.length + 1),
    rootUrl: `http://${host}${prefix}`,
  });
  if (path.startsWith('/google/')) {
    const google = { ...request, ...behind('/google'), rootUrl: `http://${host}/google/` };
    const found = planGoogle(core.world, google);
    if (found === undefined) return notFound().reply();
    return { ...found, fault: (effect) => plannedReply(found.operation, effect) };
  }
  if (path.startsWith('/microsoft/v1.0/')) {
    const graph = { ...request, ...behind('/microsoft/v1.0') };
    return planGraph(core.graph, graph) ?? noRoute(core.graph, graph);
  }
  if (path.startsWith('/microsoft/login/')) {
    const login = { ...request, ...behind('/microsoft/login') };
    return planLogin(core.graph, login) ?? json({ error: 'nothing here' }, 404);
  }
  return json({ error: 'nothing here' }, 404);
}

async function serveDialect(
  core: SandboxCore,
  response: http.ServerResponse,
  planned: Planned | Reply,
): Promise<void> {
  if (!('run' in planned)) return send(response, planned);
  const end = core.world.usage.begin(planned.operation, planned.account);
  const refuse = (reply: Reply): number => {
    send(response, reply);
    return reply.status;
  };
  let status = 0;
  try {
    const work = (): Promise<number> => strikeAndRun(core, response, planned);
    status = await (planned.enter === undefined ? work() : planned.enter(work, refuse));
  } finally {
    end(status);
  }
}

/** @returns the status sent; 0 when the connection was cut, or nothing was said. */
async function strikeAndRun(
  core: SandboxCore,
  response: http.ServerResponse,
  planned: Planned,
): Promise<number> {
  const effect = await precede(core.world.faults.strike(planned), () => planned.overtake?.());
  if (effect?.kind === 'drop_before') {
    response.destroy();
    return 0;
  }
  if (effect?.kind === 'hang_before') return 0;
  const reply = effect?.kind === 'status' ? planned.fault(effect) : await planned.run();
  if (effect?.kind === 'hang_after') return 0;
  if (isCut(effect)) {
    cut(response, reply, effect);
    return 0;
  }
  send(response, reply);
  return reply.status;
}

const isCut = (
  effect: FaultEffect | undefined,
): effect is FaultEffect & { kind: 'drop_after' | 'torn_body' } =>
  effect?.kind === 'drop_after' || effect?.kind === 'torn_body';

/** The work is done, but the client does not learn it, or only half. */
function cut(
  response: http.ServerResponse,
  reply: Reply,
  effect: { kind: 'drop_after' | 'torn_body' },
): void {
  const bytes = Buffer.from(reply.body);
  if (effect.kind === 'drop_after' || bytes.length < 2) return void response.destroy();
  response.writeHead(reply.status, headersOf(reply, bytes.length));
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

function send(response: http.ServerResponse, reply: Reply, options: { close?: boolean } = {}): void {
  if (response.destroyed) return;
  const hasBody = reply.status !== 204 && reply.status !== 304;
  const bytes = Buffer.from(hasBody ? reply.body : '');
  response.writeHead(reply.status, {
    ...headersOf(reply, hasBody ? bytes.length : null),
    ...(options.close === true ? { Connection: 'close' } : {}),
  });
  response.end(bytes);
}

function headersOf(reply: Reply, length: number | null): Record<string, string | number> {
  const type =
    length === null ? {} : { 'Content-Type': 'application/json; charset=UTF-8', 'Content-Length': length };
  return { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...type, ...reply.headers };
}

function single(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

/** @returns null when it is longer than allowed. */
async function readBody(request: http.IncomingMessage, max: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > max) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
