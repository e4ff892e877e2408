/** The token endpoint of the Microsoft identity platform. https://learn.microsoft.com/entra/identity-platform/refresh-tokens */
import {
  instantOf,
  SyncError,
  type SyncErrorCode,
  type TokenEndpoint,
  type TokenGrant,
} from '@calfleet/domain';
import { parseJson, retryAfterMs, send, type HttpAnswer } from '../http.ts';
import { isJson, textOf, type Json } from '../json.ts';

export interface MicrosoftOauthOptions {
  clientId: string;
  clientSecret: string;
  /** `common`, `organizations`, `consumers`, or one tenant's id or domain. */
  tenant: string;
  /** `https://login.microsoftonline.com` or a sandbox. */
  loginRootUrl: string;
  timeoutMs: number;
}

/** Tokens of large organisations carry hundreds of groups. */
const ANSWER_BYTES_MAX = 262_144;
/** For answers that name no time themselves. */
const RETRY_AFTER_DEFAULT_MS = 60_000;

/**
 * Grants that are dead until a person reconnects, and mistakes of whoever runs Calfleet. The AADSTS number is for
 * people: Microsoft changes numbers, and asks not to decide by them.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const codes: Record<string, SyncErrorCode> = {
  invalid_grant: 'credentials_revoked',
  interaction_required: 'credentials_revoked',
  consent_required: 'credentials_revoked',
  login_required: 'credentials_revoked',
  invalid_client: 'misconfigured',
  unauthorized_client: 'misconfigured',
  invalid_scope: 'misconfigured',
  unsupported_grant_type: 'misconfigured',
};

export function createMicrosoftTokenEndpoint(options: MicrosoftOauthOptions): TokenEndpoint {
  const root = options.loginRootUrl.replace(/\/+$/, '');
  const url = `${root}/${encodeURIComponent(options.tenant)}/oauth2/v2.0/token`;
  return {
    async refresh({ refreshToken, clock }): Promise<TokenGrant> {
      // Taken before the request, so that a slow answer shortens the token's life and never stretches it.
      const askedAt = clock.now();
      const answer = await send({
        method: 'POST',
        url,
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
    // A new one with each use, and the newest is the one to keep.
    refreshToken: textOf(body['refresh_token']),
    scopes: textOf(body['scope'])?.split(' ') ?? null,
  };
}

/** An error word decides; without one (proxies, outages) the grant may well live and the refresh is tried again. */
function refusal(answer: HttpAnswer, body: unknown, now: Date): SyncError {
  const error = isJson(body) ? textOf(body['error']) : null;
  const reason = error !== null && /^\w{1,60}$/.test(error) ? error : null;
  const context = {
    operation: 'refresh',
    status: answer.status,
    reason,
    aadsts: isJson(body) ? aadstsOf(body) : null,
  };
  const wait = retryAfterMs(answer.headers.get('retry-after'), now);
  const message = `the token endpoint answered ${answer.status}${reason === null ? '' : ` ${reason}`}`;
  if (answer.status === 429) {
    return new SyncError('rate_limited', message, { retryAfterMs: wait ?? RETRY_AFTER_DEFAULT_MS, context });
  }
  const code = answer.status < 500 && reason !== null ? codes[reason] : undefined;
  if (code) return new SyncError(code, message, { context });
  return new SyncError('provider_unavailable', message, {
    ...(wait !== undefined && { retryAfterMs: wait }),
    context,
  });
}

function aadstsOf(body: Json): number | null {
  const numbers: unknown[] = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  return typeof numbers[0] === 'number' ? numbers[0] : null;
}
