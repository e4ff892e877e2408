/**
 * One request to Graph. Retries belong to the queue; the token is asked for at each call and a refused one is renewed
 * exactly once. No request leaves for anywhere but the configured root: links come out of answers and cursors out of
 * a database, and a bearer token goes along.
 */
import { asSyncError, SyncError, type Clock, type ProviderSession } from '@calfleet/domain';
import { answerOf } from '../answer.ts';
import { inCallSpan } from '../call-span.ts';
import { parseJson, send } from '../http.ts';
import { isTokenRefused, toSyncError, type GraphAnswer, type GraphOperation } from './errors.ts';

export interface GraphCalls {
  /** `https://graph.microsoft.com/v1.0` or a sandbox. */
  rootUrl: string;
  /** For one request with its whole answer. */
  timeoutMs: number;
  clock: Clock;
}

export interface GraphRequest {
  operation: GraphOperation;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** A path below the root (`/me/calendars`), or a link that Graph gave. */
  at: string;
  body?: unknown;
  /** The etag of the only version that may be written over. */
  ifMatch?: string;
  /** Wanted size of pages. */
  pageSize?: number;
  /** How many Graph counts it as. Default 1. */
  requests?: number;
  /** How long the token has to live, for what rests on it after the answer. */
  tokenLifeMs?: number;
  /** The answers inside an answer: one of them may say to stay away, too. */
  partsOf?: (answer: GraphAnswer) => GraphAnswer[];
}

/** Pages with the bodies of some hundred events stay far below; more would not fit into a worker anyway. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Nothing of it is remembered between requests, so it goes with every one: ids that survive a move, times in UTC,
 * bodies as text. https://learn.microsoft.com/graph/outlook-immutable-id
 */
export const PREFER = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"';

/** The JSON of a successful answer. @throws SyncError as {@link toSyncError} says, and what the session raises */
export async function call(
  calls: GraphCalls,
  session: ProviderSession,
  request: GraphRequest,
): Promise<unknown> {
  const answer = await ask(calls, session, request);
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw toSyncError(answer, request.operation, calls.clock.now());
}

/** Whatever Graph answers, once the token was not refused. @throws SyncError no answer, no place, no token */
export async function ask(
  calls: GraphCalls,
  session: ProviderSession,
  request: GraphRequest,
): Promise<GraphAnswer> {
  const url = urlOf(calls, request.at);
  const { tokenLifeMs: lifeMs } = request;
  const given = await session.accessToken(lifeMs === undefined ? {} : { lifeMs });
  const first = await attempt(calls, session, { ...request, url, token: given });
  if (!isTokenRefused(first)) return first;
  const token = await session.accessToken({ fresh: true });
  return attempt(calls, session, { ...request, url, token });
}

/**
 * The address of a path or link.
 * @throws provider_unavailable a link that leads away from the configured root
 */
export function urlOf({ rootUrl }: GraphCalls, at: string): string {
  const root = rootUrl.replace(/\/+$/, '');
  if (at.startsWith('/')) return `${root}${at}`;
  const wanted = new URL(root);
  const url = URL.canParse(at) ? new URL(at) : null;
  const isOurs =
    url?.origin === wanted.origin &&
    url.pathname.startsWith(`${wanted.pathname.replace(/\/+$/, '')}/`) &&
    url.username === '' &&
    url.password === '';
  // The text as it came, but for what URL parsing removes: fetch would remove it too.
  if (isOurs) return url.href;
  const host = url === null ? 'nowhere' : url.host;
  throw new SyncError('provider_unavailable', `a link leads to ${host}, not to Graph`, { context: { host } });
}

async function attempt(
  calls: GraphCalls,
  session: ProviderSession,
  request: GraphRequest & { url: string; token: string },
): Promise<GraphAnswer> {
  const admission = await session.admit?.(request.requests ?? 1);
  let parkMs: number | undefined;
  try {
    session.onRequest?.();
    const { operation, method, url } = request;
    const { accountId } = session;
    const received = await inCallSpan({ provider: 'microsoft', operation, method, accountId }, () =>
      send({
        method,
        url,
        headers: headersOf(request),
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
        timeoutMs: calls.timeoutMs,
        bytesMax: ANSWER_BYTES_MAX,
      }),
    ).catch((thrown: unknown) => {
      session.onAnswer?.(answerOf(asSyncError(thrown)));
      throw thrown;
    });
    const answer: GraphAnswer = {
      status: received.status,
      body: parseJson(received.text),
      header: (name) => received.headers.get(name),
    };
    tell(calls, session, request, answer);
    parkMs = parkOf(calls, request, answer);
    return answer;
  } finally {
    await admission?.leave(parkMs);
  }
}

/** Graph counts the parts of a batch one by one, and so do we; the answer around them counts only where it failed. */
function tell(
  { clock }: GraphCalls,
  session: ProviderSession,
  request: GraphRequest,
  answer: GraphAnswer,
): void {
  const parts = answer.status < 300 ? (request.partsOf?.(answer) ?? []) : [];
  for (const { status, ...rest } of parts.length > 0 ? parts : [answer]) {
    const isGood = status >= 200 && status < 300;
    session.onAnswer?.(
      isGood
        ? { status, code: null, cause: null }
        : answerOf(toSyncError({ status, ...rest }, request.operation, clock.now())),
    );
  }
}

/** The longest time that this answer, or a part of it, says to stay away. */
function parkOf({ clock }: GraphCalls, request: GraphRequest, answer: GraphAnswer): number | undefined {
  const waits = [answer, ...(request.partsOf?.(answer) ?? [])].flatMap((each) => {
    if (each.status < 400) return [];
    const error = toSyncError(each, request.operation, clock.now());
    return error.code === 'rate_limited' ? [error.retryAfterMs ?? 0] : [];
  });
  return waits.length > 0 ? Math.max(...waits) : undefined;
}

const headersOf = ({
  token,
  pageSize,
  body,
  ifMatch,
}: GraphRequest & { token: string }): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  accept: 'application/json',
  'user-agent': 'calfleet/0.1.0',
  prefer: pageSize === undefined ? PREFER : `${PREFER}, odata.maxpagesize=${pageSize}`,
  ...(body !== undefined && { 'content-type': 'application/json' }),
  ...(ifMatch !== undefined && { 'if-match': ifMatch }),
});
