/** The routes. Kept short on purpose: every middleware here is paid for by every notification. */
import { inSpan, timeRequest, type SpanName } from '@calfleet/telemetry';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { capBody } from './body-cap.ts';
import type { NotificationDeps } from './deps.ts';
import { receiveGoogle } from './google.ts';
import { receiveMicrosoft } from './microsoft.ts';
import { sendProblem } from './problem.ts';
import { nameRequest, requestIdOf } from './request-id.ts';

export const googlePath = '/integrations/calendar/webhooks/google';
/** Graph's lifecycle notifications come here too. */
export const microsoftPath = '/integrations/calendar/webhooks/microsoft';

export function createApplication(deps: NotificationDeps & { isStopping: () => boolean }): Express {
  const { producer, metrics, logger, isStopping } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  // X-Forwarded-For is anybody's to write; the source of a request is its connection.
  app.set('trust proxy', false);

  app.use(nameRequest);
  app.use((request, response, next) => {
    timeRequest(metrics, request.method, response, () => patternOf(request));
    next();
  });
  app.post(googlePath, capBody, traced('notification google', receiveGoogle(deps)));
  // Caps the body itself, since it reads it.
  app.post(microsoftPath, traced('notification microsoft', receiveMicrosoft(deps)));
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    const ready = !isStopping() && (await producer.ready());
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready' });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.exposition();
    response.setHeader('content-type', contentType);
    response.end(text);
  });
  app.use((_request, response) => sendProblem(response, 'not_found'));
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    if (isClientError(error)) return sendProblem(response, 'not_found');
    logger.error('A request failed', {
      error,
      request_id: requestIdOf(response),
      path: request.path,
    });
    sendProblem(response, 'bug');
  });
  return app;
}

/** Set by Express once a route took the request. */
function patternOf(request: Request): string | null {
  const { path } = (request.route ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : null;
}

/** An address that does not decode, for example. */
const isClientError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'status' in error && error.status === 400;

type Receive = (request: Request, response: Response) => Promise<void>;

/** A trace begins here, always: whoever sends notifications is nobody whose `traceparent` we believe. */
const traced =
  (name: SpanName, receive: Receive): Receive =>
  (request, response) =>
    inSpan(name, { kind: 'server', facts: { 'http.request.method': 'POST' } }, async (span) => {
      await receive(request, response);
      span.set({ 'http.response.status_code': response.statusCode });
      if (response.statusCode >= 500) span.fail(String(response.statusCode));
    });
