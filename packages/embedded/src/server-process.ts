/**
 * One server process from spawn to end. Its identity is written down before anybody talks to it, so that whoever
 * comes next can end it; its output goes to a log file; every wait for it is bounded.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { guard } from './guard.ts';
import { endProcess, identify, parseIdentity, sendSignal } from './process-identity.ts';
import type { EndingStep, ProcessIdentity } from './process-identity.ts';
import { waitUntil } from './wait-until.ts';

export interface Command {
  file: string;
  args: string[];
  env?: Record<string, string>;
}

export interface ServerSpec {
  service: 'Postgres' | 'Redis';
  /** Holds server.json and server.log; belongs to the launcher. */
  directory: string;
  account: Account | undefined;
  command(port: number): Command;
  /** False while the server is still starting; throws when it will never be ready. */
  isReady(port: number): Promise<boolean>;
  /** Signals from gentle to hard; the first one is also the guard's. */
  ending: [EndingStep, ...EndingStep[]];
}

export interface ServerProcess {
  identity: ProcessIdentity;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The server ended while it was being started; the message carries the end of its log. */
export class ServerFailed extends Error {
  override name = 'ServerFailed';
}

// A Postgres that replays a long log after a crash is slow; nothing we keep in development needs longer.
const readyWithinMs = 60_000;

/** Starts the server on this port and waits until it answers. */
export async function runServer(spec: ServerSpec, port: number): Promise<ServerProcess> {
  const logFile = join(spec.directory, 'server.log');
  await rename(logFile, `${logFile}.1`).catch(() => undefined);
  const child = await spawnServer(spec, spec.command(port), logFile);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw await failure(spec, logFile);
  const watcher = guard(identity.pid, spec.ending[0].signal);
  child.once('exit', watcher.callOff);
  const record = join(spec.directory, 'server.json');
  writeFileSync(record, JSON.stringify({ server: identity, guard: watcher.pid, port }), { mode: 0o600 });

  const end = async (steps: EndingStep[]): Promise<void> => {
    await endProcess(identity, steps);
    await rm(record, { force: true });
  };
  try {
    await waitUntil(
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) throw await failure(spec, logFile);
        return Promise.race([spec.isReady(port), ended.then(() => false)]);
      },
      { timeoutMs: readyWithinMs, what: `${spec.service} to answer on port ${port} (log: ${logFile})` },
    );
  } catch (error) {
    await end(spec.ending);
    throw error;
  }
  return {
    identity,
    stop: () => end(spec.ending),
    kill: () => end([{ signal: 'SIGKILL', graceMs: 10_000 }]),
  };
}

/** Ends the server that a dead launcher left behind in this directory, if it is provably that one. */
export async function endOrphan(directory: string, ending: EndingStep[]): Promise<void> {
  const record = join(directory, 'server.json');
  const text = await readFile(record, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const orphan = parseRecord(text);
  if (orphan !== undefined) {
    sendSignal(orphan, 'SIGCONT');
    await endProcess(orphan, ending);
  }
  await rm(record, { force: true });
}

function parseRecord(text: string): ProcessIdentity | undefined {
  try {
    return parseIdentity((JSON.parse(text) as { server?: unknown }).server);
  } catch {
    return undefined;
  }
}

async function spawnServer(spec: ServerSpec, command: Command, logFile: string): Promise<ChildProcess> {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(command.file, command.args, {
      ...spec.account,
      // Not the launcher's environment: the servers need none of its settings and secrets.
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...command.env },
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function failure(spec: ServerSpec, logFile: string): Promise<ServerFailed> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-8).join('\n');
  return new ServerFailed(`${spec.service} ended while starting. The end of ${logFile}:\n${tail}`);
}
