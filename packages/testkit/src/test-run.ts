/**
 * What one jest run shares: its global setup writes it to the environment, from where every worker reads it.
 */
import { join } from 'node:path';

export interface TestRun {
  /** Names this run: `<pid of jest>_<random>`. Part of every folder, database and role made for it. */
  id: string;
  /** The checkout. */
  root: string;
  /** May create databases and roles. */
  adminUrl: string;
  /** The application's login: neither superuser nor BYPASSRLS. */
  databaseUrl: string;
  redisUrl: string;
}

const names = {
  id: 'CALFLEET_TEST_RUN',
  root: 'CALFLEET_TEST_ROOT',
  adminUrl: 'CALFLEET_TEST_ADMIN_URL',
  databaseUrl: 'CALFLEET_TEST_DATABASE_URL',
  redisUrl: 'CALFLEET_TEST_REDIS_URL',
} as const satisfies Record<keyof TestRun, string>;

export function publishRun(run: TestRun): void {
  for (const [key, name] of Object.entries(names)) process.env[name] = run[key as keyof TestRun];
}

export function withdrawRun(): void {
  for (const name of Object.values(names)) delete process.env[name];
}

export const isRunPublished = (): boolean => process.env[names.id] !== undefined;

/** @throws when the jest project has no global setup */
export function currentRun(): TestRun {
  const read = (name: string): string => {
    const value = process.env[name];
    if (value === undefined) {
      throw new Error(
        `${name} is not set: this jest project lacks testkit's globalSetup (see jest.config.ts).`,
      );
    }
    return value;
  };
  return {
    id: read(names.id),
    root: read(names.root),
    adminUrl: read(names.adminUrl),
    databaseUrl: read(names.databaseUrl),
    redisUrl: read(names.redisUrl),
  };
}

/** Where the servers of tests keep what they may lose, `<root>/.calfleet/test-<pid>_…`, and what they share. */
export const testFolder = (root: string, name: string): string => join(root, '.calfleet', `test-${name}`);
export const sharedCache = (root: string): string => join(root, '.calfleet', 'cache');
/** The checkout also in projects that need no shared services. */
export const checkout = (): string => process.env[names.root] ?? process.cwd();
