/** Google's token endpoint. https://developers.google.com/identity/protocols/oauth2/web-server#offline */
import type { SyncErrorCode, TokenEndpoint } from '@calfleet/domain';
import { createTokenEndpoint } from '../oauth.ts';

export interface GoogleOauthOptions {
  clientId: string;
  clientSecret: string;
  tokenUrl: string;
  timeoutMs: number;
}

/** Answers are about 2 KB: https://developers.google.com/identity/protocols/oauth2#size */
const ANSWER_BYTES_MAX = 65_536;

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

export const createGoogleTokenEndpoint = ({ tokenUrl: url, ...client }: GoogleOauthOptions): TokenEndpoint =>
  createTokenEndpoint({ provider: 'google', ...client, url, codes, bytesMax: ANSWER_BYTES_MAX });
