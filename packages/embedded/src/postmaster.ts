/**
 * What Postgres itself writes about a running server: `postmaster.pid` in the data folder. It matters after a kill,
 * when our own record is missing or the system still holds the dead server's shared memory.
 * Lines: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/utils/pidfile.h
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, identify } from './process-identity.ts';
import type { EndingStep } from './process-identity.ts';

/**
 * Ends a Postgres that serves this very data folder, and removes the pid file of a dead one: Postgres would refuse
 * to start when its old pid meanwhile belongs to somebody else.
 */
export async function endStrayPostmaster(data: string, ending: EndingStep[]): Promise<void> {
  const lines = await pidFile(data);
  if (lines === undefined) return;
  const identity = identify(Number(lines[0]));
  if (identity === undefined) return;
  if (serves(identity.pid, data)) {
    await endProcess(identity, ending);
  } else {
    await rm(join(data, 'postmaster.pid'), { force: true });
  }
}

/** Frees the small System V segment of a killed server whose data are about to go. A living one's is not touched. */
export async function releaseSharedMemory(data: string): Promise<void> {
  const [key, id] = (await pidFile(data))?.[6]?.trim().split(/\s+/) ?? [];
  if (key === undefined || id === undefined || process.platform !== 'linux') return;
  const isOurs = readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    // Columns 1, 2 and 7: key, shmid and the number of processes attached.
    .some((row) => Number(row[0]) === Number(key) && row[1] === id && row[6] === '0');
  if (isOurs) spawnSync('ipcrm', ['-m', id], { stdio: 'ignore' });
}

async function pidFile(data: string): Promise<string[] | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text?.split('\n');
}

function serves(pid: number, data: string): boolean {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`\0-D\0${data}\0`);
    }
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      `-D ${data} `,
    );
  } catch {
    return false;
  }
}
