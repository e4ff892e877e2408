/** A key space per test file in the run's Redis. Tests that flush or kill Redis start their own instead. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { currentRun } from './test-run.ts';

export interface TestRedis {
  url: string;
  /** Begins every key of this test file, in braces as a Redis Cluster needs it, e.g. for BullMQ's `prefix`. */
  prefix: string;
  /** Removes every key with the prefix. */
  clear(): Promise<void>;
}

export async function createTestRedis(): Promise<TestRedis> {
  const { redisUrl: url } = currentRun();
  const prefix = `{calfleet-test-${randomBytes(6).toString('hex')}}`;
  return { url, prefix, clear: () => clear(url, prefix) };
}

async function clear(url: string, prefix: string): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: 2 });
  try {
    for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
    }
  } finally {
    await client.quit();
  }
}
