/** Ends what a dead launcher left in a folder and removes the folder with its data, wherever they live. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { serverAccount } from './account.ts';
import { removeHome, settle } from './home.ts';
import { postgresEnding, wipePostgres } from './postgres.ts';
import { redisEnding } from './redis.ts';
import { occupy } from './managed-server.ts';
import type { Place } from './managed-server.ts';

/**
 * For folders of test servers, after `stop` or after a crash.
 * @throws {AlreadyRunning} when a living process runs a server there; nothing is removed then
 */
export async function discardServers(folder: string): Promise<void> {
  const home = await settle(folder, serverAccount());
  const places: Place[] = [];
  try {
    if (await exists(join(home, 'postgres'))) {
      const place = await occupy({ folder, service: 'Postgres', ending: postgresEnding });
      places.push(place);
      await wipePostgres(place.directory);
    }
    if (await exists(join(home, 'redis'))) {
      places.push(await occupy({ folder, service: 'Redis', ending: redisEnding }));
    }
  } finally {
    for (const place of places) await place.release();
  }
  await removeHome(join(folder, 'cache'));
  await removeHome(folder);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
