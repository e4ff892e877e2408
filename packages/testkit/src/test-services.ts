/**
 * A Postgres and a Redis for one test run: those named in the environment, else containers, else embedded ones.
 * Whatever they are, tests connect with a login that row-level security binds.
 */
import { randomBytes } from 'node:crypto';
import { createApplicationLogin, discardServers, startPostgres, startRedis } from '@calfleet/embedded';
import { Client } from 'pg';
import { startContainers } from './containers.ts';
import { sweepAbandoned } from './sweep-abandoned.ts';
import { dropRunFrom } from './test-database.ts';
import { sharedCache, testFolder } from './test-run.ts';
import type { TestRun } from './test-run.ts';

export interface TestServices extends TestRun {
  stop: () => Promise<void>;
}

/** The user's own services; unset ones are provided. */
export interface GivenServices {
  databaseUrl?: string | undefined;
  migrationDatabaseUrl?: string | undefined;
  redisUrl?: string | undefined;
}

interface Part {
  stop: () => Promise<void>;
}
interface PostgresPart extends Part {
  adminUrl: string;
  databaseUrl: string;
}
interface RedisPart extends Part {
  redisUrl: string;
}

/** @param options.root the checkout; data go to `.calfleet/test-…` in it and are removed by `stop` */
export async function testServices(options: { root: string; given?: GivenServices }): Promise<TestServices> {
  const given = options.given ?? {
    databaseUrl: process.env['DATABASE_URL'],
    migrationDatabaseUrl: process.env['MIGRATION_DATABASE_URL'],
    redisUrl: process.env['REDIS_URL'],
  };
  await sweepAbandoned(options.root);
  const id = `${process.pid}_${randomBytes(4).toString('hex')}`;
  const place = { folder: testFolder(options.root, id), cache: sharedCache(options.root) };
  const parts: Part[] = [];
  const stop = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) await part.stop();
    await discardServers(place.folder);
  };
  try {
    const containers =
      given.databaseUrl !== undefined && given.redisUrl !== undefined
        ? undefined
        : await startContainers(given);
    if (containers !== undefined) parts.push(containers);
    const postgres = await providePostgres({ given, container: containers?.postgres, place, id });
    parts.push(postgres);
    const redis = await provideRedis(given.redisUrl ?? containers?.redisUrl, place);
    parts.push(redis);
    const { adminUrl, databaseUrl } = postgres;
    return { id, root: options.root, adminUrl, databaseUrl, redisUrl: redis.redisUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function providePostgres(need: {
  given: GivenServices;
  container: string | undefined;
  place: { folder: string; cache: string };
  id: string;
}): Promise<PostgresPart> {
  const { databaseUrl, migrationDatabaseUrl } = need.given;
  const foreign = databaseUrl ?? need.container;
  if (foreign === undefined) {
    const { adminUrl, url, stop } = await startPostgres({ ...need.place, durability: 'off' });
    return { adminUrl, databaseUrl: url, stop };
  }
  const adminUrl = need.given.databaseUrl === undefined ? foreign : (migrationDatabaseUrl ?? foreign);
  const isBound = adminUrl !== foreign && !(await looksPastRowSecurity(foreign));
  const login = `calfleet_test_${need.id}`;
  const url = isBound ? foreign : await withOwnLogin(adminUrl, login);
  return { adminUrl, databaseUrl: url, stop: () => dropRunFrom(adminUrl, { id: need.id, login }) };
}

async function provideRedis(
  given: string | undefined,
  place: { folder: string; cache: string },
): Promise<RedisPart> {
  if (given !== undefined) return { redisUrl: given, stop: async () => undefined };
  const { url, stop } = await startRedis({ ...place, persistence: 'none' });
  return { redisUrl: url, stop };
}

async function looksPastRowSecurity(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ powerful: boolean }>(
      'select rolsuper or rolbypassrls as powerful from pg_roles where rolname = current_user',
    );
    return rows[0]?.powerful !== false;
  } finally {
    await client.end();
  }
}

/** The login is this run's alone: another run on the same server must not change its password. */
async function withOwnLogin(adminUrl: string, name: string): Promise<string> {
  const password = randomBytes(24).toString('hex');
  await createApplicationLogin(adminUrl, { name, password });
  const url = new URL(adminUrl);
  url.username = name;
  url.password = password;
  return url.href;
}
