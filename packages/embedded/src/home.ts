/**
 * Where a folder's servers really live: in the folder, unless root's unprivileged server user cannot enter it (a
 * checkout below a root home of mode 0700). Then they live in a directory of their own outside, and a file
 * `moved-to` in the folder says where.
 */
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canEnter } from './account.ts';
import type { Account } from './account.ts';

/** The directory to work in for `folder`, created when missing. */
export async function settle(folder: string, account: Account | undefined): Promise<string> {
  await mkdir(folder, { recursive: true });
  const real = await realpath(folder);
  const moved = await movedTo(real);
  if (moved !== undefined) return moved;
  if (account === undefined || canEnter(real, account)) return real;
  const elsewhere = await makeRoom(account);
  try {
    await writeFile(join(real, 'moved-to'), `${elsewhere}\n`, { flag: 'wx' });
    return elsewhere;
  } catch (error) {
    await rm(elsewhere, { recursive: true, force: true });
    const won = await movedTo(real);
    if (won !== undefined) return won;
    throw error;
  }
}

/** Removes the folder, and the directory outside it when it had to move there. */
export async function removeHome(folder: string): Promise<void> {
  const moved = await movedTo(folder);
  if (moved !== undefined) await rm(moved, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

/** Creates a directory that belongs to the server user alone. */
export async function makeDirectoryFor(account: Account | undefined, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (account !== undefined) await chown(directory, account.uid, account.gid);
}

// A name in a shared directory is trusted only while the directory behind it is ours: somebody else could have
// made it after a clean-up of the temp folder.
async function movedTo(folder: string): Promise<string | undefined> {
  try {
    const pointer = join(folder, 'moved-to');
    const elsewhere = (await readFile(pointer, 'utf8')).trim();
    const stat = await lstat(elsewhere).catch(() => undefined);
    if (stat?.isDirectory() === true && stat.uid === process.getuid?.()) return elsewhere;
    await rm(pointer, { force: true });
    return undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** /var/lib survives a reboot; the temp folder is for systems that have none (macOS). */
async function makeRoom(account: Account): Promise<string> {
  for (const parent of ['/var/lib', tmpdir()]) {
    const room = await mkdtemp(join(parent, 'calfleet-')).catch(() => undefined);
    if (room === undefined) continue;
    await chmod(room, 0o755);
    if (canEnter(room, account)) return room;
    await rm(room, { recursive: true, force: true });
  }
  throw new Error(
    'Found no directory that the unprivileged server user can enter (tried /var/lib and temp).',
  );
}
