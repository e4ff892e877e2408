import type { Admission } from '@calfleet/domain';
import { eventually, startOwnRedis, type TestRedis } from '@calfleet/testkit';
import type { Redis } from 'ioredis';
import { askChild, useLimiters, type AskedChild, type Order } from './limiter.fixture.ts';
import { createLimiter, limiterKeys, type Ask, type Limiter, type LimiterOptions } from './limiter.ts';

const mailbox = 'ada@example.test';
let redis: TestRedis;
let client: Redis;
let limiters: Limiter[];
let children: Pick<AskedChild, 'kill'>[];
useLimiters((opened) => ({ redis, client, limiters, children } = opened));

/** As another process of the fleet would have it: with a connection of its own. */
function open(options: Partial<LimiterOptions> = {}): Limiter {
  const limiter = createLimiter({ redisUrl: redis.url, prefix: redis.prefix, ...options });
  limiters.push(limiter);
  return limiter;
}

/** @returns a process of its own that has done what it was told */
const inProcess = (what: Order['what'], leaseMs = 60_000): Promise<AskedChild> =>
  askChild({ redisUrl: redis.url, prefix: redis.prefix, mailbox, leaseMs, what }, children);

const askOf = (account: string, requests: number): Ask => ({
  provider: 'microsoft',
  account,
  urgency: 'user',
  requests,
});

const take = (limiter: Limiter, count: number): Promise<Admission[]> =>
  Promise.all(Array.from({ length: count }, () => limiter.admit(askOf(mailbox, 1))));

const keyOf = (part: 'places' | 'queue' | 'seen' | 'hold'): string =>
  limiterKeys(redis.prefix, askOf(mailbox, 1))[part];
const waiting = (count: number): Promise<unknown> =>
  eventually(async () => (await client.zcard(keyOf('queue'))) === count);

/** Every waiter looked once more after this call. */
async function allLookAgain(): Promise<void> {
  const before = new Map(pairs(await client.zrange(keyOf('seen'), '0', '-1', 'WITHSCORES')));
  await eventually(async () => {
    const now = new Map(pairs(await client.zrange(keyOf('seen'), '0', '-1', 'WITHSCORES')));
    return [...before].every(([ticket, score]) => (now.get(ticket) ?? Infinity) > score);
  });
}

const pairs = (flat: string[]): [string, number][] =>
  flat.flatMap((ticket, at) => (at % 2 === 0 ? [[ticket, Number(flat[at + 1])] as [string, number]] : []));

test('four processes with ten callers each never have more than four places together', async () => {
  const order = { do: 'work', callers: 10, turns: 8 } as const;
  const fleet = await Promise.all([1, 2, 3, 4].map(() => inProcess(order)));
  expect(fleet.map(({ answer }) => answer.turns)).toEqual([80, 80, 80, 80]);
  const most = Math.max(...fleet.map(({ answer }) => answer.mostMet));
  expect(most).toBe(4);
  expect(await client.get(`${redis.prefix}:gauge`)).toBe('0');
});

test('mailboxes do not wait for each other, and leave nothing behind but what they spent', async () => {
  const limiter = open();
  const held = await take(limiter, 4);
  const other = await limiter.admit(askOf('noor@example.test', 4));
  const keys = await client.keys(`${redis.prefix}*`);
  expect(keys).toHaveLength(4);
  expect(keys.join(' ')).not.toMatch(/ada|noor|example/);
  await Promise.all([...held, other].map((admission) => admission.leave()));
  // Tokens come back by themselves, at most in the time that fills the bucket.
  const left = await client.keys(`${redis.prefix}*`);
  expect(left.map((key) => key.split(':').at(-1))).toEqual(['full', 'full']);
  for (const key of left) expect(await client.pttl(key)).toBeLessThanOrEqual(300);
});

test('who wants four places is served while singles keep coming', async () => {
  const [singles, batches] = [open(), open()];
  let isOver = false;
  const stream = Array.from({ length: 12 }, async () => {
    while (!isOver) {
      const admission = await singles.admit(askOf(mailbox, 1));
      await client.ping();
      await admission.leave();
    }
  });
  for (let batch = 0; batch < 5; batch += 1) {
    const admission = await batches.admit(askOf(mailbox, 4));
    expect(await client.zcard(keyOf('places'))).toBe(4);
    await admission.leave();
  }
  isOver = true;
  await Promise.all(stream);
});

test('nobody slips past who came before', async () => {
  const held = await take(open(), 4);
  const order: string[] = [];
  const batch = open().admit(askOf(mailbox, 4));
  await waiting(1);
  const single = open().admit(askOf(mailbox, 1));
  await waiting(2);
  const served = [
    batch.then(async (admission) => {
      order.push('batch');
      await admission.leave();
    }),
    single.then(() => order.push('single')),
  ];
  for (const admission of held.slice(1)) await admission.leave();
  await allLookAgain();
  expect(order).toEqual([]);
  await held[0]?.leave();
  await Promise.all(served);
  expect(order).toEqual(['batch', 'single']);
});

test('more places than a mailbox has are all of them; none, or half a one, is a mistake', async () => {
  const limiter = open();
  const all = await limiter.admit(askOf(mailbox, 20));
  expect(await client.zcard(keyOf('places'))).toBe(4);
  await all.leave();
  for (const requests of [0, -1, 1.5, Number.NaN]) {
    await expect(limiter.admit(askOf(mailbox, requests))).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('requests') as string,
    });
  }
});

test('Retry-After is respected by everybody, waiting or new, until it is over', async () => {
  const fleet = [open(), open(), open(), open()] as const;
  const held = await take(fleet[0], 4);
  const waiters = fleet.map((limiter) => limiter.admit(askOf(mailbox, 1)));
  const answers = Promise.allSettled(waiters);
  await waiting(4);
  await held[0]?.leave(60_000);
  const late = await Promise.allSettled(fleet.flatMap((limiter) => [limiter.admit(askOf(mailbox, 1))]));
  for (const answer of [...(await answers), ...late]) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'rate_limited' } });
    const { retryAfterMs } = (answer as { reason: { retryAfterMs: number } }).reason;
    expect(retryAfterMs).toBeGreaterThan(0);
    // Each at a time of its own: they shall not all come at once.
    expect(retryAfterMs).toBeLessThanOrEqual(62_000);
  }
  expect(await client.zcard(keyOf('queue'))).toBe(0);

  // Another one's shorter word does not end it.
  await held[1]?.leave(5);
  await expect(fleet[1].admit(askOf(mailbox, 1))).rejects.toMatchObject({ code: 'rate_limited' });
  expect(await client.pttl(keyOf('hold'))).toBeGreaterThan(5);
  await client.pexpire(keyOf('hold'), 200);
  await eventually(() => fleet[2].admit(askOf(mailbox, 1)));
  expect(await client.exists(keyOf('hold'))).toBe(0);
});

test('an absurd Retry-After silences a mailbox for an hour', async () => {
  const limiter = open();
  await (await limiter.admit(askOf(mailbox, 1))).leave(30 * 86_400_000);
  const failure = limiter.admit(askOf(mailbox, 1)).catch((error: unknown) => error);
  expect(await failure).toMatchObject({ code: 'rate_limited' });
  expect(((await failure) as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(3_601_000);
});

test('waiting has an end', async () => {
  await take(open(), 4);
  const failure = await open({ placeWaitMs: 60 })
    .admit(askOf(mailbox, 1))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'rate_limited' });
  const { retryAfterMs } = failure as { retryAfterMs: number };
  expect(retryAfterMs).toBeGreaterThanOrEqual(1_000);
  expect(retryAfterMs).toBeLessThanOrEqual(3_000);
  await waiting(0);
});

test('leaving twice gives back once', async () => {
  const limiter = open({ placeWaitMs: 60 });
  const [first] = await take(limiter, 4);
  await Promise.all([first?.leave(), first?.leave()]);
  await first?.leave(60_000);
  await limiter.admit(askOf(mailbox, 1));
  await expect(limiter.admit(askOf(mailbox, 1))).rejects.toMatchObject({ code: 'rate_limited' });
});

test('the places of a killed process are kept until their lease is over, and then come back', async () => {
  const limiter = open({ placeWaitMs: 60 });
  const first = await inProcess({ do: 'hold', places: 4 });
  first.kill();
  await expect(limiter.admit(askOf(mailbox, 1))).rejects.toMatchObject({ code: 'rate_limited' });
  await client.del(keyOf('places'));

  // One that lives has the fourth place, with a longer lease: only the dead one's three come back.
  const living = await open().admit(askOf(mailbox, 1));
  const second = await inProcess({ do: 'hold', places: 3 }, 700);
  second.kill();
  await (await open().admit(askOf(mailbox, 3))).leave();
  await expect(limiter.admit(askOf(mailbox, 4))).rejects.toMatchObject({ code: 'rate_limited' });
  await living.leave();
});

test('a waiter that was killed is not waited for', async () => {
  const held = await take(open(), 4);
  const child = inProcess({ do: 'hold', places: 4 });
  const ended = child.catch(() => 'ended');
  await waiting(1);
  const single = open().admit(askOf(mailbox, 1));
  await waiting(2);
  for (const each of children) each.kill();
  expect(await ended).toBe('ended');
  await held[0]?.leave();
  await single;
});

test('scripts that Redis forgot are sent again', async () => {
  const limiter = open();
  const before = await limiter.admit(askOf(mailbox, 1));
  await client.script('FLUSH');
  await before.leave();
  const after = await limiter.admit(askOf(mailbox, 4));
  await client.script('FLUSH');
  await after.leave();
  expect(await client.zcard(keyOf('places'))).toBe(0);
});

describe('without Redis', () => {
  let own: Awaited<ReturnType<typeof startOwnRedis>>;
  beforeEach(async () => void (own = await startOwnRedis()));
  afterEach(() => own.stop());

  const refused = async (limiter: Limiter): Promise<void> => {
    const before = performance.now();
    await expect(limiter.admit(askOf(mailbox, 1))).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(performance.now() - before).toBeLessThan(5_000);
  };

  test('nobody is let in, leaving does not throw, and all goes on by itself afterwards', async () => {
    const lost: Error[] = [];
    const limiter = open({ redisUrl: own.url, onError: (error) => void lost.push(error) });
    const admission = await limiter.admit(askOf(mailbox, 1));
    await own.kill();
    await refused(limiter);
    await admission.leave(1_000);
    await refused(limiter);
    expect(lost).toHaveLength(1);
    await own.restart();
    await eventually(() => limiter.admit(askOf(mailbox, 1)));
  });

  test('a Redis that takes the connection and answers nothing does not hang anybody', async () => {
    const limiter = open({ redisUrl: own.url });
    const admission = await limiter.admit(askOf(mailbox, 4));
    process.kill(own.pid(), 'SIGSTOP');
    try {
      await refused(limiter);
      await admission.leave();
    } finally {
      process.kill(own.pid(), 'SIGCONT');
    }
    await eventually(() => limiter.admit(askOf(mailbox, 1)));
  });
});
