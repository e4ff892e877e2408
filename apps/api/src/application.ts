/** Express, and nothing that knows calendars: names the request, knows the caller, reads JSON, writes answers. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { isDatabaseUnavailable } from '@calfleet/db';
import { asSyncError, SyncError } from '@calfleet/domain';
import { inSpan, timeRequest } from '@calfleet/telemetry';
import { addressOf, authenticate, isAdmin, userOf, type Caller } from './auth/caller.ts';
import { limitCaller } from './auth/rate-limit.ts';
import type { AdminCall, Answer, Context } from './context.ts';
import { describeApi } from './description/document.ts';
import { problemBody, RequestProblem } from './problems.ts';
import { idempotencyKeyOf } from './requests/input.ts';
import type { AdminRoute, Audience, OpenRoute, UserRoute } from './route.ts';
import { callRoutes, pageRoutes, prefix, type PlacedCall } from './routes/index.ts';

export function createApplication(context: Context, audience: Audience = 'all'): Express {
  const forCallers = audience !== 'administrators';
  const forAdministrators = audience !== 'callers';
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // One flat name, one text; the extended parser builds objects out of brackets.
  app.set('query parser', 'simple');
  app.set('trust proxy', false);
  app.set('case sensitive routing', true);

  app.use(nameRequest);
  app.use((request, response, next) => {
    timeRequest(context.metrics, request.method, response, () => patternOf(request, response));
    next();
  });
  // JSON is no page; the pages say for themselves what they may load.
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: nothing } }));
  const isServed = ({ audience: of = 'all' }: OpenRoute) =>
    of === 'all' || audience === 'all' || of === audience;
  const document = describeApi([...callRoutes, ...pageRoutes]);
  for (const { method, path, route } of pageRoutes.filter((placed) => isServed(placed.route))) {
    app[route.isMount ? 'use' : method](path, named(path), route.serve(context, document));
  }

  // Whoever is not known does not get as far as a body being read.
  app.use(prefix, async (request, response, next) => {
    response.locals['caller'] = await authenticate(request, context.identify);
    next();
  });
  app.use(prefix, limited(context));
  if (forAdministrators) app.use(`${prefix}/admin`, adminsOnly(context));
  app.use(prefix, demandJson, capBody, express.json({ limit: bodyMax }));
  for (const placed of callRoutes) {
    if (!(placed.route.scope === 'admin' ? forAdministrators : forCallers)) continue;
    app[placed.method](placed.path, named(placed.path), traced(placed, serve(context, placed.route)));
  }

  app.use(() => {
    throw new RequestProblem('not_found', 'There is no such address');
  });
  app.use(answerError(context));
  return app;
}

const nothing = { 'default-src': ["'none'"], 'base-uri': ["'none'"], 'frame-ancestors': ["'none'"] };

/** As the ingress; the largest event that a provider takes is far smaller. */
const bodyMax = 256 * 1024;

function nameRequest(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const isUsable = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given);
  response.setHeader('x-request-id', isUsable ? given : randomUUID());
  next();
}

/** Of what answers: by the time an answer is out, Express may have forgotten where it was. */
const named =
  (pattern: string) =>
  (_request: Request, { locals }: Response, next: NextFunction): void => {
    locals['pattern'] = pattern;
    next();
  };

function patternOf({ route }: Request, { locals }: Response): string | null {
  const pattern: unknown = locals['pattern'] ?? (route as { path?: unknown } | undefined)?.path;
  return typeof pattern === 'string' ? pattern : null;
}

function demandJson(request: Request, _response: Response, next: NextFunction): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && !request.is('application/json')) {
    throw new RequestProblem('invalid_input', 'Bodies are application/json', { status: 415 });
  }
  next();
}

/** Express reads a body to its end before it says that it is too large; whoever sends ten megabytes is told at once. */
function capBody(request: Request, response: Response, next: NextFunction): void {
  const tooLarge = () => {
    response.setHeader('connection', 'close');
    return new RequestProblem('invalid_input', 'The body is larger than 256 KiB', { status: 413 });
  };
  if (Number(request.headers['content-length'] ?? 0) > bodyMax) throw tooLarge();
  if (request.headers['transfer-encoding'] !== undefined) {
    let left = bodyMax;
    request.on('data', (chunk: Buffer) => {
      if (left >= 0 && chunk.length > left) next(tooLarge());
      left -= chunk.length;
    });
  }
  next();
}

type Serve = (request: Request, response: Response) => Promise<void>;

/** Callers have shown their key by now, so their `traceparent` is believed. */
const traced =
  ({ method, path }: PlacedCall, work: Serve): Serve =>
  (request, response) => {
    const name = `api ${upper[method]} ${path}` as const;
    const facts = {
      'http.request.method': upper[method],
      'http.route': path,
      'calfleet.request_id': String(response.getHeader('x-request-id')),
    };
    const traceparent = request.headersDistinct['traceparent']?.[0];
    // The caller's own mistakes are no failures of ours.
    const isFailure = (thrown: unknown) => statusOf(thrown) >= 500;
    return inSpan(name, { kind: 'server', facts, traceparent, isFailure }, async (span) => {
      try {
        await work(request, response);
        span.set({ 'http.response.status_code': response.statusCode });
      } catch (thrown) {
        span.set({ 'http.response.status_code': statusOf(thrown) });
        throw thrown;
      }
    });
  };

const upper = { get: 'GET', post: 'POST', patch: 'PATCH', delete: 'DELETE' } as const;

const statusOf = (thrown: unknown): number => problemBody(readError(thrown), '').status;

const serve =
  (context: Context, route: UserRoute | AdminRoute): Serve =>
  async (request, response) => {
    const call = callOf(context, request, response);
    if (route.scope === 'admin') return send(response, await route.handle(context, call));
    const userId = ownUser(context, request, response);
    await send(response, await route.handle(context, { ...call, userId }));
  };

/** Set by the first hand of the router, which lets nobody pass without. */
const callerOf = ({ locals }: Response): Caller => locals['caller'] as Caller;

function ownUser({ refusals }: Context, request: Request, response: Response): string {
  const caller = callerOf(response);
  try {
    return userOf(caller, request);
  } catch (error) {
    if (caller.kind === 'user') refusals.count('other_user', addressOf(request));
    throw error;
  }
}

/** Administrators at work are not counted: the kill switch is needed most when a program runs wild with their key. */
const limited =
  ({ throttle, config: { callerLimits: limits }, refusals }: Context) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const caller = callerOf(response);
    const isExempt = isAdmin(caller) && request.path.startsWith('/admin/');
    if (throttle && limits && !isExempt) {
      await limitCaller({ throttle, limits }, caller, response).catch((error: unknown) => {
        refusals.count('too_many', addressOf(request));
        throw error;
      });
    }
    next();
  };

const adminsOnly =
  ({ refusals }: Context) =>
  (request: Request, response: Response, next: NextFunction): void => {
    if (!isAdmin(callerOf(response))) {
      refusals.count('scope', addressOf(request));
      throw new RequestProblem('not_allowed', 'Only an admin key may do this');
    }
    next();
  };

function callOf(context: Context, request: Request, response: Response): AdminCall {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return {
    caller: callerOf(response),
    address: addressOf(request),
    method: request.method,
    route: `${request.method} ${String(response.locals['pattern']).slice(prefix.length)}`,
    path: request.baseUrl + request.path,
    params: request.params as Record<string, string>,
    query: { ...request.query },
    body: request.body as unknown,
    idempotencyKey: request.method === 'GET' ? null : idempotencyKeyOf(request.headersDistinct),
    gone: gone.signal,
    ifMatch: request.headersDistinct['if-match']?.join(', ') ?? null,
    requestId: requestIdOf(response),
    logger: context.logger.child({ request_id: requestIdOf(response) }),
  };
}

async function send(response: Response, { status, body, headers = {}, lines }: Answer): Promise<void> {
  if (!response.writable) return;
  if (lines) return sendLines(response, status, lines);
  response
    .set({ 'cache-control': 'no-store', ...headers })
    .status(status)
    .json(body);
}

/** One that fails under way is cut off, so that nobody takes it for whole. */
async function sendLines(response: Response, status: number, lines: AsyncIterable<unknown>): Promise<void> {
  response.set({ 'cache-control': 'no-store', 'content-type': 'application/x-ndjson' }).status(status);
  try {
    await pipeline(Readable.from(texts(lines)), response);
  } catch (thrown) {
    // Whoever went away needs no answer.
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw thrown;
  }
}

async function* texts(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

const requestIdOf = (response: Response): string => String(response.getHeader('x-request-id'));

/** Express knows an error handler by its four parameters. */
const answerError =
  ({ logger }: Context) =>
  (thrown: unknown, request: Request, response: Response, next: NextFunction): void => {
    // Answered while its body was still coming.
    if (response.writableEnded) return;
    if (response.headersSent) return next(thrown);
    const error = readError(thrown);
    const requestId = String(response.getHeader('x-request-id'));
    const problem = problemBody(error, requestId);
    if (problem.status >= 500) {
      logger.error('A request failed', { ...faultOf(thrown), request_id: requestId, method: request.method });
    }
    if (problem.status === 503) response.setHeader('retry-after', '5');
    if (problem.status === 429 && !response.hasHeader('retry-after')) response.setHeader('retry-after', '60');
    if (problem.status === 401 && !response.hasHeader('www-authenticate')) {
      response.setHeader('www-authenticate', 'Bearer');
    }
    response.status(problem.status).setHeader('cache-control', 'no-store');
    response.setHeader('content-type', 'application/problem+json; charset=utf-8');
    response.end(JSON.stringify(problem));
  };

function readError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const status = clientErrorStatus(thrown);
  if (status !== null) return frameworkProblem(thrown, status);
  if (isDatabaseUnavailable(thrown)) return new SyncError('provider_unavailable', 'Postgres is away');
  return asSyncError(thrown);
}

/** What Express and its parsers throw for a bad request carries its status. */
function clientErrorStatus(thrown: unknown): number | null {
  if (typeof thrown !== 'object' || thrown === null || !('status' in thrown)) return null;
  const { status } = thrown;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

function frameworkProblem(thrown: unknown, status: number): RequestProblem {
  if (thrown instanceof URIError) return new RequestProblem('not_found', 'The address does not decode');
  if (status === 413) {
    return new RequestProblem('invalid_input', 'The body is larger than 256 KiB', { status });
  }
  if (status === 415)
    return new RequestProblem('invalid_input', 'The body is not readable as sent', { status });
  return new RequestProblem('invalid_input', 'The body is not JSON', {
    errors: [{ path: '', message: 'is not a JSON object' }],
  });
}

/** Where it went wrong, but not what with: database messages quote the values of statements. */
function faultOf(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { fault: typeof thrown };
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { fault: thrown.name, frames: frames.slice(0, 8).map((line) => line.trim()) };
}
