/**
 * The consent page of the login host and the exchange of its codes. Consents add up. Microsoft lets nobody untick a
 * single permission; here one can, since administrators can take one away just the same.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
import {
  CODE_ALPHABET,
  CODE_TTL_MS,
  decisionOf,
  idToken,
  provesChallenge,
  readRequest,
  tickedOf,
  type AuthorizationCode,
  type Decision,
} from '../consent/codes.ts';
import { consentPage, redirect, refusalPage } from '../consent/page.ts';
import { json, type Reply } from '../reply.ts';
import { issueAccessToken, issueRefreshToken } from './grants.ts';
import { guid } from './guid.ts';
import type { Mailbox } from './mailbox.ts';
import { loginError } from './oauth-errors.ts';
import type { LoginCall } from './oauth.ts';
import type { MicrosoftWorld } from './world.ts';

/** As long as real ones, which carry a lot. */
const CODE_CHARS = 800;
const GRAPH_PREFIX = 'https://graph.microsoft.com/';
/** Part of every sign-in. */
const signIn = new Set(['openid', 'profile', 'email', 'offline_access']);

export async function authorize(call: LoginCall): Promise<Reply> {
  if (call.method === 'POST') return decide(call, decisionOf(call.form));
  const read = readAuthorization(call);
  if ('reply' in read) return read.reply;
  const { request } = read;
  return consentPage({
    provider: 'Microsoft',
    clientId: request.clientId,
    accounts: [...call.world.mailboxes.values()].map(({ email }) => email),
    loginHint: request.loginHint,
    scopes: request.scopes.filter((scope) => !signIn.has(scope)),
  });
}

/** The user's answer leads back to the client. */
export function decide(call: LoginCall, decision: Decision): Reply {
  const read = readAuthorization(call);
  if ('reply' in read) return read.reply;
  const { world } = call;
  const { request } = read;
  const { state } = request;
  if (!decision.allow) {
    const description = 'AADSTS65004: User declined to consent to access the app.';
    return redirect(request.redirectUri, {
      error: 'access_denied',
      error_subcode: 'cancel',
      error_description: description,
      state,
    });
  }
  const mailbox = world.mailbox(decision.account);
  if (mailbox === undefined) return refusalPage(400, 'AADSTS50034', 'The user account does not exist.');
  const ticked = tickedOf(request, decision, signIn);
  mailbox.scopes = [...new Set([...mailbox.scopes, ...ticked.map(bare)])];
  const granted = request.scopes.map(bare).filter((scope) => mailbox.scopes.includes(scope));
  const code = `1.AX${world.names.word(CODE_CHARS, CODE_ALPHABET)}`;
  world.codes.add(code, {
    request,
    account: mailbox.oid,
    granted,
    givesRefreshToken: granted.includes('offline_access'),
    issuer: `${call.rootUrl}/${mailbox.tenantId}/v2.0`,
    expiresAtMs: world.clock.now() + CODE_TTL_MS,
    isUsed: false,
  });
  return redirect(request.redirectUri, { code, state, session_state: guid(world.names) });
}

const bare = (scope: string): string =>
  scope.startsWith(GRAPH_PREFIX) ? scope.slice(GRAPH_PREFIX.length) : scope;

/** A client or an address that is not known is told to nobody but the user. */
function readAuthorization({ world, params }: LoginCall) {
  if (!world.clients.some(({ id }) => id === params.get('client_id'))) {
    return { reply: refusalPage(400, 'AADSTS700016', 'Application was not found in the directory.') };
  }
  const redirectUri = params.get('redirect_uri') ?? '';
  if (!URL.canParse(redirectUri)) {
    return { reply: refusalPage(400, 'AADSTS50011', 'The redirect URI does not match.') };
  }
  const request = readRequest(params);
  if ('error' in request) {
    return { reply: redirect(redirectUri, { error: request.error, state: params.get('state') }) };
  }
  return { request };
}

/** @param clientId as authenticated */
export function exchange({ world, form }: LoginCall, clientId: string): Reply {
  const code = world.codes.get(form.get('code') ?? '');
  const refuse = (number: number, message: string): Reply =>
    loginError(world, 'invalid_grant', { code: number, message });
  if (code === undefined) return refuse(70000, 'The provided value for the code is not valid.');
  const { request } = code;
  if (request.clientId !== clientId) return refuse(700005, 'The code was issued to another application.');
  if (form.get('redirect_uri') !== request.redirectUri) {
    return refuse(500112, 'The reply address does not match the one of the authorization request.');
  }
  if (code.isUsed) return refuse(54005, 'OAuth2 Authorization code was already redeemed.');
  if (code.expiresAtMs <= world.clock.now())
    return refuse(70008, 'The provided authorization code has expired.');
  if (!provesChallenge(request, form.get('code_verifier'))) {
    return refuse(501481, 'The Code_Verifier does not match the code_challenge of the request.');
  }
  code.isUsed = true;
  const mailbox = world.mailboxes.get(code.account);
  return mailbox === undefined ? refuse(50034, 'The account is gone.') : answer(world, mailbox, code);
}

function answer(world: MicrosoftWorld, mailbox: Mailbox, code: AuthorizationCode): Reply {
  const { clientId, nonce } = code.request;
  const refreshToken = code.givesRefreshToken
    ? issueRefreshToken(world, mailbox, undefined, { clientId })
    : null;
  const access = issueAccessToken(world, mailbox, { clientId, refreshToken, scopes: code.granted });
  const seconds = Math.max(1, Math.floor(world.quirks.accessTokenTtlMs / 1000) - 1);
  const now = Math.floor(world.clock.now() / 1000);
  const claims = {
    aud: clientId,
    iss: code.issuer,
    iat: now,
    nbf: now,
    exp: now + 3600,
    name: mailbox.name,
    ...(nonce === null ? {} : { nonce }),
    oid: mailbox.oid,
    preferred_username: mailbox.email,
    sub: world.names.word(43, CODE_ALPHABET),
    tid: mailbox.tenantId,
    ver: '2.0',
  };
  return json({
    token_type: 'Bearer',
    scope: code.granted
      .filter((scope) => scope !== 'offline_access')
      .map((scope) => (signIn.has(scope) ? scope : GRAPH_PREFIX + scope))
      .join(' '),
    expires_in: seconds,
    ext_expires_in: seconds,
    access_token: access.token,
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    ...(code.granted.includes('openid')
      ? { id_token: idToken(claims, world.names.word(342, CODE_ALPHABET)) }
      : {}),
  });
}
