import { NotAsked, type Admission, type SyncError } from '@calfleet/domain';
import { eventually, type TestRedis } from '@calfleet/testkit';
import type { Redis } from 'ioredis';
import { pullReasons, type PullReason } from './catalog.ts';
import { askChild, useLimiters, type AskedChild } from './limiter.fixture.ts';
import { createLimiter, limiterKeys, type Limiter, type LimiterOptions } from './limiter.ts';
import { publishedLimits, type Limits } from './quotas.ts';

/** A window so long that nothing comes back while a test runs: what is let in is what the bucket held. */
const still = 100 * 3_600_000;
const project = { requests: 4_000, windowMs: still };
const account = { requests: 1_000_000, windowMs: still };
/** 15 % of the quota may go at once. */
const depth = 600;

let redis: TestRedis;
let client: Redis;
let limiters: Limiter[];
let children: Pick<AskedChild, 'kill'>[];
useLimiters((opened) => ({ redis, client, limiters, children } = opened));

function open(
  limits: Limits = { google: { project, account } },
  rest: Partial<LimiterOptions> = {},
): Limiter {
  const limiter = createLimiter({
    redisUrl: redis.url,
    prefix: redis.prefix,
    limits,
    tokenWaitMs: 0,
    ...rest,
  });
  limiters.push(limiter);
  return limiter;
}

const ask = (limiter: Limiter, urgency: PullReason, of: { account?: string; requests?: number } = {}) =>
  limiter.admit({ provider: 'google', account: of.account ?? 'ada', urgency, requests: of.requests ?? 1 });

const refusalOf = (asked: Promise<Admission>): Promise<SyncError> =>
  asked.then(
    () => Promise.reject(new Error('It was let in.')),
    (error: SyncError) => error,
  );

/** @returns how many were let in until the first refusal */
async function drain(limiter: Limiter, urgency: PullReason, name = 'ada'): Promise<number> {
  for (let count = 0; count <= project.requests; count += 1) {
    try {
      await ask(limiter, urgency, { account: name });
    } catch (error) {
      expect(error).toBeInstanceOf(NotAsked);
      return count;
    }
  }
  throw new Error('The bucket never runs dry.');
}

test('four processes with ten callers each share one bucket, to the last token', async () => {
  const limits = { google: { project, account } };
  const order = { redisUrl: redis.url, prefix: redis.prefix, mailbox: 'ada', leaseMs: 60_000, limits };
  const what = { do: 'drain', callers: 10, urgency: 'user' } as const;
  const fleet = await Promise.all([1, 2, 3, 4].map(() => askChild({ ...order, what }, children)));
  expect(fleet.reduce((sum, { answer }) => sum + answer.turns, 0)).toBe(depth);
  expect(await open().used()).toEqual({ google: depth / project.requests });
});

test('who is less urgent leaves the last part of the project to those that are more urgent', async () => {
  const limiter = open();
  const taken: Record<string, number> = {};
  // Each with an account of its own: it is the project that runs dry.
  for (const urgency of [...pullReasons].reverse()) taken[urgency] = await drain(limiter, urgency, urgency);
  expect(taken).toEqual({
    backfill: depth * 0.5,
    schedule: depth * 0.25,
    notify: depth * 0.2,
    user: depth * 0.05,
  });
});

test("an account's bucket is its own, has the same reserves, and a refusal takes nothing from the project", async () => {
  const small = { requests: 400, windowMs: still };
  const limiter = open({ google: { project: { requests: 1_000, windowMs: still }, account: small } });
  expect(await drain(limiter, 'backfill')).toBe(30);
  expect(await drain(limiter, 'schedule')).toBe(15);
  expect(await drain(limiter, 'user')).toBe(15);
  // 60 of 150 are spent; what was refused cost nobody anything.
  expect(await drain(limiter, 'user', 'noor')).toBe(60);
  expect(await drain(limiter, 'user', 'sam')).toBe(30);
});

test('parts of a batch count each; one that is more than a bucket may hold goes in when it is full, and leaves a debt', async () => {
  const limits = { google: { account: { requests: 100, windowMs: still } } };
  const limiter = open(limits);
  await ask(limiter, 'user', { requests: 10 });
  expect(await drain(limiter, 'user')).toBe(5);
  await ask(limiter, 'backfill', { account: 'noor', requests: 20 });
  await refusalOf(ask(limiter, 'user', { account: 'noor' }));
  const { full } = limiterKeys(redis.prefix, { provider: 'google', account: 'noor', urgency: 'user' });
  const debtMs = await client.pttl(full);
  expect(Math.round((debtMs * 100 * 0.8) / still)).toBe(20);
});

test('tokens come back, and a short want is waited out', async () => {
  const waits: number[] = [];
  const limiter = open(
    { google: { account: { requests: 1_000, windowMs: 10_000 } } },
    { tokenWaitMs: 2_000, onThrottle: (_, ms) => void waits.push(ms) },
  );
  // 150 at once and 80 a second.
  await Promise.all(Array.from({ length: 190 }, () => ask(limiter, 'user')));
  expect(waits.length).toBeGreaterThan(0);
  await eventually(async () => expect(await client.keys(`${redis.prefix}*`)).toEqual([]));
});

test('who is refused is told a time of its own, a line that moves at the rate of the bucket', async () => {
  const limits = { google: { project: { requests: 6_000, windowMs: 60_000 }, account } };
  const limiter = open(limits);
  // Once all are refused, the want is longer than the test.
  await ask(limiter, 'user', { requests: 6_000 });
  const told = await Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      const error = await refusalOf(ask(limiter, 'schedule', { account: `account ${n}` }));
      expect(error).toMatchObject({ code: 'rate_limited', name: 'NotAsked' });
      return error.retryAfterMs ?? 0;
    }),
  );
  const first = Math.min(...told);
  // 80 a second: 400 take 5 s, a quarter of it more by chance.
  expect(Math.max(...told) - first).toBeGreaterThan(3_000);
  expect(Math.max(...told) - first).toBeLessThan(7_000);
  const inFirstSecond = told.filter((ms) => ms < first + 1_000);
  expect(inFirstSecond.length).toBeLessThan(200);
  // A user does not stand behind the schedules.
  const { retryAfterMs = 0 } = await refusalOf(ask(limiter, 'user', { account: 'ada' }));
  expect(retryAfterMs).toBeLessThan(first + 500);
});

test('a hold of an account keeps out that account alone; a hold of the project everybody, and says nothing of accounts', async () => {
  const limiter = open(publishedLimits);
  const [one, other] = [await ask(limiter, 'notify'), await ask(limiter, 'notify', { account: 'noor' })];
  await one.leave(60_000, 'account');
  const held = await refusalOf(ask(limiter, 'user'));
  expect(held).toMatchObject({ code: 'rate_limited' });
  expect(held).not.toBeInstanceOf(NotAsked);
  expect(held.retryAfterMs).toBeGreaterThan(50_000);
  await ask(limiter, 'backfill', { account: 'noor' });

  await other.leave(60_000, 'project');
  const closed = await refusalOf(ask(limiter, 'user', { account: 'sam' }));
  expect(closed).toBeInstanceOf(NotAsked);
  expect(closed.retryAfterMs).toBeGreaterThan(50_000);
  // Another provider has nothing to do with it.
  await limiter.admit({ provider: 'microsoft', account: 'noor', urgency: 'backfill', requests: 4 });
});

test('without tokens no place is taken, and without a place no token', async () => {
  const limits = { microsoft: { account: { requests: 100, windowMs: still }, placesMax: 4 } };
  const limiter = open(limits, { placeWaitMs: 0 });
  const who = { provider: 'microsoft', account: 'ada', urgency: 'user' } as const;
  const { places } = limiterKeys(redis.prefix, who);
  const held = await limiter.admit({ ...who, requests: 4 });
  await refusalOf(limiter.admit({ ...who, requests: 1 }));
  await held.leave();
  const all = await limiter.admit({ ...who, requests: 11 });
  await all.leave();
  expect(await refusalOf(limiter.admit({ ...who, requests: 1 }))).toMatchObject({ name: 'NotAsked' });
  expect(await client.zcard(places)).toBe(0);
});

test('every key has an end', async () => {
  const limiter = open(publishedLimits);
  await (await ask(limiter, 'user')).leave(1_000, 'project');
  await refusalOf(ask(limiter, 'schedule'));
  await limiter.admit({ provider: 'microsoft', account: 'ada', urgency: 'user', requests: 4 });
  const keys = await client.keys(`${redis.prefix}*`);
  expect(keys.length).toBeGreaterThan(4);
  for (const key of keys) {
    expect(key.startsWith(redis.prefix)).toBe(true);
    expect(await client.pttl(key)).not.toBe(-1);
  }
});

test('providers that nothing is known of are let through', async () => {
  const limiter = open({});
  await (await ask(limiter, 'backfill', { requests: 1_000_000 })).leave(60_000);
  expect(await client.keys(`${redis.prefix}*`)).toEqual([]);
});
