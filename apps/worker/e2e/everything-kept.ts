/** All that a fleet keeps and says, as text: every row of Postgres, every key of Redis, every command that Redis was sent. */
import { Client } from 'pg';
import { Redis } from 'ioredis';

/** Every row of every table as JSON, by table. Bytes are there as hexadecimal digits. */
export async function dumpPostgres(adminUrl: string): Promise<Map<string, string>> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const { rows: tables } = await admin.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
    );
    const dump = new Map<string, string>();
    for (const { name } of tables) {
      const { rows } = await admin.query<{ text: string }>(
        `select to_jsonb(t)::text as text from "${name}" t`,
      );
      dump.set(name, rows.map(({ text }) => text).join('\n'));
    }
    return dump;
  } finally {
    await admin.end();
  }
}

/** Every key with its value, whatever its type. */
export async function dumpRedis(url: string): Promise<string> {
  const redis = new Redis(url, { maxRetriesPerRequest: 2 });
  const valueOf = async (key: string): Promise<unknown> => {
    switch (await redis.type(key)) {
      case 'string':
        return redis.get(key);
      case 'hash':
        return redis.hgetall(key);
      case 'list':
        return redis.lrange(key, 0, -1);
      case 'set':
        return redis.smembers(key);
      case 'zset':
        return redis.zrange(key, '0', '-1', 'WITHSCORES');
      case 'stream':
        return redis.xrange(key, '-', '+');
      case 'none':
        return null;
      case undefined:
      default:
        throw new Error(`${key} is of a type that nobody reads here.`);
    }
  };
  try {
    const lines: string[] = [];
    for await (const keys of redis.scanStream({ count: 1_000 })) {
      for (const key of keys as string[]) lines.push(JSON.stringify([key, await valueOf(key)]));
    }
    return lines.join('\n');
  } finally {
    await redis.quit();
  }
}

export interface RedisTap {
  /** Every command so far, with what it was given: jobs that came and went are among them. */
  heard(): string;
  close(): void;
}

export async function tapRedis(url: string): Promise<RedisTap> {
  const redis = new Redis(url, { maxRetriesPerRequest: 2 });
  const monitor = await redis.monitor();
  const commands: string[] = [];
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')));
  return {
    heard: () => commands.join('\n'),
    close: () => {
      monitor.disconnect();
      redis.disconnect();
    },
  };
}

/** The places that hold the text, as it is or as the hexadecimal digits of its bytes. */
export function placesOf(text: string, places: ReadonlyMap<string, string>): string[] {
  const bytes = Buffer.from(text).toString('hex');
  return [...places].flatMap(([place, kept]) => (kept.includes(text) || kept.includes(bytes) ? [place] : []));
}
