/**
 * Google's consent page and the exchange of its codes. Users may untick what they do not want to give; what they gave
 * before is given along where `include_granted_scopes` asks for it.
 * https://developers.google.com/identity/protocols/oauth2/web-server
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
import type { World } from '../store/world.ts';
import { issueAccessToken, issueRefreshToken } from './grants.ts';

export interface AuthorizeCall {
  world: World;
  method: string;
  /** What the client asks for, from the address. */
  params: URLSearchParams;
  /** What the user answers. */
  form: URLSearchParams;
  rootUrl: string;
}

const SCOPE_ROOT = 'https://www.googleapis.com/auth/';
/** Google answers with the long names. */
const longNames: Record<string, string> = {
  email: `${SCOPE_ROOT}userinfo.email`,
  profile: `${SCOPE_ROOT}userinfo.profile`,
};
/** Who signs in; given with the sign-in, so that there is nothing to untick. */
const signIn = new Set(['openid', ...Object.values(longNames)]);

export function authorize(call: AuthorizeCall): Reply {
  if (call.method === 'POST') return decide(call, decisionOf(call.form));
  const read = readAuthorization(call);
  if ('reply' in read) return read.reply;
  const { request } = read;
  return consentPage({
    provider: 'Google',
    clientId: request.clientId,
    accounts: [...call.world.accounts.keys()],
    loginHint: request.loginHint,
    scopes: request.scopes.filter((scope) => !signIn.has(scope)),
  });
}

/** The user's answer leads back to the client. */
export function decide(call: AuthorizeCall, decision: Decision): Reply {
  const read = readAuthorization(call);
  if ('reply' in read) return read.reply;
  const { world } = call;
  const { request } = read;
  const issuer = new URL(call.rootUrl).origin;
  const back = { state: request.state, iss: issuer };
  if (!decision.allow) return redirect(request.redirectUri, { error: 'access_denied', ...back });
  const account = world.accounts.get(decision.account);
  if (account === undefined) return refusalPage(400, 'invalid_request', 'Nobody has this address.');
  const ticked = tickedOf(request, decision, signIn);
  const before = call.params.get('include_granted_scopes') === 'true' ? account.scopes : [];
  account.scopes = [...new Set([...before, ...ticked])];
  const isFirst = account.refreshTokens.length === 0;
  const code = `4/0A${world.names.word(68, CODE_ALPHABET)}`;
  world.codes.add(code, {
    request,
    account: account.email,
    granted: account.scopes,
    // Only for offline access, and again only when consent was asked for again.
    givesRefreshToken:
      call.params.get('access_type') === 'offline' &&
      (isFirst || (request.prompt ?? '').split(' ').includes('consent')),
    issuer,
    expiresAtMs: world.clock.now() + CODE_TTL_MS,
    isUsed: false,
  });
  return redirect(request.redirectUri, {
    code,
    scope: account.scopes.join(' '),
    authuser: '0',
    prompt: 'consent',
    ...back,
  });
}

/** A client or an address that is not known is told to nobody but the user. */
function readAuthorization({ world, params }: AuthorizeCall) {
  const client = world.clients.find(({ id }) => id === params.get('client_id'));
  if (client === undefined) {
    return { reply: refusalPage(401, 'invalid_client', 'The OAuth client was not found.') };
  }
  const redirectUri = params.get('redirect_uri') ?? '';
  if (!URL.canParse(redirectUri)) {
    return { reply: refusalPage(400, 'redirect_uri_mismatch', 'The redirect URI in the request is wrong.') };
  }
  const request = readRequest(params);
  if ('error' in request) {
    return { reply: redirect(redirectUri, { error: request.error, state: params.get('state') }) };
  }
  return { request: { ...request, scopes: request.scopes.map((scope) => longNames[scope] ?? scope) } };
}

const refuse = (error: string, description: string): Reply =>
  json({ error, error_description: description }, 400);

/** @param clientId as authenticated */
export function exchange(world: World, form: URLSearchParams, clientId: string): Reply {
  const code = world.codes.get(form.get('code') ?? '');
  if (code === undefined) return refuse('invalid_grant', 'Malformed auth code.');
  const { request } = code;
  if (request.clientId !== clientId) return refuse('unauthorized_client', 'Unauthorized');
  if (form.get('redirect_uri') !== request.redirectUri) return refuse('redirect_uri_mismatch', 'Bad Request');
  const isOver = code.isUsed || code.expiresAtMs <= world.clock.now();
  if (isOver) return refuse('invalid_grant', 'Bad Request');
  if (!provesChallenge(request, form.get('code_verifier'))) {
    return refuse('invalid_grant', 'Invalid code verifier.');
  }
  code.isUsed = true;
  return answer(world, code);
}

function answer(world: World, code: AuthorizationCode): Reply {
  const account = world.accounts.get(code.account);
  if (account === undefined) return refuse('invalid_grant', 'Account has been deleted');
  const { clientId, nonce } = code.request;
  const refreshToken = code.givesRefreshToken ? issueRefreshToken(world, account) : null;
  const access = issueAccessToken(world, account, { clientId, refreshToken });
  const now = Math.floor(world.clock.now() / 1000);
  const claims = {
    iss: code.issuer,
    azp: clientId,
    aud: clientId,
    sub: account.subject,
    email: account.email,
    email_verified: true,
    ...(nonce === null ? {} : { nonce }),
    iat: now,
    exp: now + 3600,
  };
  return json({
    access_token: access.token,
    expires_in: Math.max(1, Math.floor(world.quirks.accessTokenTtlMs / 1000) - 1),
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    scope: code.granted.join(' '),
    token_type: 'Bearer',
    ...(code.granted.includes('openid')
      ? { id_token: idToken(claims, world.names.word(342, CODE_ALPHABET)) }
      : {}),
  });
}
