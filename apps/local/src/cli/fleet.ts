/** The fleet that a command is about: the one of the environment, else the one that runs in this folder. */
import { join } from 'node:path';
import {
  operatorConfig,
  rotationConfig,
  type Environment,
  type OperatorConfig,
  type RotationConfig,
} from '@calfleet/config';
import { openDatabase, type Database } from '@calfleet/db';
import { systemClock, type Clock } from '@calfleet/domain';
import { readKeys } from '../keys.ts';
import { readAnnounced } from '../running.ts';
import { isUnset, withDefaults } from '../settings.ts';

export interface Fleet {
  config: OperatorConfig;
  db: Database;
  clock: Clock;
  print: (text: string) => void;
}

const noFleet = 'No fleet runs in this folder: "npm start", or set DATABASE_URL and REDIS_URL.';

/** @throws ConfigError when neither names a database and a Redis */
export async function withFleet(
  { env, root }: { env: Environment; root: string },
  work: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const isRemote = !isUnset(env['DATABASE_URL']);
  const announced = isRemote ? null : await readAnnounced(join(root, '.calfleet'));
  if (!isRemote && announced === null) throw new Error(noFleet);
  const config = operatorConfig(withDefaults(env, announced?.settings ?? {}));
  const db = openDatabase({ url: config.databaseUrl, poolSize: 2, applicationName: 'calfleet-operator' });
  try {
    if (!(await db.isReady())) {
      throw new Error(isRemote ? 'Postgres does not answer at DATABASE_URL.' : noFleet);
    }
    await work({ config, db, clock: systemClock, print: (text) => process.stdout.write(`${text}\n`) });
  } finally {
    await db.close();
  }
}

/** The rings of the environment; beside "npm start" those that it made. @throws ConfigError */
export async function readKeyRings({
  env,
  root,
}: {
  env: Environment;
  root: string;
}): Promise<RotationConfig> {
  const isRemote = !isUnset(env['DATABASE_URL']);
  const made = isRemote ? null : await readKeys(join(root, '.calfleet'));
  return rotationConfig(withDefaults(env, { ...made }));
}
