/**
 * Sessions for provider calls: their access tokens are shared by all workers and kept in memory while they live, and
 * each request asks the fleet's budget before it is sent.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type {
  AccountId,
  Admission,
  Clock,
  ProviderAnswer,
  ProviderName,
  ProviderSession,
  TokenEndpoint,
} from '@calfleet/domain';
import type { AccountRow, Database } from '@calfleet/db';
import type { Vault } from '@calfleet/vault';
import type { Ask, PullReason } from '@calfleet/jobs';
import { isLive, liveToken, openSealed, seal, type LiveToken } from './live-token.ts';
import { countAnswer, type CallMetrics } from './provider-counts.ts';

export interface Sessions {
  /**
   * A session on behalf of an account; `onRequest` counts the requests it sends. `urgency` says which part of the budget
   * it may spend; left out: `schedule`.
   */
  open(of: SessionOf, onRequest?: () => void): ProviderSession;
  /** The refresh token of one account, sealed for another: both are the same mailbox of the same user. */
  reseal(from: AccountRow, to: AccountRow): Uint8Array;
  /**
   * Ends the grant at its provider, for everybody who shares it; where a provider has no way to, it is only forgotten.
   * @throws what the revocation raises; credentials_revoked also when the stored grant does not open
   */
  revoke(account: AccountRow): Promise<void>;
}

export interface SessionOf {
  accountId: AccountId;
  provider: ProviderName;
  urgency?: PullReason;
  /**
   * Asks the account's row for its first token, whatever this process remembers: what a new grant allows must not be tried
   * with a token of the old one.
   */
  looksUp?: boolean;
}

export interface SessionsOptions {
  db: Database;
  clock: Clock;
  vault: Vault;
  tokenEndpoints: ReadonlyMap<ProviderName, TokenEndpoint>;
  /** Keeps the budget of the whole fleet. Absent: nobody does. */
  limiter?: { admit(ask: Ask): Promise<Admission> };
  /** Absent: nothing is counted. */
  metrics?: CallMetrics;
  /** Waits between two looks for another worker's refresh, milliseconds; tests bring their own. */
  pause?: (ms: number) => Promise<unknown>;
}

/** Live tokens kept unsealed in memory, so that a pull costs no look-up for its token (4 ms of 20, measured). */
const keptMax = 5_000;

export function createSessions(options: SessionsOptions): Sessions {
  const { clock, limiter, metrics, tokenEndpoints, vault } = options;
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
  /** Two accounts on one mailbox share its budget, as soon as the provider has named it. */
  const mailboxOf = async (accountId: AccountId): Promise<string> => {
    const known = kept.get(accountId)?.providerAccountId;
    return known ?? (await ask(accountId, null)).providerAccountId ?? accountId;
  };
  return {
    reseal: (from, to) =>
      seal(vault, to, 'refresh_token', openSealed(vault, from, 'refresh_token', from.refresh_token)),
    revoke: async (account) => {
      kept.delete(account.id);
      const endpoint = tokenEndpoints.get(account.provider);
      if (!endpoint?.revoke) return;
      await endpoint.revoke({
        refreshToken: openSealed(vault, account, 'refresh_token', account.refresh_token),
        clock,
      });
    },
    open: ({ accountId, provider, urgency = 'schedule', looksUp = false }, onRequest) => {
      /** What this session went out with: a 401 speaks of it, whatever other sessions have by now. */
      let given: string | null = null;
      return {
        accountId,
        ...(onRequest && { onRequest }),
        ...(metrics && { onAnswer: (answer: ProviderAnswer) => countAnswer(metrics, provider, answer) }),
        accessToken: async ({ fresh = false, lifeMs } = {}) => {
          // The memory provider has no tokens.
          if (!tokenEndpoints.has(provider)) return '';
          const known = looksUp && given === null ? undefined : kept.get(accountId);
          if (fresh) return (await ask(accountId, given ?? known?.token ?? null)).token;
          let live = known && isLive(clock, known.expiresAt) ? known : await ask(accountId, null);
          // Asked for once: a provider whose tokens never live that long gives what it has.
          if (lifeMs !== undefined && !isLive(clock, live.expiresAt, lifeMs))
            live = await ask(accountId, live.token);
          return (given = live.token);
        },
        ...(limiter &&
          tokenEndpoints.has(provider) && {
            admit: async (requests: number) =>
              limiter.admit({ provider, account: await mailboxOf(accountId), urgency, requests }),
          }),
      };
    },
  };
}
