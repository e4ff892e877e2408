import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@calfleet/config';
import { keepKeys } from '../keys.ts';
import { readKeyRings } from './fleet.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'calfleet-rings-'));
  await mkdir(join(root, '.calfleet'));
});
afterEach(() => rm(root, { recursive: true }));

test('beside npm start the rings are those that it made, unless the environment names others', async () => {
  const made = await keepKeys(join(root, '.calfleet'));
  const rings = await readKeyRings({ env: {}, root });
  expect(rings.tokenEncryptionKeys.map(({ id }) => id)).toEqual(['local']);
  const TOKEN_ENCRYPTION_KEYS = made.TOKEN_ENCRYPTION_KEYS.replace('local:', 'mine:');
  const others = await readKeyRings({ env: { TOKEN_ENCRYPTION_KEYS }, root });
  expect(others.tokenEncryptionKeys.map(({ id }) => id)).toEqual(['mine']);
  expect(others.channelSigningKeys).toEqual(rings.channelSigningKeys);
});

test('of a fleet elsewhere the environment names the rings, whatever lies in this folder', async () => {
  await keepKeys(join(root, '.calfleet'));
  await expect(readKeyRings({ env: { DATABASE_URL: 'postgres://db/calfleet' }, root })).rejects.toThrow(
    /TOKEN_ENCRYPTION_KEYS is missing[^]*CHANNEL_SIGNING_KEYS is missing/,
  );
});

test('whoever looks makes no keys', async () => {
  await expect(readKeyRings({ env: {}, root })).rejects.toThrow(ConfigError);
  expect(await readdir(join(root, '.calfleet'))).toEqual([]);
});
