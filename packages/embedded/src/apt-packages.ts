/**
 * Programs that no npm package ships, out of the system's own Debian or Ubuntu packages: downloaded from the mirrors that
 * the system is set up with, unpacked into a folder of ours, and never installed.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export interface AptRequest {
  /** Names of packages; what they depend on is asked of apt only when the program does not start without. */
  packages: readonly string[];
  /** The folder that becomes the root of the unpacked tree; whatever it held is replaced. */
  target: string;
  /** Whether the program inside this root starts. */
  starts: (root: string) => Promise<boolean>;
}

/** @throws with the reason, as apt or dpkg gave it, when there is no such system, package or mirror */
export async function unpackFromApt({ packages, target, starts }: AptRequest): Promise<void> {
  const work = `${target}.${randomUUID()}`;
  const root = join(work, 'root');
  await mkdir(join(work, 'debs'), { recursive: true });
  await mkdir(root);
  try {
    let lists: string[] = [];
    await download(packages, work, lists).catch(async () => {
      // A fresh image has no package lists, and only root may write the system's: ours are private.
      lists = await privateLists(work);
      await download(packages, work, lists);
    });
    await unpack(work, root);
    if (!(await starts(root))) {
      for (const name of await libraryPackages(packages, lists)) {
        await download([name], work, lists).catch(() => undefined);
      }
      await unpack(work, root);
      if (!(await starts(root))) throw new Error(`what ${packages[0]} unpacked to does not start`);
    }
    await rm(target, { recursive: true, force: true });
    await rename(root, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Every executable of that name, in the order of the path. */
export function findOnPath(name: string, path: string): string[] {
  const candidates = path.split(delimiter).filter((folder) => folder !== '');
  return candidates
    .map((folder) => join(folder, name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Where a program of an unpacked tree finds its libraries; undefined when nothing is unpacked there. */
export async function libraryPath(root: string): Promise<string | undefined> {
  const libraries = join(root, 'usr', 'lib');
  const folders = await readdir(libraries).catch(() => undefined);
  // The loader separates paths with colons and semicolons and cannot escape them.
  if (folders === undefined || /[:;]/.test(root)) return undefined;
  return [...folders.map((name) => join(libraries, name)), libraries, join(root, 'lib')].join(':');
}

const run = async (file: string, args: string[], cwd: string): Promise<string> => {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  return (await promisify(execFile)(file, args, { cwd, env, timeout: 180_000 })).stdout;
};

const download = (names: readonly string[], work: string, lists: string[]): Promise<string> =>
  run('apt-get', [...lists, '-o', 'APT::Sandbox::User=root', 'download', ...names], join(work, 'debs'));

async function privateLists(work: string): Promise<string[]> {
  const state = join(work, 'lists');
  const cache = join(work, 'apt');
  await mkdir(join(state, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const options = ['-o', `Dir::State::lists=${state}`, '-o', `Dir::Cache=${cache}`];
  await run('apt-get', [...options, '-o', 'APT::Sandbox::User=root', 'update'], work);
  return options;
}

// Slim images lack some libraries (libssl3, libatomic1, Lua), whose names differ between releases.
async function libraryPackages(packages: readonly string[], lists: string[]): Promise<string[]> {
  const args = [...lists, 'depends', '--recurse', '--important', ...packages];
  const output = await run('apt-cache', args, '/');
  const names = [...output.matchAll(/Depends: ((?:lib|lua)[a-z0-9.+-]+)/g)].map((match) => match[1] ?? '');
  return [...new Set(names)].filter((name) => name !== 'libc6' && !packages.includes(name));
}

async function unpack(work: string, root: string): Promise<void> {
  const debs = await readdir(join(work, 'debs'));
  for (const deb of debs.filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(work, 'debs', deb), root], work);
  }
  await chmod(root, 0o755);
}
