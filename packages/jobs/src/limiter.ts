/**
 * The fleet's budget with its providers: tokens per account and per project from the quotas that they publish, places
 * among the requests in flight of a mailbox where only so many are served (Graph: four), and peace where a provider asks
 * for it. Urgent work finds a reserve that the rest does not touch (docs/decisions/0023).
 * It stands here because Redis is spoken to nowhere else. Redis knows accounts by their hashes only.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NotAsked, stayAwayMaxMs, SyncError, type Admission, type ProviderName } from '@calfleet/domain';
import type { PullReason } from './catalog.ts';
import { openImpatient, outageReporter, readiness } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { admitScript, leaveScript, usedScript, type Script } from './limiter-scripts.ts';
import { bucketOf, publishedLimits, type Limits, type ProviderLimits, type Quota } from './quotas.ts';
import { within } from './within.ts';

/** Who asks, and for what. */
export interface Ask {
  provider: ProviderName;
  /** The provider's name of the mailbox, else our own of the account. */
  account: string;
  urgency: PullReason;
  /** How many the provider counts. More than a mailbox has places for take all of them. */
  requests: number;
}

export interface Limiter {
  /**
   * Waits for tokens and places: a moment for tokens, longer for places, which are given first come, first served.
   * Providers that nothing is known of are let through.
   * @throws rate_limited with `retryAfterMs`: the provider wants no requests of this account yet
   * @throws NotAsked `rate_limited` with `retryAfterMs`: the project is parked, a quota is used up for now, or no place
   * came free in time. Everybody is told a time of their own
   * @throws NotAsked `provider_unavailable`: Redis did not answer in time
   * @throws invalid_input `requests` is no whole number from 1
   */
  admit(ask: Ask): Promise<Admission>;
  /** The share of its project's quota that each provider has had of us in the last window, 0 to 1. @throws without Redis */
  used(): Promise<Partial<Record<ProviderName, number>>>;
  /** Places still held run out by their lease: their requests may be on the way. */
  close(): Promise<void>;
}

export interface LimiterOptions extends RedisAddress {
  /** Default: what the providers publish. */
  limits?: Limits;
  /** A place is its holder's for this long and never longer; twice the time-out of any provider call. Default 60 s. */
  leaseMs?: number;
  /** Longest wait for a place; a job that waits holds back others. Default 20 s. */
  placeWaitMs?: number;
  /** Longest wait for tokens. Default 2 s. */
  tokenWaitMs?: number;
  /** Told how long a request was kept waiting, and for how long a provider wants to be left alone. */
  onThrottle?: (provider: ProviderName, ms: number) => void;
  /** Told once per outage, and of anything unusual. */
  onError?: (error: Error) => void;
}

/** As a job that is added: a blip is worth a short wait, an outage is not. */
const answerMs = 1_500;
const connectGraceMs = 300;
/** A waiter that did not look for this long is dead: twice the longest look and the pause before it. */
const waiterMs = 3_500;
/** Nobody is told to stand longer in a line than this; what is behind it comes back in this time and asks again. */
const lineMsMax = 120_000;
/** Who waited for a place in vain comes back after 1 to 3 s. */
const comeBackMs = 1_000;

export function createLimiter(options: LimiterOptions): Limiter {
  const { redisUrl, prefix, limits = publishedLimits, onError } = options;
  const { leaseMs = 60_000, placeWaitMs = 20_000, tokenWaitMs = 2_000 } = options;
  const redis = openImpatient(redisUrl);
  const tell = (error: Error) => onError?.(error);
  const report = outageReporter({ lost: tell, back: () => undefined, other: tell });
  redis.on('error', (error: Error) => report.error(error));
  redis.on('ready', () => report.ready());
  const connected = readiness(redis);

  const run = async ({ sha, text }: Script, keys: string[], args: (string | number)[]): Promise<unknown> => {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(text, keys.length, ...keys, ...args);
    }
  };
  const send = (script: Script, keys: string[], args: (string | number)[]): Promise<unknown> =>
    within(
      answerMs,
      connected(connectGraceMs).then(() => run(script, keys, args)),
      'Redis did not answer in time',
    );

  return {
    async admit(ask) {
      const limit = limits[ask.provider];
      const requests = checkedRequests(ask.requests);
      if (!limit) return { leave: () => Promise.resolve() };
      const places = Math.min(requests, limit.placesMax ?? 0);
      const ticket = `${places}:${randomUUID()}`;
      const keys = limiterKeys(prefix, ask);
      const leave = async (parkMs = 0, whose: 'account' | 'project' = 'account'): Promise<void> => {
        if (parkMs > 0) options.onThrottle?.(ask.provider, parkMs);
        else if (places === 0) return;
        const hold = whose === 'account' ? keys.hold : keys.projectHold;
        const args = [ticket, Math.min(Math.ceil(parkMs), stayAwayMaxMs)];
        // The lease gives the places back, and whoever comes next says what is wrong with Redis.
        await send(leaveScript, [keys.places, keys.queue, keys.seen, hold], args).catch(() => undefined);
      };
      const enter = (patienceMs: number): Promise<unknown> =>
        send(admitScript, Object.values(keys), [
          ...[ticket, limit.placesMax ?? 0, leaseMs, waiterMs, requests, Math.floor(patienceMs), lineMsMax],
          ...bucketArgs(limit, ask.urgency),
        ]);
      const waited = { ms: 0 };
      try {
        await waitForAdmission(enter, { placeWaitMs, tokenWaitMs, waited });
      } catch (error) {
        // Not awaited: the ticket, or the places of an answer that came too late, would run out by themselves.
        void leave();
        throw error instanceof SyncError ? error : away(error);
      } finally {
        if (waited.ms > 0) options.onThrottle?.(ask.provider, waited.ms);
      }
      let left: Promise<void> | null = null;
      return { leave: (parkMs, whose) => (left ??= leave(parkMs, whose)) };
    },
    used: async () => {
      const used: Partial<Record<ProviderName, number>> = {};
      for (const [provider, { project }] of Object.entries(limits) as [ProviderName, ProviderLimits][]) {
        if (!project) continue;
        const spent = await send(usedScript, [projectKey(prefix, provider, 'spent')], [project.windowMs]);
        used[provider] = Number(spent) / project.requests;
      }
      return used;
    },
    close: async () => redis.disconnect(),
  };
}

type Answer = ['in' | 'place' | 'thin' | 'held' | 'closed' | 'spent', number, number];

/** One look after the other until everything is there. */
async function waitForAdmission(
  enter: (patienceMs: number) => Promise<unknown>,
  options: { placeWaitMs: number; tokenWaitMs: number; waited: { ms: number } },
): Promise<void> {
  const { waited } = options;
  let patienceMs = options.tokenWaitMs;
  let placeMs = options.placeWaitMs;
  const sleep = async (ms: number): Promise<void> => {
    const before = performance.now();
    await pause(ms);
    waited.ms += performance.now() - before;
  };
  for (;;) {
    const [answer, number, behind] = (await enter(patienceMs)) as Answer;
    const before = waited.ms;
    switch (answer) {
      case 'in':
        return;
      case 'held':
        throw new SyncError('rate_limited', 'The provider wants no requests of this mailbox yet.', {
          retryAfterMs: inLine(number, behind),
        });
      case 'closed':
        throw notNow('The provider wants no requests of ours yet.', inLine(number, behind));
      case 'spent':
        throw notNow('The quota is used up for now.', inLine(number, behind));
      case 'thin':
        await sleep(Math.max(number, 20 + 60 * Math.random()));
        patienceMs -= waited.ms - before;
        break;
      case 'place':
        if (placeMs <= 0) {
          const retryAfterMs = Math.round(comeBackMs * (1 + 2 * Math.random()));
          throw notNow('No place among the requests of this mailbox came free in time.', retryAfterMs);
        }
        await sleep(lookAgainMs(number));
        placeMs -= waited.ms - before;
        break;
    }
  }
}

/** A quarter of it is chance, so that lines of several buckets do not march in step. */
const inLine = (ms: number, behindMs: number): number =>
  Math.ceil(ms + behindMs * (0.75 + 0.5 * Math.random()));

/**
 * 10 to 50 ms for whoever may be next, and more the farther behind. Measured with 100 callers on one mailbox and calls of
 * 200 ms: 18 calls a second of 20 possible, for 1.2 % of Redis. Being told instead would take a second connection that
 * subscribes, and the looks all the same for when it is lost.
 */
function lookAgainMs(before: number): number {
  const rounds = 1 + Math.min(Math.floor(before / 4), 4);
  return Math.round((10 + 40 * Math.random()) * rounds);
}

/** In the order of the script. The brackets of the prefix keep all of them in one slot of a cluster. */
export function limiterKeys(prefix: string, { provider, account, urgency }: Omit<Ask, 'requests'>) {
  const name = createHash('sha256').update(`${provider}:${account}`).digest('base64url').slice(0, 22);
  const ofAccount = (part: string) => `${prefix}:mailbox:${name}:${part}`;
  return {
    places: ofAccount('places'),
    queue: ofAccount('queue'),
    seen: ofAccount('seen'),
    hold: ofAccount('hold'),
    full: ofAccount('full'),
    line: ofAccount(`line:${urgency}`),
    projectHold: projectKey(prefix, provider, 'hold'),
    projectFull: projectKey(prefix, provider, 'full'),
    projectLine: projectKey(prefix, provider, `line:${urgency}`),
    spent: projectKey(prefix, provider, 'spent'),
  };
}

const projectKey = (prefix: string, provider: ProviderName, part: string): string =>
  `${prefix}:quota:${provider}:${part}`;

function bucketArgs({ account, project }: ProviderLimits, urgency: PullReason): number[] {
  const sizes = (quota: Quota): number[] => {
    const { stepMs, depthMs, reserveMs } = bucketOf(quota, urgency);
    return [stepMs, depthMs, reserveMs];
  };
  return [...sizes(account), ...(project ? [...sizes(project), project.windowMs] : [0, 0, 0, 0])];
}

function checkedRequests(requests: number): number {
  if (Number.isInteger(requests) && requests > 0) return requests;
  throw new SyncError('invalid_input', 'requests: a whole number from 1 is wanted');
}

const notNow = (message: string, retryAfterMs: number): NotAsked =>
  new NotAsked('rate_limited', message, { retryAfterMs });

const away = (cause: unknown): NotAsked =>
  new NotAsked('provider_unavailable', 'Redis could not be asked for leave to send.', { cause });
