/**
 * The access token that all workers share, sealed in the account's row, and the one refresh that makes a new one: whoever
 * wins the row's lease asks the provider, the others watch the row. No transaction is open while the provider is asked.
 */
import {
  asSyncError,
  SyncError,
  type AccountId,
  type Clock,
  type ProviderName,
  type TokenEndpoint,
  type TokenGrant,
} from '@calfleet/domain';
import {
  leaseTokens,
  readAccount,
  releaseTokens,
  storeTokens,
  tokenFailures,
  type AccountRow,
  type Database,
  type TokenFailure,
  type TokenLease,
} from '@calfleet/db';
import { VaultError, type Vault } from '@calfleet/vault';
import { countedRefresh, type CallMetrics } from './provider-counts.ts';
import { switchedOff } from './provider-of.ts';

export interface LiveToken {
  token: string;
  expiresAt: Date;
  /** The provider's lasting name of the mailbox; null until its calendars were listed once. */
  providerAccountId: string | null;
}

export interface LiveTokenDeps {
  db: Database;
  clock: Clock;
  vault: Vault;
  tokenEndpoints: ReadonlyMap<ProviderName, TokenEndpoint>;
  /** Absent: nothing is counted. */
  metrics?: CallMetrics;
  /** Between two looks at the row. */
  pause: (ms: number) => Promise<unknown>;
}

/** A token this near its end is not used any more: a page may take longer than that to be asked for. */
const expiryMarginMs = 60_000;
/** With {@link pauseMs}, a minute and a half: longer than the lease of a worker that died and one refresh after it. */
const looksMax = 100;

export const isLive = (clock: Clock, expiresAt: Date, lifeMs = expiryMarginMs): boolean =>
  expiresAt.getTime() - clock.now().getTime() >= lifeMs;

/**
 * @param refused a token that the provider did not take
 * @throws what the refresh raises, also when another worker made it; credentials_revoked also when the account is not
 * connected
 */
export async function liveToken(
  deps: LiveTokenDeps,
  accountId: AccountId,
  refused: string | null,
): Promise<LiveToken> {
  let awaited: AccountRow | null = null;
  for (let looks = 0; looks < looksMax; looks += 1) {
    const { account, live, lease } = await look(deps, { accountId, refused, awaited });
    if (live) return live;
    if (lease) return refreshTokens(deps, account, lease);
    if (account.refreshing) awaited = account;
    await deps.pause(pauseMs(looks));
  }
  throw new SyncError('provider_unavailable', 'No worker got a new token in time.', {
    context: { accountId },
  });
}

/** A refresh takes 100 to 500 ms; one that takes long is asked for ever more seldom, once a second at last. */
const pauseMs = (looks: number): number => Math.min(40 * 1.25 ** looks, 1_000) * (0.75 + 0.5 * Math.random());

interface Look {
  account: AccountRow;
  live: LiveToken | null;
  lease: TokenLease | null;
}

/** Reads the row and, where it takes a refresh that nobody makes, tries to win it. */
async function look(
  deps: LiveTokenDeps,
  {
    accountId,
    refused,
    awaited,
  }: { accountId: AccountId; refused: string | null; awaited: AccountRow | null },
): Promise<Look> {
  return deps.db.transaction({ role: 'worker' }, async (tx) => {
    const account = await readAccount(tx, accountId);
    // One that leaves still has to take back what it left at its provider.
    if (account?.status !== 'active' && account?.status !== 'disconnecting') {
      throw new SyncError('credentials_revoked', 'The account is not connected.', { context: { accountId } });
    }
    const stored = storedToken(deps, account);
    if (stored && stored.token !== refused) return { account, live: stored, lease: null };
    // The same answer for all who waited. It says nothing about a grant that came meanwhile.
    if (awaited && account.token_failure !== null && isSameGrant(awaited, account)) {
      throw new SyncError(account.token_failure, 'The refresh that was waited for failed.', {
        context: { accountId },
      });
    }
    return { account, live: null, lease: await leaseTokens(tx, account) };
  });
}

async function refreshTokens(
  deps: LiveTokenDeps,
  account: AccountRow,
  lease: TokenLease,
): Promise<LiveToken> {
  const { clock, db, vault } = deps;
  const grant = await askForTokens(deps, account).catch((error: unknown) =>
    failRefresh(deps, { account, lease, error }),
  );
  const expiresAt = new Date(grant.expiresAt);
  const tokens = {
    accessToken: seal(vault, account, 'access_token', grant.accessToken),
    expiresAt,
    refreshToken:
      grant.refreshToken === null ? null : seal(vault, account, 'refresh_token', grant.refreshToken),
    at: clock.now(),
  };
  await db.transaction({ role: 'worker' }, async (tx) => {
    if (!(await storeTokens(tx, lease, tokens))) await releaseTokens(tx, lease, null);
  });
  return { token: grant.accessToken, expiresAt, providerAccountId: account.provider_account_id };
}

async function askForTokens(
  { clock, metrics, tokenEndpoints, vault }: LiveTokenDeps,
  account: AccountRow,
): Promise<TokenGrant> {
  const endpoint = tokenEndpoints.get(account.provider);
  if (!endpoint) throw switchedOff(account.provider);
  const refreshToken = openSealed(vault, account, 'refresh_token', account.refresh_token);
  return countedRefresh(metrics, account.provider, () => endpoint.refresh({ refreshToken, clock }));
}

/** @throws the failure, for this worker; the others find it in the row */
async function failRefresh(
  { db }: LiveTokenDeps,
  { account, lease, error }: { account: AccountRow; lease: TokenLease; error: unknown },
): Promise<never> {
  const { code } = asSyncError(error);
  const now = await db.transaction({ role: 'worker' }, async (tx) => {
    await releaseTokens(tx, lease, isTokenFailure(code) ? code : null);
    return readAccount(tx, account.id);
  });
  if (!now || isSameGrant(now, account)) throw error;
  // Refused with a grant that a reconnect has replaced meanwhile: that says nothing about the new one.
  throw new SyncError('provider_unavailable', 'The grant was replaced while it was used.', { cause: error });
}

function storedToken({ clock, vault }: LiveTokenDeps, account: AccountRow): LiveToken | null {
  const { access_token: sealed, access_token_expires_at: expiresAt } = account;
  if (!sealed || !expiresAt || !isLive(clock, expiresAt)) return null;
  try {
    const token = openSealed(vault, account, 'access_token', sealed);
    return { token, expiresAt, providerAccountId: account.provider_account_id };
  } catch (error) {
    // A broken token is as good as none, as long as the grant opens: a refresh replaces it.
    if (asSyncError(error).code === 'credentials_revoked') return null;
    throw error;
  }
}

const isTokenFailure = (code: string): code is TokenFailure =>
  tokenFailures.some((failure) => failure === code);

const isSameGrant = (one: AccountRow, other: AccountRow): boolean =>
  Buffer.from(one.refresh_token).equals(Buffer.from(other.refresh_token));

export const seal = (vault: Vault, account: AccountRow, field: string, plaintext: string): Uint8Array =>
  vault.seal({ accountId: account.id, dataKey: Buffer.from(account.data_key), field, plaintext });

/**
 * @throws SyncError `misconfigured`: the account's data key does not open, which takes the operator's key ring;
 * `credentials_revoked`: it does, and the field is broken, so that only a new grant helps. Neither quotes what is stored.
 */
export function openSealed(vault: Vault, account: AccountRow, field: string, sealed: Uint8Array): string {
  const of = { accountId: account.id, dataKey: Buffer.from(account.data_key) };
  try {
    return vault.open({ ...of, field, sealed: Buffer.from(sealed) });
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const context = { account_id: account.id };
    const keyOpens = opens(() => vault.resealDataKey(of.accountId, of.dataKey));
    throw keyOpens
      ? new SyncError('credentials_revoked', 'The stored grant is damaged: connect again.', { context })
      : new SyncError('misconfigured', 'The stored grant does not open with TOKEN_ENCRYPTION_KEYS.', {
          context,
        });
  }
}

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch (error) {
    if (error instanceof VaultError) return false;
    throw error;
  }
}
