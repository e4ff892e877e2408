/** Google's token endpoint and consent. https://developers.google.com/identity/protocols/oauth2/web-server#offline */
import type { ConsentEndpoint, SyncErrorCode, TokenEndpoint } from '@calfleet/domain';
import { createConsentEndpoint, type Permission } from '../consent.ts';
import { textOf } from '../json.ts';
import { createTokenEndpoint } from '../oauth.ts';
import { revoke } from '../revocation.ts';

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

export interface GoogleTokenOptions extends GoogleOauthOptions {
  revokeUrl: string;
}

/** A revoked token ends the whole grant. https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke */
export function createGoogleTokenEndpoint(options: GoogleTokenOptions): TokenEndpoint {
  const { tokenUrl: url, revokeUrl, ...client } = options;
  const { timeoutMs } = client;
  return {
    ...createTokenEndpoint({ provider: 'google', ...client, url, codes, bytesMax: ANSWER_BYTES_MAX }),
    revoke: (request) => revoke({ provider: 'google', url: revokeUrl, timeoutMs }, request),
  };
}

export interface GoogleConsentOptions extends GoogleOauthOptions {
  /** `https://accounts.google.com/o/oauth2/v2/auth` or a sandbox. */
  authUrl: string;
}

const scope = (name: string) => `https://www.googleapis.com/auth/${name}`;

/** Narrow scopes list calendars or show events, never both; the broad ones do either. */
const listing: Permission = [
  scope('calendar.calendarlist.readonly'),
  scope('calendar.calendarlist'),
  scope('calendar.readonly'),
  scope('calendar'),
];
const writing: Permission = [scope('calendar.events'), scope('calendar')];
const reading: Permission = [scope('calendar.events.readonly'), ...writing, scope('calendar.readonly')];

/** The sign-in answers for whoever it stands at: https://accounts.google.com, also without its scheme. */
export function createGoogleConsentEndpoint(options: GoogleConsentOptions): ConsentEndpoint {
  const { authUrl, tokenUrl: url, ...client } = options;
  const { origin, host } = new URL(authUrl);
  return createConsentEndpoint({
    provider: 'google',
    ...client,
    url,
    codes,
    bytesMax: ANSWER_BYTES_MAX,
    authorizationUrl: authUrl,
    signInScopes: ['openid', 'email'],
    permissions: { read: [listing, reading], read_write: [listing, writing] },
    // A refresh token comes with offline access, and for who consented before only when asked again. What was granted
    // before is granted along.
    more: () => ({ access_type: 'offline', prompt: 'consent', include_granted_scopes: 'true' }),
    isIssuer: (issuer) => issuer === origin || issuer === host,
    // The primary calendar's id, by which lists name the mailbox, is the account's address.
    mailboxOf: ({ all }) => {
      const email = textOf(all['email']);
      return email === null ? null : { id: email, email };
    },
    offlineScope: 'offline access',
  });
}
