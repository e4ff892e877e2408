/**
 * One launcher per data folder. A lock is a file naming the launcher; it counts only while that very process lives,
 * so a launcher that was killed never keeps the next one out.
 *
 * A dead lock is never removed by those who want its place: they make the one with the next number, which exactly
 * one of them can. The winner removes the dead ones when it gives its own back, so that during its tenure no smaller
 * number is free to anybody who looked earlier.
 */
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isAlive, parseIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Another living process runs this server in this folder. */
export class AlreadyRunning extends Error {
  constructor(
    readonly service: string,
    readonly pid: number,
    readonly folder: string,
  ) {
    super(
      `${service} of the folder ${folder} is already run by process ${pid}. Stop that one, or use another folder.`,
    );
    this.name = 'AlreadyRunning';
  }
}

interface Place {
  /** Where the lock files lie. */
  directory: string;
  /** How to speak of it. */
  service: string;
  folder: string;
}

/**
 * @returns the function that gives the lock back
 * @throws {AlreadyRunning} while a holder lives
 */
export async function takeLock(place: Place): Promise<() => Promise<void>> {
  // Each round either wins, meets a living holder, or finds that a number went to somebody who is dead by now; more
  // than a few mean that launchers die as fast as we look.
  for (let round = 0; round < 10; round++) {
    const dead = await lockNumbers(place.directory);
    await refuseIfHeld(place, dead);
    const mine = (dead.at(-1) ?? 0) + 1;
    if (!(await claim(place.directory, mine))) continue;
    try {
      // A lock was given back, and a smaller number taken, after we looked.
      const smaller = (await lockNumbers(place.directory)).filter((number) => number < mine);
      await refuseIfHeld(place, smaller);
    } catch (error) {
      await rm(lockFile(place.directory, mine), { force: true });
      throw error;
    }
    return async () => {
      for (const number of [...dead, mine]) await rm(lockFile(place.directory, number), { force: true });
    };
  }
  throw new Error(`The lock in ${place.directory} could not be taken: it keeps changing hands.`);
}

const lockFile = (directory: string, number: number): string => join(directory, `lock-${number}.json`);

async function lockNumbers(directory: string): Promise<number[]> {
  const numbers = (await readdir(directory)).map((name) => Number(/^lock-(\d+)\.json$/.exec(name)?.[1]));
  return numbers.filter((number) => number > 0).sort((a, b) => a - b);
}

async function refuseIfHeld(place: Place, numbers: number[]): Promise<void> {
  for (const number of numbers) {
    const holder = await holderOf(lockFile(place.directory, number));
    if (holder !== undefined && isAlive(holder)) {
      throw new AlreadyRunning(place.service, holder.pid, place.folder);
    }
  }
}

/** Linking a finished file is atomic and fails when the name is taken: nobody ever reads half a lock. */
async function claim(directory: string, number: number): Promise<boolean> {
  const draft = join(directory, `lock-draft-${randomUUID()}`);
  await writeFile(draft, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    await link(draft, lockFile(directory, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function holderOf(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return parseIdentity(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
