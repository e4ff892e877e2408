import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPromtool, NoPromtool } from './promtool.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calfleet-promtool-'));
});
afterEach(() => rm(folder, { recursive: true }));

const program = async (name: string, script: string): Promise<string> => {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
  return bin;
};
const search = (path: string) => findPromtool({ path, cache: join(folder, 'cache') });

test('a promtool on PATH is taken', async () => {
  const bin = await program('promtool', "echo 'promtool, version 2.42.0+ds (branch: debian/sid)'");
  await expect(search(bin)).resolves.toBe(join(bin, 'promtool'));
});

test('one that is too old is not', async () => {
  const bin = await program('promtool', "echo 'promtool, version 2.15.2'");
  await expect(search(bin)).rejects.toBeInstanceOf(NoPromtool);
});

test('a machine that is neither Debian nor Ubuntu is told the ways out', async () => {
  const error = await search('').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NoPromtool);
  for (const wayOut of ['package prometheus', 'on PATH', 'no apt-get']) {
    expect((error as Error).message).toContain(wayOut);
  }
});
