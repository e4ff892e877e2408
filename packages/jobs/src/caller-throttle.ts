/**
 * How many requests each caller of the API makes in a minute, over all its processes. It stands here because Redis is
 * spoken to nowhere else. Redis knows callers by their hashes only; without Redis everybody is let through, since a limit
 * protects the service and must not be what takes it down.
 */
import { createHash } from 'node:crypto';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { openImpatient } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { within } from './within.ts';

export interface CallerCount {
  /** Requests that are left in this minute, this one taken off. */
  remaining: number;
  /** This request was one too many. */
  isOver: boolean;
  /** Until the count begins anew, milliseconds. */
  resetMs: number;
}

export interface CallerThrottle {
  /** Counts one request. @param limit requests a minute @returns null: Redis did not say, so nobody is refused */
  count(caller: string, limit: number): Promise<CallerCount | null>;
  close(): Promise<void>;
}

export interface CallerThrottleOptions extends RedisAddress {
  /** Told once per outage. */
  onError?: (error: Error) => void;
}

/** The minute of a caller begins with its first request. */
const windowSeconds = 60;
/** Every request waits for the answer, which takes less than a millisecond. */
const answerMs = 250;

export function createCallerThrottle({ redisUrl, prefix, onError }: CallerThrottleOptions): CallerThrottle {
  const redis = openImpatient(redisUrl);
  let isAway = false;
  const lose = (error: unknown): void => {
    if (!isAway) onError?.(error instanceof Error ? error : new Error(String(error)));
    isAway = true;
  };
  redis.on('error', lose);

  /** Callers of one kind have one limit, so there are as many limiters as kinds. */
  const limiters = new Map<number, RateLimiterRedis>();
  const limiterOf = (points: number): RateLimiterRedis => {
    const known = limiters.get(points);
    if (known) return known;
    const limiter = new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: `${prefix}:caller`,
      points,
      duration: windowSeconds,
    });
    limiters.set(points, limiter);
    return limiter;
  };

  return {
    async count(caller, limit) {
      // A connection that is not there yet is not waited for, as each request would.
      if (redis.status !== 'ready') return null;
      try {
        const consumed = consume(limiterOf(limit), nameOf(caller));
        const count = await within(answerMs, consumed, 'Redis did not answer in time');
        isAway = false;
        return count;
      } catch (error) {
        lose(error);
        return null;
      }
    },
    close: async () => redis.disconnect(),
  };
}

/** The library throws what it counts where that is over the limit. */
async function consume(limiter: RateLimiterRedis, caller: string): Promise<CallerCount> {
  try {
    return read(await limiter.consume(caller), { isOver: false });
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return read(thrown, { isOver: true });
    throw thrown;
  }
}

const read = (
  { remainingPoints, msBeforeNext }: RateLimiterRes,
  { isOver }: Pick<CallerCount, 'isOver'>,
): CallerCount => ({ remaining: remainingPoints, isOver, resetMs: msBeforeNext });

const nameOf = (caller: string): string =>
  createHash('sha256').update(caller).digest('base64url').slice(0, 22);
