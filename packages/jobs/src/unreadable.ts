/**
 * Jobs in a form that BullMQ itself cannot read: it fails before it knows which job it has, takes the same one again
 * after each stalled check, and every list of its queue fails with it. Such a job is given a form that can be read, so
 * that its next run parks it, where a person finds it.
 */
import type { Redis } from 'ioredis';

/** Fields that BullMQ parses, here or in its scripts. */
const fields = ['data', 'opts', 'progress', 'parent'] as const;
type Field = (typeof fields)[number];

/** What stands in the payload's place; no entry of the catalogue takes it. What was there may quote anything, and goes. */
const unreadable = (which: readonly Field[]): string => JSON.stringify({ unreadable: which });

export interface Mended {
  jobId: string;
  /** What could not be read. */
  fields: Field[];
}

/** @param queueKey of the queue, without the part for the list: `{calfleet}:pull` */
export async function mendUnreadable(redis: Redis, queueKey: string): Promise<Mended[]> {
  const active = `${queueKey}:active`;
  const mended: Mended[] = [];
  for (const jobId of await redis.lrange(active, 0, -1)) {
    const key = `${queueKey}:${jobId}`;
    const values = await redis.hmget(key, ...fields);
    const bad = fields.filter((_, index) => !isReadable(values[index] ?? null));
    if (bad.length === 0) continue;
    await redis
      .multi()
      .hdel(key, ...bad)
      .hset(key, { data: unreadable(bad) })
      .exec();
    mended.push({ jobId, fields: bad });
  }
  return mended;
}

function isReadable(value: string | null): boolean {
  if (!value) return true;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
