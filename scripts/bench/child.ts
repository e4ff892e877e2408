/** A process of this run: known by its own handle, ended by it, and never left behind. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  file: string;
  env?: Record<string, string>;
  nodeOptions?: readonly string[];
  /** Default 60 s. */
  readyWithinMs?: number;
}

export interface Exit {
  code: number | null;
  signal: string | null;
  /** The end of its stderr. */
  lastWords: string;
}

export interface Child {
  pid: number;
  /** What it said of itself in its line with `listening`. */
  listening: string;
  /** Its later lines, as JSON. */
  onLine(listener: (line: Record<string, unknown>) => void): void;
  /** Over the channel between parent and child. */
  send(message: string): void;
  /** Resolves when it is gone, for whatever reason. */
  exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL for what does not listen within 15 s. */
  stop(): Promise<void>;
}

/** Resolves when it listens. @throws when it ends before that, with the end of what it wrote to stderr */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { PATH, HOME, LD_LIBRARY_PATH } = process.env;
  const inherited = Object.entries({ PATH, HOME, LD_LIBRARY_PATH }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const child = fork(options.file, {
    // The channel tells it when we are gone; then it ends by itself.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [...(options.nodeOptions ?? [])],
    env: { ...Object.fromEntries(inherited), NODE_ENV: 'production', ...options.env },
  });
  const listeners: ((line: Record<string, unknown>) => void)[] = [];
  const failure = lastWords(child);
  const listening = new Promise<string>((resolve) => {
    // A program that logs only errors tells its parent alone.
    child.on('message', (message) => {
      const { listening: address } = message as { listening?: unknown };
      if (typeof address === 'string') resolve(address);
    });
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = parseLine(text);
        if (typeof line['listening'] === 'string') resolve(line['listening']);
        for (const listener of listeners) listener(line);
      });
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, lastWords: failure() }));
  });
  const gone = exited.then(() => {
    throw new Error(`${options.file} ended before it listened: ${failure()}`);
  });
  const tooLate = new Promise<never>((_, reject) => {
    const late = AbortSignal.timeout(options.readyWithinMs ?? 60_000);
    late.addEventListener('abort', () => reject(new Error(`${options.file} does not listen: ${failure()}`)));
  });
  try {
    const address = await Promise.race([listening, gone, tooLate]);
    gone.catch(() => undefined);
    tooLate.catch(() => undefined);
    return {
      pid: child.pid ?? 0,
      listening: address,
      onLine: (listener) => void listeners.push(listener),
      send: (message) => void child.send(message),
      exited,
      stop: () => stop(child),
    };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(kill);
}

function lastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4_000);
  });
  return () => text.trim() || 'it said nothing';
}

function parseLine(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
