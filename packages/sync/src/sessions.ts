/**
 * Sessions for provider calls: their access tokens are shared by all workers and kept in memory while they live, and
 * where a mailbox stands only so many requests at once, its places are counted over the fleet.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type {
  AccountId,
  Admission,
  Clock,
  ProviderName,
  ProviderSession,
  TokenEndpoint,
} from '@calfleet/domain';
import type { AccountRow, Database } from '@calfleet/db';
import type { Vault } from '@calfleet/vault';
import { isLive, liveToken, openSealed, seal, type LiveToken } from './live-token.ts';

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
  /** Counts the requests in flight of a mailbox over the whole fleet. Absent: nobody does. */
  limiter?: { admit(mailbox: string, places: number): Promise<Admission> };
  /** Waits between two looks for another worker's refresh, milliseconds; tests bring their own. */
  pause?: (ms: number) => Promise<unknown>;
}

/** Live tokens kept unsealed in memory, so that a pull costs no look-up for its token (4 ms of 20, measured). */
const keptMax = 5_000;

/** Whose mailboxes serve only so many requests at a time. https://learn.microsoft.com/graph/throttling-limits */
const limited: ReadonlySet<ProviderName> = new Set<ProviderName>(['microsoft']);

export function createSessions(options: SessionsOptions): Sessions {
  const { clock, limiter, tokenEndpoints, vault } = options;
  const deps = { pause, ...options };
  const kept = new Map<AccountId, LiveToken>();
  const asking = new Map<string, Promise<LiveToken>>();
  /** Each question once at a time, however many jobs ask it. */
  const ask = async (accountId: AccountId, refused: string | null): Promise<LiveToken> => {
    const question = `${accountId} ${refused ?? ''}`;
    const running = asking.get(question);
    const started = running ?? liveToken(deps, accountId, refused).finally(() => asking.delete(question));
    if (!running) asking.set(question, started);
    const live = await started;
    if (kept.size >= keptMax) kept.clear();
    kept.set(accountId, live);
    return live;
  };
  /** Two accounts on one mailbox share its places, as soon as the provider has named it. */
  const mailboxOf = async (accountId: AccountId, provider: ProviderName): Promise<string> => {
    const known = kept.get(accountId)?.providerAccountId;
    const name = known ?? (await ask(accountId, null)).providerAccountId;
    return `${provider}:${name ?? accountId}`;
  };
  return {
    reseal: (from, to) =>
      seal(vault, to, 'refresh_token', openSealed(vault, from, 'refresh_token', from.refresh_token)),
    open: ({ accountId, provider }, onRequest) => {
      /** What this session went out with: a 401 speaks of it, whatever other sessions have by now. */
      let given: string | null = null;
      return {
        accountId,
        ...(onRequest && { onRequest }),
        accessToken: async ({ fresh = false, lifeMs } = {}) => {
          // The memory provider has no tokens.
          if (!tokenEndpoints.has(provider)) return '';
          const known = kept.get(accountId);
          if (fresh) return (await ask(accountId, given ?? known?.token ?? null)).token;
          let live = known && isLive(clock, known.expiresAt) ? known : await ask(accountId, null);
          // Asked for once: a provider whose tokens never live that long gives what it has.
          if (lifeMs !== undefined && !isLive(clock, live.expiresAt, lifeMs))
            live = await ask(accountId, live.token);
          return (given = live.token);
        },
        ...(limiter &&
          limited.has(provider) && {
            admit: async (places: number) => limiter.admit(await mailboxOf(accountId, provider), places),
          }),
      };
    },
  };
}
