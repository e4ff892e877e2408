import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NoRedis, redisBinary } from './redis-binary.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calfleet-redis-binary-'));
});
afterEach(() => rm(folder, { recursive: true }));

const pathWith = async (program: string, prints: string): Promise<string> => {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, program), `#!/bin/sh\necho '${prints}'\n`);
  await chmod(join(bin, program), 0o755);
  return bin;
};
const search = (path: string) =>
  redisBinary({ cache: join(folder, 'cache'), account: undefined, search: { path, apt: false } });

test('a machine without Redis is told the three ways out', async () => {
  const error = await search('').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NoRedis);
  const { message } = error as Error;
  for (const wayOut of ['container', 'package redis-server', 'REDIS_URL']) expect(message).toContain(wayOut);
});

test('a Redis on PATH is taken', async () => {
  const bin = await pathWith('redis-server', 'Redis server v=6.2.14 sha=0:0 malloc=libc');
  await expect(search(bin)).resolves.toEqual({ file: join(bin, 'redis-server'), env: {} });
});

test('a Valkey on PATH is taken', async () => {
  const bin = await pathWith('valkey-server', 'Valkey server v=8.0.1 sha=0:0 malloc=libc');
  await expect(search(bin)).resolves.toEqual({ file: join(bin, 'valkey-server'), env: {} });
});

test('a Redis that BullMQ cannot use is not', async () => {
  const bin = await pathWith('redis-server', 'Redis server v=6.0.16 sha=0:0 malloc=libc');
  await expect(search(bin)).rejects.toBeInstanceOf(NoRedis);
});
