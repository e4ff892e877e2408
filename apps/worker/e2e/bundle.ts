/** Bundles a program of the tests once, so that each process of it starts in a moment. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface Program {
  start(environment: Record<string, string>, args?: readonly string[]): RunningProgram;
  remove(): Promise<void>;
}

export interface RunningProgram {
  process: ChildProcess;
  /** What it has said so far, on both streams. */
  output(): string;
  /** Resolves when the process is gone. */
  ended: Promise<{ signal: NodeJS.Signals | null; code: number | null; output: string }>;
}

/** @param source from the checkout's root, where tests run */
export async function bundleProgram(source: string): Promise<Program> {
  const root = process.cwd();
  const folder = await mkdtemp(join(root, '.calfleet', 'e2e-'));
  const file = join(folder, 'program.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: [source],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'error',
    // Everything in one file: that starts a fifth faster than looking packages up (measured).
    // The testkit's containers bring native parts, which cannot be in it.
    external: ['pg-native', 'testcontainers', '@testcontainers/*'],
  });
  return {
    start: (environment, args = []) => {
      const child = spawn(process.execPath, [file, ...args], {
        cwd: root,
        env: { PATH: process.env['PATH'], ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 300_000,
        killSignal: 'SIGKILL',
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const ended = new Promise<Awaited<RunningProgram['ended']>>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, signal) => resolve({ code, signal, output }));
      });
      return { process: child, output: () => output, ended };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
