/**
 * Consent by authorization code with PKCE (RFC 6749, 4.1; RFC 7636): the address that a browser is sent to, and the
 * exchange of the code that it comes back with. Providers bring their addresses, scopes and words.
 */
import { createHash } from 'node:crypto';
import {
  SyncError,
  type Access,
  type Consent,
  type ConsentEndpoint,
  type ExchangeRequest,
} from '@calfleet/domain';
import { readClaims, type Claims } from './id-token.ts';
import { isJson, textOf } from './json.ts';
import { askTokenEndpoint, type TokenEndpointOptions } from './oauth.ts';

/** One thing that must be granted: any of these scopes grants it; the first one is what the user is asked for. */
export type Permission = readonly [asked: string, ...broader: string[]];

export interface ConsentOptions extends TokenEndpointOptions {
  /** Where the browser goes. */
  authorizationUrl: string;
  /** Asked for beside the permissions, and not missed: who signs in. */
  signInScopes: readonly string[];
  permissions: Record<Access, readonly Permission[]>;
  /** Further parameters of the authorization request. */
  more(loginHint: string | null): Record<string, string>;
  /** A scope as answers name it, so that it can be compared. */
  bare?: (scope: string) => string;
  /** Names the issuer of a code, and of the identity token with these claims. */
  isIssuer(issuer: string, claims: Claims | null): boolean;
  mailboxOf(claims: Claims): Consent['mailbox'] | null;
  /** What stands for a refresh token where none came. */
  offlineScope: string;
}

export function createConsentEndpoint(options: ConsentOptions): ConsentEndpoint {
  return {
    authorizationUrl({ access, codeVerifier, loginHint, nonce, redirectUri, state }) {
      const url = new URL(options.authorizationUrl);
      const scopes = [...options.signInScopes, ...options.permissions[access].map(([asked]) => asked)];
      const params = {
        response_type: 'code',
        client_id: options.clientId,
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state,
        nonce,
        code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...(loginHint !== null && { login_hint: loginHint }),
        ...options.more(loginHint),
      };
      for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
      return url.href;
    },
    async exchange(request) {
      if (request.issuer !== null && !options.isIssuer(request.issuer, null)) {
        throw notOurs('The code is said to come from another provider.');
      }
      const body = await askTokenEndpoint(options, { ...exchangeOf(request), clock: request.clock });
      if (!isJson(body)) {
        throw new SyncError('provider_unavailable', 'the token endpoint answered with no grant');
      }
      const claims = checkedClaims(options, request, textOf(body['id_token']));
      const mailbox = options.mailboxOf(claims);
      if (mailbox === null) throw notOurs('The identity token names no mailbox.');
      const refreshToken = textOf(body['refresh_token']);
      const scopes = textOf(body['scope'])?.split(' ') ?? [];
      const lacking = missing(options, request.access, scopes);
      return {
        refreshToken,
        scopes,
        missing: refreshToken === null ? [...lacking, options.offlineScope] : lacking,
        mailbox,
      };
    },
  };
}

const exchangeOf = ({ code, codeVerifier, redirectUri }: ExchangeRequest) => ({
  operation: 'exchange' as const,
  form: {
    grant_type: 'authorization_code',
    code,
    code_verifier: codeVerifier,
    redirect_uri: redirectUri,
  },
  // What kills a grant that is refreshed is here a code that is over.
  codes: {
    invalid_grant: 'request_rejected',
    redirect_uri_mismatch: 'misconfigured',
    invalid_request: 'misconfigured',
  } as const,
});

/** It came straight from the token endpoint, so that its signature proves nothing more (OpenID Connect Core, 3.1.3.7). */
function checkedClaims(options: ConsentOptions, request: ExchangeRequest, idToken: string | null): Claims {
  const claims = idToken === null ? null : readClaims(idToken);
  if (claims === null) throw notOurs('No readable identity token came with the grant.');
  const nowSeconds = request.clock.now().getTime() / 1000;
  if (claims.aud !== options.clientId) throw notOurs('The identity token is for another client.');
  if (claims.nonce !== request.nonce) throw notOurs('The identity token answers another question.');
  if (!options.isIssuer(claims.iss, claims)) throw notOurs('The identity token has another issuer.');
  if (claims.exp + clockSkewSeconds < nowSeconds) throw notOurs('The identity token is over.');
  return claims;
}

/** Providers' clocks and ours differ by seconds; by minutes only where ours is wrong. */
const clockSkewSeconds = 300;

function missing(options: ConsentOptions, access: Access, scopes: readonly string[]): string[] {
  const bare = options.bare ?? ((scope) => scope);
  const granted = new Set(scopes.map(bare));
  return options.permissions[access].flatMap((permission) =>
    permission.some((scope) => granted.has(bare(scope))) ? [] : [permission[0]],
  );
}

const notOurs = (message: string): SyncError =>
  new SyncError('request_rejected', message, { context: { operation: 'exchange' } });
