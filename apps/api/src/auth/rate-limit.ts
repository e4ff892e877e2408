/**
 * How much one caller may ask for in a minute, told with every answer (`RateLimit-*`,
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06).
 */
import type { Response } from 'express';
import type { CallerThrottle } from '@calfleet/jobs';
import { RequestProblem } from '../problems.ts';
import { nameOf, type Caller } from './caller.ts';

/** Requests a minute. */
export interface CallerLimits {
  perKey: number;
  perUser: number;
}

/** @throws RequestProblem `rate_limited` (429) */
export async function limitCaller(
  by: { throttle: CallerThrottle; limits: CallerLimits },
  caller: Caller,
  response: Response,
): Promise<void> {
  const limit = caller.kind === 'key' ? by.limits.perKey : by.limits.perUser;
  const count = await by.throttle.count(nameOf(caller), limit);
  if (!count) return;
  const resetSeconds = Math.max(1, Math.ceil(count.resetMs / 1000));
  response.set({
    'ratelimit-policy': `${limit};w=60`,
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(count.remaining),
    'ratelimit-reset': String(resetSeconds),
  });
  if (!count.isOver) return;
  response.set('retry-after', String(resetSeconds));
  throw new RequestProblem('rate_limited', `More than ${limit} requests within a minute`, { status: 429 });
}
