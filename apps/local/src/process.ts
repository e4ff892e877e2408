/**
 * One process of the fleet, kept alive: started from its bundle, with a log file of its own, started again when it
 * dies, and gone when the launcher is, however that ends (the IPC channel closes with it).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

export interface ProcessSpec {
  name: string;
  /** The bundle. */
  file: string;
  env: Record<string, string>;
  logFile: string;
  /** Answers 200 once the process can work. Asked only after the process itself said that it listens. */
  readyUrl: string;
  /** Awaited after a restart, once the process is ready again. */
  onRestarted?: () => Promise<void>;
}

export interface FleetProcess {
  name: string;
  pid(): number | undefined;
  /** SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
}

/** First wait before a restart, and the longest; a process that lived for a minute begins at the first again. */
const backoff = { firstMs: 500, longestMs: 30_000, calmMs: 60_000 };
/** Each process promises to close within 10 s. */
const stopMs = 12_000;
const readyMs = 60_000;

/**
 * Resolves once it is ready. When `stop` is aborted before that, it is ended and this throws.
 * @throws with the end of its log when it ends by itself before it is ready
 */
export async function startProcess(
  spec: ProcessSpec,
  { say, now, stop }: { say: (line: string) => void; now: () => number; stop: AbortSignal },
): Promise<FleetProcess> {
  stop.throwIfAborted();
  const stopping = new AbortController();
  let child = spawn(spec);
  await ready(spec, child, stop).catch(async (error: unknown) => {
    await end(child);
    throw error;
  });
  const keepAlive = async (): Promise<void> => {
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(2 * waitMs, backoff.longestMs)) {
      const since = now();
      const how = await ended(child);
      if (stopping.signal.aborted) return;
      if (now() - since > backoff.calmMs) waitMs = backoff.firstMs;
      say(
        `${spec.name} ended by itself (${how}); starting it again in ${waitMs / 1000} s. Log: ${spec.logFile}`,
      );
      await pause(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      child = spawn(spec);
      await ready(spec, child, stopping.signal)
        .then(() => spec.onRestarted?.())
        .then(
          () => say(`${spec.name} is back.`),
          // It ended, or is not ready yet: the next round sees which.
          () => undefined,
        );
    }
  };
  const kept = keepAlive();
  return {
    name: spec.name,
    pid: () => child.pid,
    stop: async () => {
      stopping.abort();
      await end(child);
      await kept;
    },
  };
}

/** The child, and its own word that it listens: any program may answer at its port. */
interface Child extends ChildProcess {
  isListening: boolean;
}

function spawn({ file, env, logFile }: ProcessSpec): Child {
  const log = openSync(logFile, 'a', 0o600);
  try {
    // Detached: Ctrl-C in a terminal reaches the launcher alone, which then stops all in order.
    const process = fork(file, [], {
      env,
      detached: true,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', log, log, 'ipc'],
    });
    const child = Object.assign(process, { isListening: false });
    child.on('message', (message) => {
      if (typeof message === 'object' && 'listening' in message) child.isListening = true;
    });
    return child;
  } finally {
    closeSync(log);
  }
}

const hasEnded = (child: Child): boolean => child.exitCode !== null || child.signalCode !== null;

async function ended(child: Child): Promise<string> {
  if (!hasEnded(child)) await once(child, 'exit');
  return child.signalCode ?? `exit code ${child.exitCode ?? '?'}`;
}

async function ready(spec: ProcessSpec, child: Child, stop: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(readyMs);
  for (;;) {
    stop.throwIfAborted();
    const isReady = child.isListening && (await answers(spec.readyUrl));
    if (hasEnded(child)) throw new Error(`${spec.name} did not start:\n${await lastLines(spec.logFile)}`);
    if (isReady) return;
    if (deadline.aborted) {
      await end(child);
      throw new Error(`${spec.name} was not ready in ${readyMs / 1000} s:\n${await lastLines(spec.logFile)}`);
    }
    await pause(50);
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

async function end(child: Child): Promise<void> {
  if (hasEnded(child)) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended(child);
  clearTimeout(force);
}

async function lastLines(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .trimEnd()
    .split('\n')
    .slice(-10)
    .map((line) => `  ${line}`)
    .join('\n');
}
