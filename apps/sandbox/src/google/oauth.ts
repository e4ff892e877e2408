/** The token, revocation and userinfo endpoints. https://developers.google.com/identity/protocols/oauth2/web-server */
import { json, type Reply } from '../reply.ts';
import type { World } from '../store/world.ts';
import { exchange } from './consent.ts';
import { bearerOf, holderOf, issueAccessToken, revokeGrant } from './grants.ts';

export interface OAuthCall {
  world: World;
  /** Form fields of the body, or the query where there is none. */
  form: URLSearchParams;
  authorization: string | undefined;
}

const refuse = (status: number, error: string, description: string): Reply =>
  json({ error, error_description: description }, status);

/** A code gives what the consent granted; a refresh token an access token, and never a new refresh token. */
export function token({ world, form, authorization }: OAuthCall): Reply {
  const clientId = authenticateClient({ world, form, authorization });
  if (clientId === null) return refuse(401, 'invalid_client', 'The OAuth client was not found.');
  const grantType = form.get('grant_type');
  if (grantType === null) return refuse(400, 'invalid_request', 'Required parameter is missing: grant_type');
  if (grantType === 'authorization_code') return exchange(world, form, clientId);
  if (grantType !== 'refresh_token') {
    return refuse(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType.slice(0, 40)}`);
  }
  const refreshToken = form.get('refresh_token');
  if (refreshToken === null) {
    return refuse(400, 'invalid_request', 'Missing required parameter: refresh_token');
  }
  const account = holderOf(world, refreshToken);
  if (account === undefined) return refuse(400, 'invalid_grant', 'Token has been expired or revoked.');
  const access = issueAccessToken(world, account, { clientId, refreshToken });
  world.usage.refreshed(account.email);
  return json({
    access_token: access.token,
    // Google gives a second less than it means.
    expires_in: Math.max(1, Math.floor(world.quirks.accessTokenTtlMs / 1000) - 1),
    scope: account.scopes.join(' '),
    token_type: 'Bearer',
  });
}

/** Either kind of token ends the whole grant. */
export function revoke({ world, form }: OAuthCall): Reply {
  const text = form.get('token') ?? '';
  const access = world.accessTokens.get(text);
  const refreshToken = access === undefined ? text : access.refreshToken;
  const isKnown = access !== undefined || holderOf(world, text) !== undefined;
  if (!isKnown) return refuse(400, 'invalid_token', 'Token expired or revoked');
  world.accessTokens.delete(text);
  if (refreshToken !== null) revokeGrant(world, refreshToken);
  return json({});
}

export function userinfo({ world, authorization }: OAuthCall): Reply {
  const access = bearerOf(world, authorization);
  const account = access && world.accounts.get(access.email);
  if (account === undefined) return refuse(401, 'invalid_request', 'Invalid Credentials');
  return json({ sub: account.subject, email: account.email, email_verified: true, name: account.name });
}

/** Credentials in the form, or as HTTP Basic. */
function authenticateClient({ world, form, authorization }: OAuthCall): string | null {
  const [, basic] = /^Basic (\S+)$/i.exec(authorization ?? '') ?? [];
  const [basicId, basicSecret] = Buffer.from(basic ?? '', 'base64')
    .toString()
    .split(':');
  const id = form.get('client_id') ?? basicId;
  const secret = form.get('client_secret') ?? basicSecret;
  return world.clients.find((client) => client.id === id && client.secret === secret)?.id ?? null;
}
