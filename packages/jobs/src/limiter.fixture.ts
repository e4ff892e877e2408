/** Limiters of one fleet, and processes of their own that ask one, for tests of what a fleet shares. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTestRedis, type TestRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import type { Answer, Order } from './limiter-child.fixture.ts';
import type { Limiter } from './limiter.ts';

export type { Answer, Order } from './limiter-child.fixture.ts';

export interface AskedChild {
  kill(): void;
  answer: Answer;
}

export interface OpenLimiters {
  redis: TestRedis;
  client: Redis;
  /** Closed after the test. */
  limiters: Limiter[];
  /** Killed after the test. */
  children: Pick<AskedChild, 'kill'>[];
}

/** Each test has a Redis of its own. @param open is handed it before the test begins */
export function useLimiters(open: (opened: OpenLimiters) => void): void {
  let opened: OpenLimiters;
  beforeEach(async () => {
    const redis = await createTestRedis();
    opened = { redis, client: new Redis(redis.url), limiters: [], children: [] };
    open(opened);
  });
  afterEach(async () => {
    for (const child of opened.children) child.kill();
    await Promise.all(opened.limiters.map((limiter) => limiter.close()));
    await opened.client.quit();
    await opened.redis.clear();
  });
}

/** @returns the process, once it has done what it was told; `started` gets it before that, to be killed */
export async function askChild(order: Order, started: Pick<AskedChild, 'kill'>[]): Promise<AskedChild> {
  const child = fork(join(__dirname, 'limiter-child.fixture.ts'), [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  started.push({ kill });
  child.send(order);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('It ended without an answer.')));
  const [answer] = (await Promise.race([once(child, 'message'), failed])) as [Answer];
  failed.catch(() => undefined);
  return { kill, answer };
}
