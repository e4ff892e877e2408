/**
 * Bundles each process into one file below dist/. Workspaces are inlined, packages of npm stay outside, so that a
 * bundle holds our code alone and stack traces name their packages.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build as bundle, stop } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const entries = {
  ingress: 'apps/ingress/src/main.ts',
  api: 'apps/api/src/main.ts',
  worker: 'apps/worker/src/main.ts',
  sandbox: 'apps/sandbox/src/main.ts',
  local: 'apps/local/src/main.ts',
  migrate: 'apps/local/src/migrate.ts',
  calfleet: 'apps/local/src/cli/main.ts',
};

/** A workspace is found by its folder and not through node_modules, whose links a container image may lack. */
const workspaces = {
  name: 'workspaces',
  setup(build) {
    build.onResolve({ filter: /^@calfleet\// }, ({ path }) => {
      const name = path.slice('@calfleet/'.length);
      for (const home of ['packages', 'apps']) {
        const manifest = join(root, home, name, 'package.json');
        if (!existsSync(manifest)) continue;
        return { path: join(root, home, name, JSON.parse(readFileSync(manifest, 'utf8')).exports) };
      }
      return { errors: [{ text: `There is no workspace ${path}` }] };
    });
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path, external: true },
    );
  },
};

/**
 * @param names of the bundles; all when left out
 * @returns what the bundles ask npm's packages for, as they write it: `express`, `googleapis/build/src/apis/calendar`
 */
export async function build(names = Object.keys(entries), { outdir = 'dist' } = {}) {
  if (!existsSync(join(root, 'packages/db/generated/client.ts'))) {
    execFileSync('sh', [join(root, 'scripts/prisma.sh'), 'generate'], { cwd: root, stdio: 'inherit' });
  }
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(names.map((name) => [name, entries[name]])),
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: 'linked',
    // Errors and log lines carry class and function names.
    keepNames: true,
    logLevel: 'warning',
    metafile: true,
    plugins: [workspaces],
  });
  // Its helper process would live as long as ours, which may be the launcher's.
  await stop();
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return [...new Set(imports.filter(({ external }) => external).map(({ path }) => path))]
    .filter((path) => !isBuiltin(path))
    .sort();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await build();
