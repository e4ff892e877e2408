/** Token endpoints (RFC 6749, 4.1.3 and 6): one request, and what its answer means. Providers bring their address and words. */
import {
  instantOf,
  SyncError,
  type Clock,
  type SyncErrorCode,
  type TokenEndpoint,
  type TokenGrant,
} from '@calfleet/domain';
import { inCallSpan, type ProviderCall } from './call-span.ts';
import { parseJson, retryAfterMs, send, type HttpAnswer } from './http.ts';
import { isJson, textOf, type Json } from './json.ts';

export interface TokenEndpointOptions {
  provider: ProviderCall['provider'];
  url: string;
  clientId: string;
  clientSecret: string;
  timeoutMs: number;
  /** Longer answers are given up. */
  bytesMax: number;
  /** Error words: grants that are dead until a person reconnects, and mistakes of whoever runs Calfleet. */
  codes: Record<string, SyncErrorCode>;
  /** More of an error's facts, for the log. */
  factsOf?: (body: Json) => Record<string, number | null>;
}

interface TokenQuestion {
  operation: 'refresh' | 'exchange';
  form: Record<string, string>;
  /** Error words that mean something else here. */
  codes?: Record<string, SyncErrorCode>;
  clock: Clock;
}

/** For answers that say "too many" and name no time; quotas are counted per minute. */
const RETRY_AFTER_DEFAULT_MS = 60_000;

/** A token endpoint that takes the client's secret in the body. */
export function createTokenEndpoint(options: TokenEndpointOptions): TokenEndpoint {
  return {
    async refresh({ refreshToken, clock }): Promise<TokenGrant> {
      // Taken before the request, so that a slow answer shortens the token's life and never stretches it.
      const askedAt = clock.now();
      const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
      return readGrant(await askTokenEndpoint(options, { operation: 'refresh', form, clock }), askedAt);
    },
  };
}

/** @returns the body of a 200. @throws what a refusal means */
export async function askTokenEndpoint(
  options: TokenEndpointOptions,
  { operation, form, codes, clock }: TokenQuestion,
): Promise<unknown> {
  const askedAt = clock.now();
  const call = { provider: options.provider, operation, method: 'POST' } as const;
  const answer = await inCallSpan(call, () =>
    send({
      method: 'POST',
      url: options.url,
      body: new URLSearchParams({
        ...form,
        client_id: options.clientId,
        client_secret: options.clientSecret,
      }),
      timeoutMs: options.timeoutMs,
      bytesMax: options.bytesMax,
    }),
  );
  const body = parseJson(answer.text);
  if (answer.status === 200) return body;
  throw refusal({ ...options, codes: { ...options.codes, ...codes } }, { operation, answer, body }, askedAt);
}

function readGrant(body: unknown, askedAt: Date): TokenGrant {
  const accessToken = isJson(body) ? textOf(body['access_token']) : null;
  const lifeSeconds = isJson(body) ? Number(body['expires_in']) : Number.NaN;
  if (!isJson(body) || accessToken === null || !(lifeSeconds > 0 && lifeSeconds < 1e9)) {
    throw new SyncError('provider_unavailable', 'the token endpoint answered with no grant');
  }
  return {
    accessToken,
    expiresAt: instantOf(new Date(askedAt.getTime() + lifeSeconds * 1000)),
    // Microsoft gives a new one with each use; Google keeps the old one, and one in its answer replaces it all the same.
    refreshToken: textOf(body['refresh_token']),
    scopes: textOf(body['scope'])?.split(' ') ?? null,
  };
}

/** An error word decides; without one (proxies, outages) the grant may well live and the question is asked again. */
function refusal(
  options: TokenEndpointOptions,
  { operation, answer, body }: { operation: string; answer: HttpAnswer; body: unknown },
  now: Date,
): SyncError {
  const error = isJson(body) ? textOf(body['error']) : null;
  const reason = error !== null && /^\w{1,60}$/.test(error) ? error : null;
  const facts = isJson(body) ? options.factsOf?.(body) : undefined;
  const context = { operation, status: answer.status, reason, ...facts };
  const wait = retryAfterMs(answer.headers.get('retry-after'), now);
  const message = `the token endpoint answered ${answer.status}${reason === null ? '' : ` ${reason}`}`;
  if (answer.status === 429) {
    return new SyncError('rate_limited', message, { retryAfterMs: wait ?? RETRY_AFTER_DEFAULT_MS, context });
  }
  const code = answer.status < 500 && reason !== null ? options.codes[reason] : undefined;
  if (code) return new SyncError(code, message, { context });
  return new SyncError('provider_unavailable', message, {
    ...(wait !== undefined && { retryAfterMs: wait }),
    context,
  });
}
