/** Removes the folders of test runs that were killed, and ends their servers. Those of living runs stay. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AlreadyRunning, discardServers } from '@calfleet/embedded';

export async function sweepAbandoned(root: string): Promise<void> {
  const parent = join(root, '.calfleet');
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = /^test-(\d+)_/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    await discardServers(join(parent, name)).catch((error: unknown) => {
      if (!(error instanceof AlreadyRunning)) throw error;
    });
  }
}

// A pid that meanwhile belongs to somebody else only postpones the sweep.
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
