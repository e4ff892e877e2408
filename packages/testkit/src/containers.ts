/** Postgres and Redis in containers, where an engine answers. Testcontainers' reaper ends what a killed run leaves. */
export interface Containers {
  /** Superuser. */
  postgres: string | undefined;
  redisUrl: string | undefined;
  stop(): Promise<void>;
}

/** Undefined where no container engine answers (a `docker` on PATH proves nothing). */
export async function startContainers(given: {
  databaseUrl?: string | undefined;
  redisUrl?: string | undefined;
}): Promise<Containers | undefined> {
  // Imported when needed: the package takes longer to load than most test files to run.
  const { getContainerRuntimeClient } = await import('testcontainers');
  const engine = await getContainerRuntimeClient().catch(() => undefined);
  if (engine === undefined) return undefined;
  const [postgres, redis] = await Promise.all([
    given.databaseUrl === undefined ? startPostgresContainer() : undefined,
    given.redisUrl === undefined ? startRedisContainer() : undefined,
  ]);
  return {
    postgres: postgres?.getConnectionUri(),
    redisUrl: redis?.getConnectionUrl(),
    stop: async () => {
      await Promise.all([postgres?.stop(), redis?.stop()]);
    },
  };
}

async function startPostgresContainer() {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200'];
  return new PostgreSqlContainer('postgres:18-alpine')
    .withDatabase('calfleet')
    .withCommand(['postgres', ...settings.flatMap((setting) => ['-c', setting])])
    .start();
}

async function startRedisContainer() {
  const { RedisContainer } = await import('@testcontainers/redis');
  return new RedisContainer('redis:7-alpine')
    .withCommand(['redis-server', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'])
    .start();
}
