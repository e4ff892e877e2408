/** The token endpoint of the Microsoft identity platform. https://learn.microsoft.com/entra/identity-platform/refresh-tokens */
import type { SyncErrorCode, TokenEndpoint } from '@calfleet/domain';
import type { Json } from '../json.ts';
import { createTokenEndpoint } from '../oauth.ts';

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
  const { tenant, loginRootUrl, ...client } = options;
  const url = `${loginRootUrl.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
  const factsOf = (body: Json) => ({ aadsts: aadstsOf(body) });
  return createTokenEndpoint({
    provider: 'microsoft',
    ...client,
    url,
    codes,
    bytesMax: ANSWER_BYTES_MAX,
    factsOf,
  });
}

function aadstsOf(body: Json): number | null {
  const numbers: unknown[] = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  return typeof numbers[0] === 'number' ? numbers[0] : null;
}
