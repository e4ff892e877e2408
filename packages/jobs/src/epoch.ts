/** The mark by which Redis shows that it still has its memory; Postgres holds the same value. */
import { openImpatient, readiness } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { within } from './within.ts';

export interface RedisEpoch {
  /** null: Redis has lost its memory, or never had any. @throws when Redis does not answer, which says nothing */
  read(): Promise<string | null>;
  write(epoch: string): Promise<void>;
  close(): Promise<void>;
}

const answerMs = 5000;

export function createRedisEpoch({
  redisUrl,
  prefix,
  onError,
}: RedisAddress & { onError?: (error: Error) => void }): RedisEpoch {
  const redis = openImpatient(redisUrl);
  redis.on('error', (error: Error) => onError?.(error));
  const connected = readiness(redis);
  const key = `${prefix}:epoch`;
  const ask = <Answer>(command: () => Promise<Answer>) =>
    within(answerMs, connected(answerMs).then(command), 'Redis did not answer in time');
  return {
    read: () => ask(() => redis.get(key)),
    write: async (epoch) => void (await ask(() => redis.set(key, epoch))),
    close: async () => redis.disconnect(),
  };
}
