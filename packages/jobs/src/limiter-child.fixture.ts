/**
 * A process that asks the limiter, for tests that want several or kill one. The parent's first message says what to do; this
 * process answers once when it has done it.
 */
import { Redis } from 'ioredis';
import { createLimiter, type Ask, type Limiter } from './limiter.ts';
import type { Limits } from './quotas.ts';

export interface Order {
  redisUrl: string;
  prefix: string;
  mailbox: string;
  leaseMs: number;
  limits?: Limits;
  /**
   * `hold`: takes the places and keeps them. `work`: many callers take, use and leave them, again and again. `drain`: many
   * callers ask, until each was refused.
   */
  what:
    | { do: 'hold'; places: number }
    | { do: 'work'; callers: number; turns: number }
    | { do: 'drain'; callers: number; urgency: Ask['urgency'] };
}

/** `mostMet`: the highest number of places in use that any caller met, its own included. */
export type Answer = { turns: number; mostMet: number };

process.once('message', (order: Order) => void obey(order).then((answer) => process.send?.(answer)));

async function obey({ what, mailbox, ...options }: Order): Promise<Answer> {
  const limiter = createLimiter({ ...options, ...(what.do === 'drain' && { tokenWaitMs: 0 }) });
  if (what.do === 'hold') {
    await limiter.admit(askOf(mailbox, what.places));
    return { turns: 1, mostMet: what.places };
  }
  if (what.do === 'drain') {
    const callers = Array.from({ length: what.callers }, (_, n) =>
      untilRefused(limiter, { provider: 'google', account: `${mailbox} ${n}`, urgency: what.urgency }),
    );
    const turns = (await Promise.all(callers)).reduce((sum, each) => sum + each, 0);
    await limiter.close();
    return { turns, mostMet: 0 };
  }
  const redis = new Redis(options.redisUrl);
  const gauge = `${options.prefix}:gauge`;
  const callers = Array.from({ length: what.callers }, (_, n) =>
    useInTurns({ limiter, redis, gauge, mailbox, places: n % 4 === 3 ? 4 : 1, turns: what.turns }),
  );
  const met = await Promise.all(callers);
  await Promise.all([limiter.close(), redis.quit()]);
  return { turns: callers.length * what.turns, mostMet: Math.max(...met) };
}

/** A bucket that never runs dry ends the test, not the machine. */
const turnsMax = 200;

/** @returns how often it was let in */
async function untilRefused(limiter: Limiter, who: Omit<Ask, 'requests'>): Promise<number> {
  for (let turns = 0; turns < turnsMax; turns += 1) {
    try {
      await limiter.admit({ ...who, requests: 1 });
    } catch {
      return turns;
    }
  }
  return turnsMax;
}

const askOf = (account: string, requests: number): Ask => ({
  provider: 'microsoft',
  account,
  urgency: 'user',
  requests,
});

interface Use {
  limiter: Limiter;
  redis: Redis;
  gauge: string;
  mailbox: string;
  places: number;
  turns: number;
}

/** The gauge is counted apart from the limiter, by everybody in the same place. */
async function useInTurns({ limiter, redis, gauge, mailbox, places, turns }: Use): Promise<number> {
  let mostMet = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const admission = await limiter.admit(askOf(mailbox, places));
    mostMet = Math.max(mostMet, await redis.incrby(gauge, places));
    await redis.ping();
    await redis.decrby(gauge, places);
    await admission.leave();
  }
  return mostMet;
}
