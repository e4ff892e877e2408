/** Random passwords that last as long as the data they protect, readable by the launcher alone (0600). */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Secret {
  admin: string;
  application: string;
}

/** Reads `secret.json` of a service directory, or writes a new one. Values are hex, safe in URLs and configs. */
export async function keepSecret(directory: string): Promise<Secret> {
  const file = join(directory, 'secret.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new Error(`Cannot read ${file}.`, { cause: error });
  }
  const secret = { admin: randomBytes(24).toString('hex'), application: randomBytes(24).toString('hex') };
  await writeFile(`${file}.new`, JSON.stringify(secret), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return secret;
}
