/** A server that is there and answers nothing: connections stay open, new ones are never taken, and no time passes in it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Stops the process and all that it has begun where they stand.
 * @param server one of this test's own
 * @returns lets them go on; may be called twice
 */
export function freeze(server: { pid: () => number }): () => void {
  const parent = server.pid();
  // The parent first: it would begin new ones meanwhile.
  process.kill(parent, 'SIGSTOP');
  const frozen = childrenOf(parent);
  for (const pid of frozen) process.kill(pid, 'SIGSTOP');
  const thaw = (): void => {
    for (const pid of [...frozen.splice(0), parent]) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // It is gone; a stopped process cannot have been replaced by another one while its parent was stopped too.
      }
    }
    process.off('exit', thaw);
  };
  // A stopped server does not hear that it should end.
  process.once('exit', thaw);
  return thaw;
}

function childrenOf(parent: number): number[] {
  const pairs = process.platform === 'linux' ? pairsOfProc() : pairsOfPs();
  return pairs.filter(([, itsParent]) => itsParent === parent).map(([pid]) => pid);
}

function pairsOfProc(): [pid: number, parent: number][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name): [number, number] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name before it may hold anything, brackets too: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [Number(name), Number(parent)];
      } catch {
        return [Number(name), 0];
      }
    });
}

const pairsOfPs = (): [pid: number, parent: number][] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line): [number, number] => {
      const [pid, parent] = line.trim().split(/\s+/);
      return [Number(pid), Number(parent)];
    });
