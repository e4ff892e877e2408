import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepKeys } from './keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calfleet-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('keys are made once, kept, and their owner’s alone', async () => {
  const made = await keepKeys(folder);
  expect(await keepKeys(folder)).toEqual(made);
  expect(made.TOKEN_ENCRYPTION_KEYS).not.toBe(made.CHANNEL_SIGNING_KEYS);
  expect((await stat(join(folder, 'keys.json'))).mode & 0o777).toBe(0o600);
});

test('a broken file is not replaced: what is sealed under its keys may still be wanted', async () => {
  await writeFile(join(folder, 'keys.json'), '{');
  await expect(keepKeys(folder)).rejects.toThrow(/cannot be read/);
});
