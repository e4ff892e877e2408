/** The fleet's own secrets: made once, kept beside the data that they protect, readable by their owner alone. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** By the settings that they are the values of. */
export interface Keys {
  TOKEN_ENCRYPTION_KEYS: string;
  CHANNEL_SIGNING_KEYS: string;
  CALFLEET_ADMIN_KEY: string;
}

/** Reads `keys.json` of the folder, or writes a new one. */
export const keepKeys = async (folder: string): Promise<Keys> => (await readKeys(folder)) ?? makeKeys(folder);

/** null: there is none. */
export async function readKeys(folder: string): Promise<Keys | null> {
  const file = fileIn(folder);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Keys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(
      `${file} cannot be read, and without its keys the kept accounts are lost. Put it back, or delete it and begin anew ` +
        'with --fresh.',
      { cause: error },
    );
  }
}

const fileIn = (folder: string): string => join(folder, 'keys.json');

async function makeKeys(folder: string): Promise<Keys> {
  const file = fileIn(folder);
  const ring = (): string => `local:${randomBytes(32).toString('base64')}`;
  const keys: Keys = {
    TOKEN_ENCRYPTION_KEYS: ring(),
    CHANNEL_SIGNING_KEYS: ring(),
    CALFLEET_ADMIN_KEY: `cf_admin_${randomBytes(24).toString('base64url')}`,
  };
  await writeFile(`${file}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return keys;
}
