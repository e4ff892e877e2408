/** The fleet's Postgres and Redis: those of the environment, else embedded ones below the folder. */
import type { Environment } from '@calfleet/config';
import { startPostgres, startRedis } from '@calfleet/embedded';
import { isUnset } from './settings.ts';

export interface Servers {
  /** DATABASE_URL, MIGRATION_DATABASE_URL and REDIS_URL, as far as they are ours. */
  settings: Record<string, string>;
  stop(): Promise<void>;
}

/** @throws AlreadyRunning, NoRedis; nothing keeps running then */
export async function provideServers(
  env: Environment,
  { folder, fresh }: { folder: string; fresh: boolean },
): Promise<Servers> {
  const started: { stop: () => Promise<void> }[] = [];
  const keep = async <Server extends { stop: () => Promise<void> }>(starting: Promise<Server>) => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const stop = async () => void (await Promise.allSettled(started.splice(0).map((server) => server.stop())));
  const postgres = async (): Promise<Record<string, string>> => {
    if (!isUnset(env['DATABASE_URL'])) return {};
    const { url, adminUrl } = await keep(startPostgres({ folder, fresh, durability: 'on' }));
    return { DATABASE_URL: url, MIGRATION_DATABASE_URL: adminUrl };
  };
  const redis = async (): Promise<Record<string, string>> => {
    if (!isUnset(env['REDIS_URL'])) return {};
    const { url } = await keep(startRedis({ folder, fresh, persistence: 'aof' }));
    return { REDIS_URL: url };
  };
  // Both are waited for, also when one fails: what has started by then is to be stopped.
  const [first, second] = await Promise.allSettled([postgres(), redis()]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') {
    return { settings: { ...first.value, ...second.value }, stop };
  }
  await stop();
  throw first.status === 'rejected' ? first.reason : second.status === 'rejected' ? second.reason : null;
}
