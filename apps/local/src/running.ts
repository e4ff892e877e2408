/** Where a running fleet says how it is reached, for the operator's commands and for a second start. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface RunningFleet {
  pid: number;
  /** Without a slash at its end. */
  apiUrl: string;
  /** DATABASE_URL, REDIS_URL and REDIS_PREFIX. Carries passwords: the file is its owner's alone. */
  settings: Record<string, string>;
}

const fileIn = (folder: string): string => join(folder, 'running.json');

export async function announce(folder: string, fleet: RunningFleet): Promise<void> {
  await writeFile(`${fileIn(folder)}.new`, JSON.stringify(fleet), { mode: 0o600 });
  await rename(`${fileIn(folder)}.new`, fileIn(folder));
}

export const withdraw = (folder: string): Promise<void> => rm(fileIn(folder), { force: true });

/** What the file says, whether or not that fleet still runs. */
export async function readAnnounced(folder: string): Promise<RunningFleet | null> {
  try {
    return JSON.parse(await readFile(fileIn(folder), 'utf8')) as RunningFleet;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A launcher that was killed leaves its file behind: only an API that answers counts. */
export async function findRunning(folder: string): Promise<RunningFleet | null> {
  const fleet = await readAnnounced(folder);
  if (fleet === null || !isProcess(fleet.pid)) return null;
  const answer = await fetch(`${fleet.apiUrl}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(
    () => null,
  );
  return answer?.ok === true ? fleet : null;
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
