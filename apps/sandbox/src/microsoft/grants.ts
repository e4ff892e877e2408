/** Grants of mailboxes: refresh tokens given out, and the access tokens made from them. */
import type { AccessToken, Mailbox, RefreshToken } from './mailbox.ts';
import type { MicrosoftWorld } from './world.ts';

/** Tenant of all personal accounts. https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference */
export const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';

const TOKEN_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** About what the real ones have; clients must not count on any length. */
const REFRESH_TOKEN_CHARS = 1100;
const PERSONAL_TOKEN_CHARS = 1200;
/** Each use gives a further one, so that old ones have to go some day. */
const REFRESH_TOKENS_MAX = 100;
/** Beyond it tokens that are over are forgotten. */
const ACCESS_TOKENS_SWEPT_ABOVE = 5000;

/** @param via the client it is for (default: the first one), and the token that it succeeds */
export function issueRefreshToken(
  world: MicrosoftWorld,
  mailbox: Mailbox,
  wanted?: string,
  via: { clientId?: string; family?: string } = {},
): string {
  const token = wanted ?? `1.AX${world.names.word(REFRESH_TOKEN_CHARS, TOKEN_ALPHABET)}`;
  mailbox.refreshTokens.push({
    token,
    issuedAtMs: world.clock.now(),
    clientId: via.clientId ?? firstClient(world),
    family: via.family ?? token,
    usedAtMs: null,
  });
  if (mailbox.refreshTokens.length > REFRESH_TOKENS_MAX) mailbox.refreshTokens.shift();
  return token;
}

export function issueAccessToken(
  world: MicrosoftWorld,
  mailbox: Mailbox,
  via: { clientId: string; refreshToken: string | null; scopes?: readonly string[] },
): AccessToken {
  const expiresAtMs = world.clock.now() + world.quirks.accessTokenTtlMs;
  const scopes = via.scopes ?? [...mailbox.scopes];
  const access: AccessToken = {
    token: tokenText(world, mailbox, { clientId: via.clientId, scopes, expiresAtMs }),
    oid: mailbox.oid,
    tenantId: mailbox.tenantId,
    clientId: via.clientId,
    scopes,
    expiresAtMs,
    refreshToken: via.refreshToken,
  };
  world.accessTokens.set(access.token, access);
  if (world.accessTokens.size > ACCESS_TOKENS_SWEPT_ABOVE) sweepAccessTokens(world);
  return access;
}

/** What a sign-in with consent gives, without the detour over the authorization page. */
export function grantTokens(
  world: MicrosoftWorld,
  mailbox: Mailbox,
  granted: { scopes?: string[]; refreshToken?: string } = {},
): { accessToken: string; refreshToken: string } {
  if (granted.scopes !== undefined) mailbox.scopes = [...granted.scopes];
  const refreshToken = issueRefreshToken(world, mailbox, granted.refreshToken);
  const { token } = issueAccessToken(world, mailbox, { clientId: firstClient(world), refreshToken });
  return { accessToken: token, refreshToken };
}

/** The living access token of an Authorization header. */
export function bearerOf(world: MicrosoftWorld, header: string | undefined): AccessToken | undefined {
  const [, text = ''] = /^Bearer (\S+)$/i.exec(header ?? '') ?? [];
  const token = world.accessTokens.get(text);
  return token !== undefined && token.expiresAtMs > world.clock.now() ? token : undefined;
}

export interface HeldRefreshToken {
  mailbox: Mailbox;
  grant: RefreshToken;
}

/** Who holds a refresh token, whether or not it is still good. */
export function holderOf(world: MicrosoftWorld, refreshToken: string): HeldRefreshToken | undefined {
  for (const mailbox of world.mailboxes.values()) {
    const grant = mailbox.refreshTokens.find(({ token }) => token === refreshToken);
    if (grant !== undefined) return { mailbox, grant };
  }
  return undefined;
}

/** Ends all refresh tokens that came from one consent. */
export function endFamily(mailbox: Mailbox, family: string): void {
  mailbox.refreshTokens = mailbox.refreshTokens.filter((grant) => grant.family !== family);
}

/**
 * An administrator revokes the sign-ins, or the user takes the consent back: every refresh token answers invalid_grant.
 * Access tokens live on and subscriptions end, unless the knobs say otherwise.
 */
export function revokeGrants(world: MicrosoftWorld, mailbox: Mailbox): void {
  mailbox.refreshTokens = [];
  if (world.quirks.revocationEndsAccessTokens) expireAccessTokens(world, mailbox);
  if (world.quirks.revocationRemovesSubscriptions) world.subscriptions.removeAll(mailbox);
}

/** Also for the subscriptions that rest on them. */
export function expireAccessTokens(world: MicrosoftWorld, mailbox: Mailbox): void {
  for (const access of [...world.accessTokens.values()]) {
    if (access.oid !== mailbox.oid) continue;
    access.expiresAtMs = Math.min(access.expiresAtMs, world.clock.now());
    world.accessTokens.delete(access.token);
  }
}

function sweepAccessTokens(world: MicrosoftWorld): void {
  const now = world.clock.now();
  for (const access of [...world.accessTokens.values()]) {
    if (access.expiresAtMs <= now) world.accessTokens.delete(access.token);
  }
}

const firstClient = (world: MicrosoftWorld): string => world.clients[0]?.id ?? '';

/** A JWT for work accounts, nothing that can be read for personal ones; neither is meant for the client's eyes. */
function tokenText(
  world: MicrosoftWorld,
  mailbox: Mailbox,
  facts: { clientId: string; scopes: readonly string[]; expiresAtMs: number },
): string {
  if (mailbox.tenantId === PERSONAL_TENANT) {
    return `EwB${world.names.word(PERSONAL_TOKEN_CHARS, TOKEN_ALPHABET)}`;
  }
  const header = { typ: 'JWT', nonce: world.names.word(43, TOKEN_ALPHABET), alg: 'RS256' };
  const claims = {
    aud: 'https://graph.microsoft.com',
    iss: `https://sts.windows.net/${mailbox.tenantId}/`,
    exp: Math.floor(facts.expiresAtMs / 1000),
    appid: facts.clientId,
    oid: mailbox.oid,
    tid: mailbox.tenantId,
    upn: mailbox.email,
    name: mailbox.name,
    scp: facts.scopes.join(' '),
    uti: world.names.word(22, TOKEN_ALPHABET),
    ver: '1.0',
  };
  return [encoded(header), encoded(claims), world.names.word(342, TOKEN_ALPHABET)].join('.');
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
