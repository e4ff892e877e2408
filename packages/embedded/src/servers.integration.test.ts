import { once } from 'node:events';
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as RedisClient } from 'ioredis';
import { Client } from 'pg';
import { discardServers } from './discard.ts';
import { AlreadyRunning } from './folder-lock.ts';
import { identify } from './process-identity.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

// A space in the path goes through command lines, a config file and URLs.
let folder: string;
const cache = join(process.cwd(), '.calfleet', 'cache');
beforeEach(async () => {
  const room = await mkdtemp(join(tmpdir(), 'calfleet servers '));
  await chmod(room, 0o755);
  folder = join(room, '.calfleet');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

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

const redisCall = async (url: string, command: string, ...args: string[]): Promise<unknown> => {
  const client = new RedisClient(url, { retryStrategy: () => null, lazyConnect: true });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const reply: unknown = await client.call(command, ...args);
    await client.quit();
    return reply;
  } finally {
    client.disconnect();
  }
};

/** Over a bare socket: the client library hides the refusal behind a closed connection. */
const askWithoutPassword = async (port: number): Promise<string> => {
  const socket = createConnection(port, '127.0.0.1');
  socket.write('GET x\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
};

/** How many System V segments this process created; column 5 is the creator. */
const sharedMemoryOf = async (pid: number): Promise<number> => {
  const rows = (await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')).split('\n');
  return rows.filter((row) => Number(row.trim().split(/\s+/)[4]) === pid).length;
};

describe('Postgres', () => {
  test('keeps its data over restart, crash and a new start, and loses them when told to begin anew', async () => {
    const options = { folder, cache, durability: 'off' } as const;
    let postgres = await startPostgres(options);
    const { adminUrl } = postgres;
    await query(adminUrl, 'create table kept (n int); insert into kept values (7)');
    await postgres.restart();
    expect(await query(adminUrl, 'select n from kept')).toEqual([{ n: 7 }]);
    const crashed = postgres.pid();
    await postgres.kill();
    expect(identify(crashed)).toBeUndefined();
    await expect(query(adminUrl, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
    await postgres.restart();
    expect(await query(adminUrl, 'select n from kept')).toEqual([{ n: 7 }]);
    await postgres.stop();

    postgres = await startPostgres(options);
    expect(await query(postgres.adminUrl, 'select n from kept')).toEqual([{ n: 7 }]);
    await postgres.stop();
    postgres = await startPostgres({ ...options, fresh: true });
    expect(await query(postgres.adminUrl, `select to_regclass('kept') as kept`)).toEqual([{ kept: null }]);
    await postgres.stop();
    await discardServers(folder);
    expect(await readdir(join(folder, '..'))).toEqual([]);
  });

  test('gives the application a login without powers, asks for its password, and listens on loopback only', async () => {
    const postgres = await startPostgres({ folder, cache, durability: 'on' });
    const [login] = await query(
      postgres.url,
      'select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user',
    );
    expect(login).toEqual({
      rolname: 'calfleet_app',
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
    });
    const wrong = new URL(postgres.adminUrl);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    const settings = await query(
      postgres.adminUrl,
      `select name, setting from pg_settings
        where name in ('listen_addresses', 'unix_socket_directories', 'fsync') order by name`,
    );
    expect(settings).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ]);
    await postgres.stop();
    await discardServers(folder);
  });

  test('is not started twice in one folder', async () => {
    const postgres = await startPostgres({ folder, cache, durability: 'off' });
    const second = await startPostgres({ folder, cache, durability: 'off' }).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(AlreadyRunning);
    expect(second).toMatchObject({ pid: process.pid, folder });
    await expect(discardServers(folder)).rejects.toBeInstanceOf(AlreadyRunning);
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await postgres.stop();
    await discardServers(folder);
  });

  test('leaves nothing in the system after a crash when its data are discarded', async () => {
    const postgres = await startPostgres({ folder, cache, durability: 'off' });
    const pid = postgres.pid();
    expect(await sharedMemoryOf(pid)).toBe(process.platform === 'linux' ? 1 : 0);
    await postgres.kill();
    await postgres.stop();
    await discardServers(folder);
    expect(identify(pid)).toBeUndefined();
    expect(await sharedMemoryOf(pid)).toBe(0);
  });
});

describe('below a directory that only its owner can enter', () => {
  test('both start, and discarding them removes what had to live elsewhere', async () => {
    await chmod(join(folder, '..'), 0o700);
    const postgres = await startPostgres({ folder, cache, durability: 'off' });
    const redis = await startRedis({ folder, cache, persistence: 'aof' });
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await redisCall(redis.url, 'ping')).toBe('PONG');
    const [home] = (await readFile(join(folder, 'moved-to'), 'utf8').catch(() => folder)).split('\n');
    expect(await readdir(home ?? '')).toEqual(expect.arrayContaining(['postgres', 'redis']));
    await postgres.stop();
    await redis.stop();
    await discardServers(folder);
    await expect(readdir(home ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('Redis', () => {
  test('keeps its data over restart and a new start, and loses them when told to begin anew', async () => {
    const options = { folder, cache, persistence: 'aof' } as const;
    let redis = await startRedis(options);
    await redisCall(redis.url, 'set', 'kept', '7');
    await redis.restart();
    expect(await redisCall(redis.url, 'get', 'kept')).toBe('7');
    await redis.stop();
    redis = await startRedis(options);
    expect(await redisCall(redis.url, 'get', 'kept')).toBe('7');
    expect(await redisCall(redis.url, 'config', 'get', 'maxmemory-policy')).toEqual([
      'maxmemory-policy',
      'noeviction',
    ]);
    await redis.stop();
    redis = await startRedis({ ...options, fresh: true });
    expect(await redisCall(redis.url, 'get', 'kept')).toBeNull();
    await redis.stop();
    await discardServers(folder);
  });

  test('asks for its password and is not started twice in one folder', async () => {
    const redis = await startRedis({ folder, cache, persistence: 'none' });
    expect(await askWithoutPassword(Number(new URL(redis.url).port))).toContain('-NOAUTH');
    await expect(startRedis({ folder, cache, persistence: 'none' })).rejects.toBeInstanceOf(AlreadyRunning);
    await redis.stop();
    await discardServers(folder);
  });
});
