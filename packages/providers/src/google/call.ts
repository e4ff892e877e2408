/**
 * One request to the Calendar API through Google's own client. Retries belong to the queue, so the client does none;
 * the token is asked for at each call and a refused one is renewed exactly once.
 */
import type { Clock, ProviderSession } from '@calfleet/domain';
import { calendar, type calendar_v3, type MethodOptions } from 'googleapis/build/src/apis/calendar';
import { inCallSpan } from '../call-span.ts';
import { answerOf } from '../answer.ts';
import { isTokenRefused, parkOf, toSyncError, type GoogleOperation, type Park } from './errors.ts';

export interface GoogleCalls {
  api: calendar_v3.Calendar;
  /** Where the API lives; its path, if any, is kept. */
  rootUrl: string;
  timeoutMs: number;
  clock: Clock;
}

export function createCalls(options: Omit<GoogleCalls, 'api'>): GoogleCalls {
  return { ...options, api: calendar({ version: 'v3' }) };
}

/**
 * Sends one request and gives its JSON. The client answers a body that is no JSON with a string; callers check shape.
 * @throws SyncError as {@link toSyncError} says; what `accessToken` and `admit` raise passes through
 */
export async function call<T>(
  calls: GoogleCalls,
  session: ProviderSession,
  operation: GoogleOperation,
  request: (api: calendar_v3.Calendar, options: MethodOptions) => Promise<{ data: T; status: number }>,
): Promise<T> {
  const attempt = async (accessToken: string): Promise<T> => {
    const admission = await session.admit?.(1);
    let park: Park | null = null;
    session.onRequest?.();
    const { accountId } = session;
    try {
      const { data, status } = await inCallSpan({ provider: 'google', operation, accountId }, () =>
        request(calls.api, callOptions(calls, accessToken)),
      );
      session.onAnswer?.({ status, code: null, cause: null });
      return data;
    } catch (thrown) {
      session.onAnswer?.(answerOf(toSyncError(thrown, operation, calls.clock.now())));
      if (isClientError(thrown)) park = parkOf(thrown, operation, calls.clock.now());
      throw thrown;
    } finally {
      await admission?.leave(park?.ms, park?.whose);
    }
  };
  try {
    return await attempt(await session.accessToken());
  } catch (thrown) {
    if (!isClientError(thrown)) throw thrown;
    if (!isTokenRefused(thrown)) throw toSyncError(thrown, operation, calls.clock.now());
  }
  const accessToken = await session.accessToken({ fresh: true });
  try {
    return await attempt(accessToken);
  } catch (thrown) {
    throw isClientError(thrown) ? toSyncError(thrown, operation, calls.clock.now()) : thrown;
  }
}

function callOptions(calls: GoogleCalls, accessToken: string): MethodOptions {
  return {
    // Per call, not in the constructor: there a root with a path loses its path.
    rootUrl: calls.rootUrl,
    headers: { authorization: `Bearer ${accessToken}` },
    timeout: calls.timeoutMs,
    retry: false,
    // The API never redirects, and nobody else is to be asked with a user's token, or from inside of our network.
    redirect: 'manual',
    responseType: 'json',
    // Node's own fetch: one HTTP stack for all providers, with kept-alive connections.
    fetchImplementation: fetch,
    // It knows no agents, so the client need not load one for a proxy that the environment names.
    noProxy: [/^/],
    // The client appends its own name and the word "gzip", which Google requires for compressed answers.
    // https://developers.google.com/workspace/calendar/api/guides/performance
    userAgentDirectives: [{ product: 'calfleet', version: '0.1.0' }],
  };
}

/** Errors of the client carry the request's configuration; anything else is a mistake of ours and stays one. */
const isClientError = (thrown: unknown): boolean =>
  typeof thrown === 'object' && thrown !== null && 'config' in thrown;
