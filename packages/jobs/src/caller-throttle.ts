/**
 * How many requests each caller of the API makes in a minute, over all its processes. It stands here because Redis is
 * spoken to nowhere else. Redis knows callers by their hashes only; without Redis everybody is let through, since a limit
 * protects the service and must not be what takes it down.
 */
import { createHash } from 'node:crypto';
import { openImpatient } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { within } from './within.ts';

export interface CallerCount {
  /** Of this minute, this request included; goes on beyond any limit. */
  requests: number;
  /** Until the count begins anew, milliseconds. */
  resetMs: number;
}

export interface CallerThrottle {
  /** Counts one request. @returns null: Redis did not say, so nobody is refused */
  count(caller: string): Promise<CallerCount | null>;
  close(): Promise<void>;
}

export interface CallerThrottleOptions extends RedisAddress {
  /** Told once per outage. */
  onError?: (error: Error) => void;
}

/** The minute of a caller begins with its first request. */
const windowMs = 60_000;
/** Every request waits for the answer, which takes less than a millisecond. */
const answerMs = 250;

const script = `
local requests = redis.call('INCR', KEYS[1])
local ms = redis.call('PTTL', KEYS[1])
if ms < 0 then
  ms = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ms)
end
return {requests, ms}
`;
const sha = createHash('sha1').update(script).digest('hex');

export function createCallerThrottle({ redisUrl, prefix, onError }: CallerThrottleOptions): CallerThrottle {
  const redis = openImpatient(redisUrl);
  let isAway = false;
  const lose = (error: unknown): void => {
    if (!isAway) onError?.(error instanceof Error ? error : new Error(String(error)));
    isAway = true;
  };
  redis.on('error', lose);

  const ask = async (key: string): Promise<unknown> => {
    try {
      return await redis.evalsha(sha, 1, key, windowMs);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(script, 1, key, windowMs);
    }
  };

  return {
    async count(caller) {
      // A connection that is not there yet is not waited for, as each request would.
      if (redis.status !== 'ready') return null;
      try {
        const answer = await within(answerMs, ask(keyOf(prefix, caller)), 'Redis did not answer in time');
        const [requests, resetMs] = answer as [number, number];
        isAway = false;
        return { requests, resetMs };
      } catch (error) {
        lose(error);
        return null;
      }
    },
    close: async () => redis.disconnect(),
  };
}

const keyOf = (prefix: string, caller: string): string =>
  `${prefix}:caller:${createHash('sha256').update(caller).digest('base64url').slice(0, 22)}`;
