/** The processes as production runs them: bundled as `npm run build` does, for this run alone. */
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const entries = {
  api: 'apps/api/src/main.ts',
  ingress: 'apps/ingress/src/main.ts',
  sandbox: 'apps/sandbox/src/main.ts',
  worker: 'apps/worker/src/main.ts',
  'bare-ingress': 'scripts/bench/programs/bare-ingress.ts',
  'memory-probe': 'scripts/bench/programs/memory-probe.ts',
  'open-api': 'scripts/bench/programs/open-api.ts',
  'notification-load': 'scripts/bench/programs/notification-load.ts',
};

export type ProgramName = keyof typeof entries;

export interface Programs {
  /** Path of the bundle. */
  file(name: ProgramName): string;
}

export async function bundlePrograms(root: string, folder: string): Promise<Programs> {
  const outdir = join(folder, 'programs');
  await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    keepNames: true,
    logLevel: 'warning',
    plugins: [workspacesInside],
  });
  return { file: (name) => join(outdir, `${name}.js`) };
}

/** Our workspaces are bundled, packages of npm stay outside. */
const workspacesInside: Plugin = {
  name: 'workspaces-inside',
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@calfleet/') ? undefined : { path, external: true },
    );
  },
};
