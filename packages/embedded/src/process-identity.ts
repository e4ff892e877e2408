/**
 * Says who a process is: its pid together with the moment it was born. A pid alone is reused by the system, so
 * nothing in this package signals a process unless both still match what was written down when it was started.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

export interface ProcessIdentity {
  pid: number;
  /** Opaque mark of the moment the process started; equal only for the very same process. */
  startedAt: string;
}

export interface EndingStep {
  signal: NodeJS.Signals;
  graceMs: number;
}

/** The identity of a living process, or undefined when there is none (a zombie counts as gone). */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? startMarkFromProc(pid) : startMarkFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/** Reads a `{pid, startedAt}` that this package wrote; undefined for anything else. */
export function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, startedAt } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 2) return undefined;
  return typeof startedAt === 'string' ? { pid, startedAt } : undefined;
}

/**
 * Sends one signal after the other until the process is gone.
 * @throws when it survives the last one, or when it belongs to a user we may not signal.
 */
export async function endProcess(identity: ProcessIdentity, steps: EndingStep[]): Promise<void> {
  for (const [index, { signal, graceMs }] of steps.entries()) {
    if (!sendSignal(identity, signal)) return;
    try {
      await waitUntil(() => !isAlive(identity), {
        timeoutMs: graceMs,
        what: `the end of process ${identity.pid} after ${signal}`,
      });
      return;
    } catch (error) {
      if (index === steps.length - 1) throw error;
    }
  }
}

/** False when the process was already gone. */
export function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 2 (the name) may hold spaces and brackets, so
// we count from the last bracket; field 3 is the state, field 22 the start time in ticks since this boot.
function startMarkFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

function startMarkFromPs(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const [, state, started] = /^\s*(\S+)\s+(.+?)\s*$/.exec(status === 0 ? stdout : '') ?? [];
  return state === undefined || state.startsWith('Z') ? undefined : started;
}
