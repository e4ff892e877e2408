/**
 * Finds promtool, Prometheus' own checker of rules: on PATH, in our cache, or from the system's Debian or Ubuntu package,
 * which is unpacked into the cache (19 MB to fetch, 94 MB unpacked) and never installed. It lives here and not in
 * packages/embedded, since nothing that runs in production asks for it.
 */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOnPath, unpackFromApt } from '@calfleet/embedded';
import { checkout, sharedCache } from './test-run.ts';

/** No promtool on this machine and no way to fetch one; the message names the ways out. */
export class NoPromtool extends Error {
  constructor(reasons: string[]) {
    super(
      `Found no promtool to run (${reasons.join('; ')}). Two ways out: install the package prometheus of your ` +
        'system, or put promtool 2.31 or later from https://prometheus.io/download/ on PATH.',
    );
    this.name = 'NoPromtool';
  }
}

/** Where to look; for tests of this file. */
export interface PromtoolSearch {
  /** Default: `PATH` of the environment. */
  path?: string;
  /** Default: what test runs of this checkout share. */
  cache?: string;
}

/**
 * The program's path.
 * @throws {NoPromtool}
 */
export async function findPromtool(search: PromtoolSearch = {}): Promise<string> {
  const path = search.path ?? process.env['PATH'] ?? '';
  const unpacked = join(search.cache ?? sharedCache(checkout()), 'prometheus');
  const cached = join(unpacked, 'usr', 'bin', 'promtool');
  for (const file of [...findOnPath('promtool', path), cached]) if (runs(file)) return file;
  const reasons = ['no promtool 2.31 or later on PATH'];
  if (findOnPath('apt-get', path).length === 0) {
    reasons.push('this is no Debian or Ubuntu: there is no apt-get');
    throw new NoPromtool(reasons);
  }
  try {
    await unpackFromApt({
      packages: ['prometheus'],
      target: unpacked,
      starts: (root) => Promise.resolve(runs(join(root, 'usr', 'bin', 'promtool'))),
    });
    return cached;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    throw new NoPromtool([...reasons, `apt-get could not provide one: ${reason}`]);
  }
}

export interface PromtoolAnswer {
  passed: boolean;
  /** Everything that it said. */
  output: string;
}

/** Runs promtool to its end, a minute at most. */
export async function promtool(args: readonly string[]): Promise<PromtoolAnswer> {
  const file = await findPromtool();
  const options = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], options);
    return { passed: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { passed: false, output: stdout + stderr || String(error) };
  }
}

/** Ubuntu 22.04's is 2.31; the rules use nothing newer. */
function runs(file: string): boolean {
  const { status, stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(`${stdout ?? ''}${stderr ?? ''}`) ?? [];
  return status === 0 && Number(major) * 100 + Number(minor) >= 231;
}
