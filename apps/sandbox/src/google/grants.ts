/** Grants of users: refresh tokens given out, and the access tokens made from them. */
import type { AccessToken, Account } from '../store/account.ts';
import type { World } from '../store/world.ts';

/** Per account and client; the oldest is dropped without a word. https://developers.google.com/identity/protocols/oauth2#expiration */
const REFRESH_TOKENS_MAX = 100;
const TOKEN_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function issueRefreshToken(world: World, account: Account, wanted?: string): string {
  const token = wanted ?? `1//0${world.names.word(60, TOKEN_ALPHABET)}`;
  account.refreshTokens.push({ token, issuedAtMs: world.clock.now() });
  while (account.refreshTokens.length > REFRESH_TOKENS_MAX) {
    const evicted = account.refreshTokens[0];
    if (evicted !== undefined) revokeGrant(world, evicted.token);
  }
  return token;
}

export function issueAccessToken(
  world: World,
  account: Account,
  via: { clientId: string; refreshToken: string | null },
): AccessToken {
  const token: AccessToken = {
    token: `ya29.${world.names.word(80, TOKEN_ALPHABET)}`,
    email: account.email,
    expiresAtMs: world.clock.now() + world.quirks.accessTokenTtlMs,
    ...via,
  };
  world.accessTokens.set(token.token, token);
  return token;
}

/** The account of a living refresh token. */
export function holderOf(world: World, refreshToken: string): Account | undefined {
  const { refreshTokenTtlMs } = world.quirks;
  for (const account of world.accounts.values()) {
    const grant = account.refreshTokens.find(({ token }) => token === refreshToken);
    if (grant === undefined) continue;
    const isOver = refreshTokenTtlMs !== null && grant.issuedAtMs + refreshTokenTtlMs <= world.clock.now();
    return isOver ? undefined : account;
  }
  return undefined;
}

/** The living access token of an Authorization header. */
export function bearerOf(world: World, header: string | undefined): AccessToken | undefined {
  const [, text = ''] = /^Bearer (\S+)$/i.exec(header ?? '') ?? [];
  const token = world.accessTokens.get(text);
  return token !== undefined && token.expiresAtMs > world.clock.now() ? token : undefined;
}

/** Ends a refresh token and what was made from it. */
export function revokeGrant(world: World, refreshToken: string): void {
  for (const account of world.accounts.values()) {
    account.refreshTokens = account.refreshTokens.filter(({ token }) => token !== refreshToken);
  }
  for (const access of [...world.accessTokens.values()]) {
    if (access.refreshToken === refreshToken) world.accessTokens.delete(access.token);
  }
}
