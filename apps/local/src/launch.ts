/** The whole fleet on this machine: servers, schema, processes, demo; and the same backwards at the end. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '@calfleet/config';
import { migrate } from '@calfleet/db';
import { keepKeys } from './keys.ts';
import type { Options } from './options.ts';
import { choosePorts } from './ports.ts';
import { startProcess, type FleetProcess, type ProcessSpec } from './process.ts';
import { beginProviderLife, refuseSandboxMailboxes } from './provider-life.ts';
import { announce, findRunning, withdraw } from './running.ts';
import { provideServers } from './servers.ts';
import { checkSettings, composeSettings, isUnset, loopback, portWishes, wantsSandbox } from './settings.ts';
import { present } from './present.ts';

export interface LaunchOptions {
  /** The checkout: bundles, migrations and `.calfleet` lie in it. */
  root: string;
  env: Environment;
  options: Options;
  say: (line: string) => void;
  now: () => number;
  /** Aborted when everything is to stop. */
  stop: AbortSignal;
}

/** Another launcher has this checkout. */
export class AlreadyLaunched extends Error {
  constructor(pid: number, apiUrl: string) {
    super(`Calfleet already runs in this folder (process ${pid}, API ${apiUrl}). Stop that one first.`);
    this.name = 'AlreadyLaunched';
  }
}

/**
 * Resolves when it was stopped, or after the summary with `once`; everything has ended by then.
 * @throws what kept it from starting; nothing keeps running
 */
export async function launch(given: LaunchOptions): Promise<void> {
  const { root, env, options, stop } = given;
  // Whoever stops it wants to hear no more of what was under way.
  const say = (line: string) => (stop.aborted ? undefined : given.say(line));
  const launcher = { ...given, say };
  const folder = join(root, '.calfleet');
  const ending: (() => Promise<unknown>)[] = [];
  const end = async () => {
    for (const step of ending.splice(0).reverse()) await step();
  };
  const sayStopping = () => given.say('Stopping …');
  stop.addEventListener('abort', sayStopping);
  try {
    const running = await findRunning(folder);
    if (running) throw new AlreadyLaunched(running.pid, running.apiUrl);
    await mkdir(join(folder, 'logs'), { recursive: true });
    const keys = await keepKeys(folder);
    checkSettings(composeSettings(env, { keys, ports: {}, servers: someServers }));
    const ports = await choosePorts(portWishes(env), env, say);

    say(`Starting Calfleet in ${root}`);
    sayWhatFreshLeaves(launcher);
    const servers = await provideServers(env, { folder, fresh: options.fresh });
    ending.push(() => servers.stop());
    stop.throwIfAborted();
    const settings = composeSettings(env, { keys, ports, servers: servers.settings });
    checkSettings(settings);
    await migrateDatabase(launcher, settings);
    await (wantsSandbox(env) ? beginProviderLife(settings) : refuseSandboxMailboxes(settings));

    const processes: FleetProcess[] = [];
    ending.push(() => stopAll(processes));
    await startAll(launcher, { folder, settings, processes });
    ending.push(() => withdraw(folder));
    await announce(folder, {
      pid: process.pid,
      apiUrl: loopback(settings['API_PORT']),
      settings: pick(settings, ['DATABASE_URL', 'REDIS_URL', 'REDIS_PREFIX']),
    });
    await present(launcher, settings);
    if (!options.once) await aborted(stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener('abort', sayStopping);
    if (ending.length > 0 && !stop.aborted) sayStopping();
    await end();
  }
}

/** Stand for what is not started yet while the other settings are looked at. */
const someServers = { DATABASE_URL: 'postgresql://127.0.0.1/calfleet', REDIS_URL: 'redis://127.0.0.1' };

function sayWhatFreshLeaves({ env, options, say }: LaunchOptions): void {
  const given = ['DATABASE_URL', 'REDIS_URL'].filter((name) => !isUnset(env[name]));
  if (options.fresh && given.length > 0)
    say(`--fresh leaves ${given.join(' and ')} as they are: they are yours.`);
}

async function migrateDatabase({ root, env, say }: LaunchOptions, settings: Environment): Promise<void> {
  const { DATABASE_URL: applicationUrl = '', MIGRATION_DATABASE_URL: migrationUrl = applicationUrl } =
    settings;
  const { applied } = await migrate({
    migrationUrl,
    applicationUrl,
    folder: join(root, 'prisma', 'migrations'),
  }).catch((error: unknown) => {
    if (!isUnset(env['DATABASE_URL']) || !(error instanceof Error)) throw error;
    throw new Error(`${error.message}\n"npm start -- --fresh" begins with an empty database.`, {
      cause: error,
    });
  });
  if (applied.length > 0) say(`Migrated the database (${applied.length} new)`);
}

/** The provider first, then everybody else at once. */
async function startAll(
  { root, env, say, now, stop }: LaunchOptions,
  fleet: { folder: string; settings: Record<string, string>; processes: FleetProcess[] },
): Promise<void> {
  const { folder, settings, processes } = fleet;
  const start = async (name: string, readyUrl: string, more: Partial<ProcessSpec> = {}) => {
    const logFile = join(folder, 'logs', `${name}.log`);
    await writeFile(logFile, '', { mode: 0o600 });
    const file = join(root, 'dist', `${name}.js`);
    processes.push(
      await startProcess({ name, file, env: settings, logFile, readyUrl, ...more }, { say, now, stop }),
    );
  };
  if (wantsSandbox(env)) {
    const onRestarted = () => beginProviderLife(settings);
    await start('sandbox', `${loopback(settings['SANDBOX_PORT'])}/healthz`, { onRestarted });
  }
  const started = await Promise.allSettled([
    start('ingress', `${loopback(settings['INGRESS_PORT'])}/readyz`),
    start('api', `${loopback(settings['API_PORT'])}/readyz`),
    start('worker', `${loopback(settings['WORKER_METRICS_PORT'])}/readyz`),
  ]);
  for (const result of started) if (result.status === 'rejected') throw result.reason;
}

/** The provider last: the others may still be talking to it. */
async function stopAll(processes: readonly FleetProcess[]): Promise<void> {
  const isProvider = ({ name }: FleetProcess): boolean => name === 'sandbox';
  await Promise.all(processes.filter((one) => !isProvider(one)).map((one) => one.stop()));
  await Promise.all(processes.filter(isProvider).map((one) => one.stop()));
}

const pick = (settings: Record<string, string>, names: string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])));

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
