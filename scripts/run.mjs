/**
 * `node scripts/run.mjs [--build] <process> …`: runs a bundle in this very process, so that signals and exit codes
 * are its own. With `--build` it is built first where that is possible: a container image has neither the sources
 * nor the bundler, and needs neither.
 * Settings are also read from `.env` in the working directory; what the environment itself says wins.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const [node, self, ...given] = process.argv;
const wantsBuild = given[0] === '--build';
const [name, ...args] = wantsBuild ? given.slice(1) : given;
const file = join(root, 'dist', `${name}.js`);

if (existsSync('.env')) process.loadEnvFile('.env');
if (wantsBuild && canBuild())
  await (await import('./build.mjs')).build(name === 'local' ? undefined : [name]);
if (existsSync(file)) {
  process.setSourceMapsEnabled(true);
  process.argv = [node, self, ...args];
  require(file);
} else {
  process.stderr.write(`dist/${name}.js is not there: run "npm run build" first.\n`);
  process.exitCode = 1;
}

function canBuild() {
  try {
    require.resolve('esbuild');
    return existsSync(join(root, 'apps', 'local', 'src'));
  } catch {
    return false;
  }
}
