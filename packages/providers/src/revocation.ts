/** Revocation endpoints (RFC 7009): one request that ends a grant. */
import { SyncError, type Clock } from '@calfleet/domain';
import { inCallSpan, type ProviderCall } from './call-span.ts';
import { parseJson, retryAfterMs, send } from './http.ts';
import { isJson, textOf } from './json.ts';

export interface Revocation {
  provider: ProviderCall['provider'];
  url: string;
  timeoutMs: number;
}

/** Answers are a few words. */
const ANSWER_BYTES_MAX = 65_536;
const RETRY_AFTER_DEFAULT_MS = 60_000;
/** What a token that is none any more is answered with. */
const isOver = new Set(['invalid_token', 'invalid_grant']);

/**
 * @throws provider_unavailable nobody knows whether it was done
 * @throws rate_limited
 * @throws request_rejected the endpoint wants no such thing of us
 */
export async function revoke(
  { provider, url, timeoutMs }: Revocation,
  { refreshToken, clock }: { refreshToken: string; clock: Clock },
): Promise<void> {
  const call = { provider, operation: 'revoke', method: 'POST' } as const;
  const body = new URLSearchParams({ token: refreshToken });
  const { status, text, headers } = await inCallSpan(call, () =>
    send({ method: 'POST', url, body, timeoutMs, bytesMax: ANSWER_BYTES_MAX }),
  );
  if (status === 200) return;
  const said = parseJson(text);
  const word = isJson(said) ? textOf(said['error']) : null;
  if (status < 500 && word !== null && isOver.has(word)) return;
  const message = `the revocation endpoint answered ${status}`;
  const context = { operation: 'revoke', status };
  const wait = retryAfterMs(headers.get('retry-after'), clock.now());
  if (status === 429) {
    throw new SyncError('rate_limited', message, { retryAfterMs: wait ?? RETRY_AFTER_DEFAULT_MS, context });
  }
  // Without a word that says so, a refusal may be a proxy's.
  if (status >= 500 || word === null) {
    throw new SyncError('provider_unavailable', message, {
      ...(wait !== undefined && { retryAfterMs: wait }),
      context,
    });
  }
  throw new SyncError('request_rejected', message, { context });
}
