/**
 * Access tokens for provider calls: sealed in the account's row, so that all workers share one, kept in memory while
 * they live, and refreshed once per process however many jobs ask at the same time.
 */
import {
  SyncError,
  type AccountId,
  type Clock,
  type ProviderName,
  type ProviderSession,
  type TokenEndpoint,
} from '@calfleet/domain';
import { readAccount, storeTokens, type AccountRow, type Database } from '@calfleet/db';
import type { Vault } from '@calfleet/vault';

export interface Sessions {
  /** A session on behalf of an account; `onRequest` counts the requests it sends. */
  open(of: { accountId: AccountId; provider: ProviderName }, onRequest?: () => void): ProviderSession;
  /** The refresh token of one account, sealed for another: both are the same mailbox of the same user. */
  reseal(from: AccountRow, to: AccountRow): Uint8Array;
}

export interface SessionsOptions {
  db: Database;
  clock: Clock;
  vault: Vault;
  tokenEndpoints: ReadonlyMap<ProviderName, TokenEndpoint>;
}

/** A token this near its end is not used any more: a page may take longer than that to be asked for. */
const expiryMarginMs = 60_000;
/** Live tokens kept unsealed in memory, so that a pull costs no look-up for its token (4 ms of 20, measured). */
const keptMax = 5_000;

interface LiveToken {
  token: string;
  expiresAt: Date;
}

export function createSessions(options: SessionsOptions): Sessions {
  const kept = new Map<AccountId, LiveToken>();
  const asking = new Map<AccountId, Promise<LiveToken>>();
  /** One question per account at a time, however many jobs ask. */
  const ask = async (accountId: AccountId, refused: string | null): Promise<string> => {
    const running = asking.get(accountId);
    const started = running ?? liveToken(options, accountId, refused).finally(() => asking.delete(accountId));
    if (!running) asking.set(accountId, started);
    const live = await started;
    if (kept.size >= keptMax) kept.clear();
    kept.set(accountId, live);
    return live.token;
  };
  return {
    reseal: (from, to) =>
      seal(
        options.vault,
        to,
        'refresh_token',
        open(options.vault, from, 'refresh_token', from.refresh_token),
      ),
    open: ({ accountId, provider }, onRequest) => ({
      accountId,
      ...(onRequest ? { onRequest } : {}),
      accessToken: async ({ fresh = false } = {}) => {
        // The memory provider has no tokens.
        if (!options.tokenEndpoints.has(provider)) return '';
        const known = kept.get(accountId);
        if (!fresh && known && isLive(options.clock, known.expiresAt)) return known.token;
        return ask(accountId, fresh ? (known?.token ?? null) : null);
      },
    }),
  };
}

/** The token that all workers share, or a new one when it is used up or was just `refused`. */
async function liveToken(
  options: SessionsOptions,
  accountId: AccountId,
  refused: string | null,
): Promise<LiveToken> {
  const account = await options.db.transaction({ role: 'worker' }, (tx) => readAccount(tx, accountId));
  if (account?.status !== 'active') {
    throw new SyncError('credentials_revoked', 'The account is not connected.', { context: { accountId } });
  }
  const stored = storedToken(options, account);
  return stored && stored.token !== refused ? stored : refreshToken(options, account);
}

const isLive = (clock: Clock, expiresAt: Date): boolean =>
  expiresAt.getTime() - clock.now().getTime() >= expiryMarginMs;

function storedToken({ clock, vault }: SessionsOptions, account: AccountRow): LiveToken | null {
  const { access_token: sealed, access_token_expires_at: expiresAt } = account;
  if (!sealed || !expiresAt || !isLive(clock, expiresAt)) return null;
  return { token: open(vault, account, 'access_token', sealed), expiresAt };
}

async function refreshToken(options: SessionsOptions, account: AccountRow): Promise<LiveToken> {
  const { clock, db, vault } = options;
  const endpoint = options.tokenEndpoints.get(account.provider);
  if (!endpoint) throw new Error(`The provider ${account.provider} is switched off.`);
  const refreshToken = open(vault, account, 'refresh_token', account.refresh_token);
  const grant = await endpoint.refresh({ refreshToken, clock }).catch(async (error: unknown) => {
    // Refused with a grant that a reconnect has replaced meanwhile: that says nothing about the new one.
    const now = await db.transaction({ role: 'worker' }, (tx) => readAccount(tx, account.id));
    if (!now || Buffer.from(now.refresh_token).equals(Buffer.from(account.refresh_token))) throw error;
    throw new SyncError('provider_unavailable', 'The grant was replaced while it was used.', {
      cause: error,
    });
  });
  const expiresAt = new Date(grant.expiresAt);
  await db.transaction({ role: 'worker' }, (tx) =>
    storeTokens(tx, account, {
      accessToken: seal(vault, account, 'access_token', grant.accessToken),
      expiresAt,
      refreshToken:
        grant.refreshToken === null ? null : seal(vault, account, 'refresh_token', grant.refreshToken),
      at: clock.now(),
    }),
  );
  return { token: grant.accessToken, expiresAt };
}

const seal = (vault: Vault, account: AccountRow, field: string, plaintext: string): Uint8Array =>
  vault.seal({ accountId: account.id, dataKey: Buffer.from(account.data_key), field, plaintext });

const open = (vault: Vault, account: AccountRow, field: string, sealed: Uint8Array): string =>
  vault.open({
    accountId: account.id,
    dataKey: Buffer.from(account.data_key),
    field,
    sealed: Buffer.from(sealed),
  });
