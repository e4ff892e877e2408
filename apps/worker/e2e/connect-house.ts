/** The fleet with its API as the environment describes both, where users connect by consent. */
import { createCalfleet, type Calfleet } from '@calfleet/client';
import { apiConfig } from '@calfleet/config';
import { systemClock } from '@calfleet/domain';
import { createQueueBoardSource } from '@calfleet/jobs';
import { createConsents } from '@calfleet/providers';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis } from '@calfleet/testkit';
import { createVault } from '@calfleet/vault';
import { startApi } from '../../api/src/index.ts';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { openHouse } from './house.ts';

const adminKey = 'an-admin-key-of-the-connect-house-2026';

export async function openConnectHouse() {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
  const { sandbox } = house;
  /** Plays the application: it answers, and its address says what it was told. */
  const homeUri = `${sandbox.url}/healthz`;
  const config = apiConfig(
    house.environment({
      API_PUBLIC_URL: 'http://127.0.0.1',
      CALFLEET_ADMIN_KEY: adminKey,
      GOOGLE_AUTH_URL: `${sandbox.googleRootUrl}oauth2/auth`,
      OAUTH_REDIRECT_URIS: homeUri,
    }),
  );
  const queueBoard = createQueueBoardSource({
    redisUrl: redis.url,
    prefix: redis.prefix,
    onError: () => undefined,
  });
  const connect = {
    consents: createConsents({ timeoutMs: 10_000, ...config.providers }),
    publicUrl: config.publicUrl,
    redirectUris: config.redirectUris,
  };
  const api = await startApi({
    config: { ...config, port: 0, host: '127.0.0.1' },
    connect,
    db: house.db,
    clock: systemClock,
    producer: house.producer,
    queueBoard,
    vault: createVault(config.tokenEncryptionKeys),
    logger: createLogger({ service: 'api', level: 'error' }),
    metrics: createMetrics(),
  });
  // Which port is free is known by now.
  connect.publicUrl = `${api.url}/`;
  return {
    house,
    homeUri,
    as: (userId: string): Calfleet =>
      createCalfleet({ url: api.url, key: adminKey, userId, fetch: checkedFetch('api') }),
    close: async () => {
      await house.stopWorkers();
      await api.close({ timeoutMs: 1_000 });
      await queueBoard.close();
      await house.close();
      await redis.clear();
      await database.drop();
    },
  };
}
