/**
 * A tiny shell beside each server that holds the other end of a pipe. When the launcher dies, however it dies, the
 * pipe closes and the guard ends the server: a `kill -9` leaves nothing behind even if nobody starts again.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

// The pid alone may have been reused: on Linux the guard compares the start time (field 22 of stat) as well.
const script = `read -r _
[ -z "$2" ] || [ "$(cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null)" = "$2" ] || exit 0
kill -s "$3" "$1"`;

/** @returns the function that calls the guard off, and its pid */
export function guard(pid: number, signal: NodeJS.Signals): { pid: number | undefined; callOff: () => void } {
  const name = signal.replace(/^SIG/, '');
  // Detached, so that Ctrl-C in a terminal reaches the launcher only, which stops its servers in order.
  const shell = spawn('/bin/sh', ['-c', script, 'calfleet-guard', String(pid), startTicks(pid), name], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return { pid: shell.pid, callOff: () => void shell.kill('SIGKILL') };
}

function startTicks(pid: number): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21] ?? 'gone';
  } catch {
    return 'gone';
  }
}
