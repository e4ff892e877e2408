/**
 * What Postgres and Redis have in common: one directory, one lock, one server at a time on one port, and the same
 * words to stop, kill and restart it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { serverAccount } from './account.ts';
import type { Account } from './account.ts';
import { takeLock } from './folder-lock.ts';
import { freePort } from './free-port.ts';
import { settle } from './home.ts';
import type { EndingStep } from './process-identity.ts';
import { endOrphan, runServer, ServerFailed } from './server-process.ts';
import type { ServerProcess, ServerSpec } from './server-process.ts';

/** The handle of a started server. */
export interface Service {
  /** The pid of the running server process. */
  pid: () => number;
  /** Ends the server gently and gives the folder free. Data stay. May be called twice. */
  stop: () => Promise<void>;
  /** Ends the server as a crash would (SIGKILL); `restart` brings it back. For tests. */
  kill: () => Promise<void>;
  /** Starts again on the same port and data, whether stopped gently here, killed, or crashed by itself. */
  restart: () => Promise<void>;
}

/** A directory of the folder, held by us alone and free of left-over servers. */
export interface Place {
  directory: string;
  account: Account | undefined;
  release: () => Promise<void>;
}

/** @throws {AlreadyRunning} */
export async function occupy(options: {
  folder: string;
  service: ServerSpec['service'];
  ending: EndingStep[];
}): Promise<Place> {
  const account = serverAccount();
  const home = await settle(options.folder, account);
  const directory = join(home, options.service.toLowerCase());
  await mkdir(directory, { recursive: true });
  const release = await takeLock({ directory, service: options.service, folder: options.folder });
  try {
    await endOrphan(directory, options.ending);
  } catch (error) {
    await release();
    throw error;
  }
  return { directory, account, release };
}

/** Starts the server and hands out its handle; on failure nothing keeps running. */
export async function serve(
  spec: ServerSpec,
  options: { port: number | undefined; release: () => Promise<void> },
): Promise<Service & { port: number }> {
  let { server, port } = await startOnSomePort(spec, options.port);
  let isStopped = false;
  return {
    port,
    pid: () => server.identity.pid,
    async stop() {
      if (isStopped) return;
      await server.stop();
      await options.release();
      isStopped = true;
    },
    kill: () => server.kill(),
    async restart() {
      if (isStopped) throw new Error(`${spec.service} was stopped and its folder given free: start it anew.`);
      await server.stop();
      ({ server, port } = await startOnSomePort(spec, port));
    },
  };
}

// A free port may be taken before the server binds it, and after a kill the old Postgres' children need a moment to
// let go of its shared memory: both pass, every other failure is final.
const passing = /address already in use|still in use|could not create listen socket/i;

async function startOnSomePort(
  spec: ServerSpec,
  wanted: number | undefined,
): Promise<{ server: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort());
    try {
      return { server: await runServer(spec, port), port };
    } catch (error) {
      const isFinal = !(error instanceof ServerFailed) || !passing.test(error.message);
      if (isFinal || attempt === 10) throw error;
    }
  }
}
