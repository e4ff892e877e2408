import { spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startOwnPostgres, startOwnRedis } from './own-servers.ts';
import { sweepAbandoned } from './sweep-abandoned.ts';
import { createTestDatabase } from './test-database.ts';
import { createTestRedis } from './test-redis.ts';
import { testServices } from './test-services.ts';

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};
const loginPowers = 'select rolsuper or rolbypassrls as powerful from pg_roles where rolname = current_user';

describe('a test database', () => {
  test('is migrated, its own, and gone when dropped, however many are made at once', async () => {
    const databases = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase()));
    const [first, second] = databases;
    if (first === undefined || second === undefined) throw new Error('no databases');
    await query(first.adminUrl, 'create table mine (n int)');
    const tables = `select to_regclass('calendar_events')::text as events, to_regclass('mine')::text as mine`;
    expect(await query(first.adminUrl, tables)).toEqual([{ events: 'calendar_events', mine: 'mine' }]);
    expect(await query(second.adminUrl, tables)).toEqual([{ events: 'calendar_events', mine: null }]);
    for (const database of databases) await database.drop();
    await expect(query(first.url, 'select 1')).rejects.toMatchObject({ code: '3D000' });
  });

  test('is dropped even while somebody is connected', async () => {
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.url });
    const lost = new Promise<Error>((resolve) => client.on('error', resolve));
    await client.connect();
    await database.drop();
    expect(await lost).toBeInstanceOf(Error);
  });

  test('is used through a login that row-level security binds and that may become both roles', async () => {
    const database = await createTestDatabase();
    expect(await query(database.url, loginPowers)).toEqual([{ powerful: false }]);
    for (const role of ['calfleet_worker', 'calfleet_api']) {
      const member = `select pg_has_role(current_user, '${role}', 'set') as member`;
      expect(await query(database.url, member)).toEqual([{ member: true }]);
    }
    await database.drop();
  });
});

test('a test Redis clears its own keys and nobody else’s', async () => {
  const [mine, other] = [await createTestRedis(), await createTestRedis()];
  const client = new Redis(mine.url);
  await client.mset(`${mine.prefix}:a`, '1', `${mine.prefix}:b`, '2', `${other.prefix}:a`, '3');
  await mine.clear();
  expect(await client.mget(`${mine.prefix}:a`, `${mine.prefix}:b`, `${other.prefix}:a`)).toEqual([
    null,
    null,
    '3',
  ]);
  await other.clear();
  await client.quit();
});

test('servers of one’s own may be killed and come back with what they had', async () => {
  const [postgres, redis] = await Promise.all([startOwnPostgres(), startOwnRedis()]);
  await query(postgres.adminUrl, 'create table kept as select 7 as n');
  await postgres.kill();
  await postgres.restart();
  expect(await query(postgres.adminUrl, 'select n from kept')).toEqual([{ n: 7 }]);
  const before = redis.pid();
  await redis.restart();
  expect(redis.pid()).not.toBe(before);
  await Promise.all([postgres.stop(), redis.stop()]);
});

test('with a superuser in DATABASE_URL, tests still get a login that row-level security binds', async () => {
  const postgres = await startOwnPostgres();
  const root = await mkdtemp(join(tmpdir(), 'calfleet-root-'));
  const given = { databaseUrl: postgres.adminUrl, redisUrl: 'redis://127.0.0.1:1' };
  const services = await testServices({ root, given });
  expect(services).toMatchObject({ adminUrl: postgres.adminUrl, redisUrl: given.redisUrl });
  expect(await query(services.databaseUrl, loginPowers)).toEqual([{ powerful: false }]);
  await services.stop();
  const logins = `select count(*)::int as n from pg_roles where rolname like 'calfleet\\_test\\_%'`;
  expect(await query(postgres.adminUrl, logins)).toEqual([{ n: 0 }]);
  await postgres.stop();
  await rm(root, { recursive: true });
});

test('with an ordinary login in DATABASE_URL and an owner beside it, both are taken as they are', async () => {
  const postgres = await startOwnPostgres();
  const root = await mkdtemp(join(tmpdir(), 'calfleet-root-'));
  const given = {
    databaseUrl: postgres.url,
    migrationDatabaseUrl: postgres.adminUrl,
    redisUrl: 'redis://127.0.0.1:1',
  };
  const services = await testServices({ root, given });
  expect(services).toMatchObject({ adminUrl: postgres.adminUrl, databaseUrl: postgres.url });
  await services.stop();
  await postgres.stop();
  await rm(root, { recursive: true });
});

test('the folders of killed runs are removed, those of living ones stay', async () => {
  const root = await mkdtemp(join(tmpdir(), 'calfleet-root-'));
  const ended = spawnSync('true').pid;
  const [dead, living] = [`test-${ended}_aa`, `test-${process.ppid}_bb`].map((name) =>
    join(root, '.calfleet', name),
  );
  if (dead === undefined || living === undefined) throw new Error('no folders');
  await mkdir(join(dead, 'redis', 'data'), { recursive: true });
  await mkdir(living);
  await sweepAbandoned(root);
  await expect(access(dead)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(access(living)).resolves.toBeUndefined();
  await rm(root, { recursive: true });
});
