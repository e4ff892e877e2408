/** Token endpoint and consent of the Microsoft identity platform. https://learn.microsoft.com/entra/identity-platform/refresh-tokens */
import type { ConsentEndpoint, SyncErrorCode, TokenEndpoint } from '@calfleet/domain';
import { createConsentEndpoint, type Permission } from '../consent.ts';
import { textOf, type Json } from '../json.ts';
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

// There is no revocation of one app's grant, and ending all sessions of a user is not ours to do: its tokens are forgotten.
// https://learn.microsoft.com/graph/api/user-revokesigninsessions

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

export const createMicrosoftTokenEndpoint = (options: MicrosoftOauthOptions): TokenEndpoint =>
  createTokenEndpoint(tokenOptions(options));

function tokenOptions({ tenant, loginRootUrl, ...client }: MicrosoftOauthOptions) {
  return {
    provider: 'microsoft' as const,
    ...client,
    url: `${bareRoot(loginRootUrl)}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
    codes,
    bytesMax: ANSWER_BYTES_MAX,
    factsOf: (body: Json) => ({ aadsts: aadstsOf(body) }),
  };
}

const bareRoot = (url: string): string => url.replace(/\/+$/, '');

const GRAPH = 'https://graph.microsoft.com/';
const reading: Permission = [`${GRAPH}Calendars.Read`, `${GRAPH}Calendars.ReadWrite`];
const writing: Permission = [`${GRAPH}Calendars.ReadWrite`];

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow */
export function createMicrosoftConsentEndpoint(options: MicrosoftOauthOptions): ConsentEndpoint {
  const root = bareRoot(options.loginRootUrl);
  return createConsentEndpoint({
    ...tokenOptions(options),
    authorizationUrl: `${root}/${encodeURIComponent(options.tenant)}/oauth2/v2.0/authorize`,
    // Whose mailbox it is, and its zone, which calendars have none of; without either it is mirrored all the same.
    signInScopes: [
      'openid',
      'profile',
      'email',
      'offline_access',
      `${GRAPH}User.Read`,
      `${GRAPH}MailboxSettings.Read`,
    ],
    // Only the reading permission is said to count for subscriptions: docs/PROVIDERS.md.
    permissions: { read: [reading], read_write: [reading, writing] },
    // Else whoever is signed in is taken, and a second mailbox cannot be connected.
    more: (loginHint) => (loginHint === null ? { prompt: 'select_account' } : {}),
    // Answers name them with and without the resource, and in whichever case they were asked for.
    bare: (scope) => scope.toLowerCase().replace(GRAPH, ''),
    // Under `common` each tenant issues for itself; who signs in says which one it is.
    isIssuer: (issuer, claims) => {
      const tid = claims === null ? null : textOf(claims.all['tid']);
      return tid === null ? issuer.startsWith(`${root}/`) : issuer === `${root}/${tid}/v2.0`;
    },
    mailboxOf: ({ all }) => {
      const oid = textOf(all['oid']);
      return oid === null ? null : { id: graphIdOf(oid), email: addressOf(all) };
    },
    offlineScope: 'offline_access',
  });
}

/** Graph names personal accounts by the last 16 digits alone. */
function graphIdOf(oid: string): string {
  const [, high, low] = /^00000000-0000-0000-([0-9a-f]{4})-([0-9a-f]{12})$/.exec(oid) ?? [];
  return high !== undefined && low !== undefined ? `${high}${low}` : oid;
}

const addressOf = (all: Json): string | null => textOf(all['email']) ?? textOf(all['preferred_username']);

function aadstsOf(body: Json): number | null {
  const numbers: unknown[] = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  return typeof numbers[0] === 'number' ? numbers[0] : null;
}
