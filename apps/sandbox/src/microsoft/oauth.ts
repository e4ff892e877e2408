/**
 * The token endpoint of the login host: a code or a refresh token in, an access token and the next refresh token out.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
 */
import { json, type Reply } from '../reply.ts';
import { exchange } from './consent.ts';
import {
  endFamily,
  holderOf,
  issueAccessToken,
  issueRefreshToken,
  PERSONAL_TENANT,
  type HeldRefreshToken,
} from './grants.ts';
import type { Mailbox } from './mailbox.ts';
import { loginError } from './oauth-errors.ts';
import type { MicrosoftWorld } from './world.ts';

export interface LoginCall {
  world: MicrosoftWorld;
  method: string;
  /** `common`, `organizations`, `consumers`, or a tenant's id or domain, as in the path. */
  tenant: string;
  params: URLSearchParams;
  /** Fields of the body. */
  form: URLSearchParams;
  headers: Record<string, string | undefined>;
  /** `http://host/microsoft/login` */
  rootUrl: string;
}

/** Permissions that an OpenID request adds by itself, and that are never listed as Graph's. */
const OPENID_SCOPES = new Set(['openid', 'profile', 'email', 'offline_access']);
const GRAPH_PREFIX = 'https://graph.microsoft.com/';

export async function token(call: LoginCall): Promise<Reply> {
  const { world, form } = call;
  const client = authenticateClient(call);
  if ('refusal' in client) return client.refusal;
  const grantType = form.get('grant_type');
  if (grantType === null) return missing(world, 'grant_type');
  if (grantType === 'authorization_code') return exchange(call, client.id);
  if (grantType !== 'refresh_token') {
    return loginError(world, 'unsupported_grant_type', {
      message: `The app requested an unsupported grant type '${grantType.slice(0, 40)}'.`,
    });
  }
  const refreshToken = form.get('refresh_token');
  if (refreshToken === null) return missing(world, 'refresh_token');
  const held = holderOf(world, refreshToken);
  return (
    refusalOf(call, held, client.id) ??
    // Refused above unless somebody holds it.
    (held === undefined ? loginError(world, 'invalid_grant') : refresh(call, held, client.id))
  );
}

/** The mailbox a login request is about, for faults and usage; null when it says nothing. */
export const loginAccount = ({ world, form }: LoginCall): string | null =>
  holderOf(world, form.get('refresh_token') ?? '')?.mailbox.email ?? null;

function refresh(call: LoginCall, { mailbox, grant }: HeldRefreshToken, clientId: string): Reply {
  const { world, form } = call;
  const wanted = form.get('scope');
  const scopes = wanted === null ? mailbox.scopes : scopesOf(wanted, mailbox);
  if (scopes === undefined) {
    // Seen with this error and suberror, although the guide lists consent_required as an error of its own.
    return loginError(world, 'invalid_grant', {
      code: 65001,
      message:
        'The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.',
      suberror: 'consent_required',
    });
  }
  grant.usedAtMs ??= world.clock.now();
  const next = issueRefreshToken(world, mailbox, undefined, { clientId, family: grant.family });
  const access = issueAccessToken(world, mailbox, { clientId, refreshToken: next, scopes });
  world.usage.refreshed(mailbox.email);
  const seconds = Math.max(1, Math.floor(world.quirks.accessTokenTtlMs / 1000) - 1);
  return json({
    token_type: 'Bearer',
    scope: scopes.filter((scope) => scope !== 'offline_access').join(' '),
    expires_in: seconds,
    ext_expires_in: seconds,
    access_token: access.token,
    refresh_token: next,
  });
}

function refusalOf(
  { world, tenant }: LoginCall,
  held: HeldRefreshToken | undefined,
  clientId: string,
): Reply | null {
  if (held === undefined) return loginError(world, 'invalid_grant');
  const { mailbox, grant } = held;
  const tenantRefusal = refusalOfTenant(world, tenant, mailbox);
  if (tenantRefusal !== null) return tenantRefusal;
  if (grant.clientId !== clientId) {
    return loginError(world, 'invalid_grant', {
      code: 9002313,
      message: 'Invalid request. Request is malformed or invalid.',
    });
  }
  const { refreshTokenTtlMs, refreshTokenReuse, refreshTokenReuseEndsFamily } = world.quirks;
  if (refreshTokenTtlMs !== null && grant.issuedAtMs + refreshTokenTtlMs <= world.clock.now()) {
    return loginError(world, 'invalid_grant', {
      code: 700082,
      message: `The refresh token has expired due to inactivity. The token was issued on ${new Date(grant.issuedAtMs).toISOString()} and was inactive for 90.00:00:00.`,
    });
  }
  if (refreshTokenReuse === 'revoked' && grant.usedAtMs !== null) {
    if (refreshTokenReuseEndsFamily) endFamily(mailbox, grant.family);
    return loginError(world, 'invalid_grant', {
      code: 70000,
      message: 'Provided grant is invalid or malformed.',
    });
  }
  return null;
}

/** A tenant of its own in the path has to be the mailbox' one; the three shared names take what they say. */
function refusalOfTenant(world: MicrosoftWorld, tenant: string, mailbox: Mailbox): Reply | null {
  const isPersonal = mailbox.tenantId === PERSONAL_TENANT;
  const name = tenant.toLowerCase();
  if (name === 'common' || name === mailbox.tenantId.toLowerCase()) return null;
  if (name === (isPersonal ? 'consumers' : 'organizations')) return null;
  if (!isPersonal && mailbox.email.toLowerCase().endsWith(`@${name}`)) return null;
  return loginError(world, 'invalid_grant', {
    code: 50020,
    message: `User account from another identity provider does not exist in tenant '${tenant.slice(0, 64)}' and cannot access the application in that tenant.`,
  });
}

/** @returns the permissions asked for, or undefined when one of them was not granted. */
function scopesOf(wanted: string, mailbox: Mailbox): string[] | undefined {
  const granted = new Map(mailbox.scopes.map((scope) => [bare(scope), scope]));
  const names = wanted.split(' ').filter((name) => name !== '');
  if (names.some((name) => bare(name) === '.default')) return mailbox.scopes;
  const scopes = names.map((name) => (OPENID_SCOPES.has(name) ? name : granted.get(bare(name))));
  return scopes.every((scope) => scope !== undefined) ? scopes : undefined;
}

const bare = (scope: string): string =>
  (scope.startsWith(GRAPH_PREFIX) ? scope.slice(GRAPH_PREFIX.length) : scope).toLowerCase();

/** Credentials in the form, or as HTTP Basic. */
function authenticateClient({ world, form, headers }: LoginCall): { id: string } | { refusal: Reply } {
  const [, basic] = /^Basic (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const [basicId, basicSecret] = Buffer.from(basic ?? '', 'base64')
    .toString()
    .split(':');
  const id = form.get('client_id') ?? (basicId === '' ? undefined : basicId);
  const secret = form.get('client_secret') ?? basicSecret;
  if (id === undefined) return { refusal: missing(world, 'client_id') };
  const client = world.clients.find((candidate) => candidate.id === id);
  if (client === undefined) return { refusal: loginError(world, 'unauthorized_client') };
  if (secret === undefined) {
    const message =
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    return { refusal: loginError(world, 'invalid_client', { code: 7000218, message }) };
  }
  return secret === client.secret ? { id } : { refusal: loginError(world, 'invalid_client') };
}

const missing = (world: MicrosoftWorld, parameter: string): Reply =>
  loginError(world, 'invalid_request', {
    message: `The request body must contain the following parameter: '${parameter}'.`,
  });
