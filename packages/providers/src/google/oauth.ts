/** Google's token endpoint. https://developers.google.com/identity/protocols/oauth2/web-server#offline */
import {
  instantOf,
  SyncError,
  type SyncErrorCode,
  type TokenEndpoint,
  type TokenGrant,
} from '@calfleet/domain';
import { parseJson, retryAfterMs, send, type HttpAnswer } from '../http.ts';
import { isJson, textOf } from '../json.ts';

export interface GoogleOauthOptions {
  clientId: string;
  clientSecret: string;
  tokenUrl: string;
  timeoutMs: number;
}

/** Answers are about 2 KB: https://developers.google.com/identity/protocols/oauth2#size */
const ANSWER_BYTES_MAX = 65_536;
/** Google states no Retry-After; its quotas are counted per minute. */
const RATE_WINDOW_MS = 60_000;

/** Grants that are dead until a person reconnects, and mistakes of whoever runs Calfleet. */
const codes: Record<string, SyncErrorCode> = {
  invalid_grant: 'credentials_revoked',
  access_denied: 'credentials_revoked',
  admin_policy_enforced: 'credentials_revoked',
  org_internal: 'credentials_revoked',
  invalid_client: 'misconfigured',
  unauthorized_client: 'misconfigured',
  deleted_client: 'misconfigured',
  disabled_client: 'misconfigured',
  unsupported_grant_type: 'misconfigured',
};

export function createGoogleTokenEndpoint(options: GoogleOauthOptions): TokenEndpoint {
  return {
    async refresh({ refreshToken, clock }): Promise<TokenGrant> {
      // Taken before the request, so that a slow answer shortens the token's life and never stretches it.
      const askedAt = clock.now();
      const answer = await send({
        method: 'POST',
        url: options.tokenUrl,
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          client_id: options.clientId,
          client_secret: options.clientSecret,
        }),
        timeoutMs: options.timeoutMs,
        bytesMax: ANSWER_BYTES_MAX,
      });
      const body = parseJson(answer.text);
      if (answer.status !== 200) throw refusal(answer, body, askedAt);
      return readGrant(body, askedAt);
    },
  };
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
    // Google keeps the refresh token; one in the answer replaces it all the same.
    refreshToken: textOf(body['refresh_token']),
    scopes: textOf(body['scope'])?.split(' ') ?? null,
  };
}

/** An error word decides; without one (proxies, outages) the grant may well live and the refresh is tried again. */
function refusal(answer: HttpAnswer, body: unknown, now: Date): SyncError {
  const error = isJson(body) ? textOf(body['error']) : null;
  const context = { operation: 'refresh', status: answer.status, reason: error };
  const wait = retryAfterMs(answer.headers.get('retry-after'), now);
  const message = `the token endpoint answered ${answer.status}${error === null ? '' : ` ${error}`}`;
  if (answer.status === 429) {
    return new SyncError('rate_limited', message, { retryAfterMs: wait ?? RATE_WINDOW_MS, context });
  }
  const code = answer.status < 500 && error !== null ? codes[error] : undefined;
  if (code) return new SyncError(code, message, { context });
  return new SyncError('provider_unavailable', message, {
    ...(wait !== undefined && { retryAfterMs: wait }),
    context,
  });
}
