/** `npm start`: the command line and the exit code; everything else is in launch.ts. */
import { badConfiguration, ConfigError, readEnvironment } from '@calfleet/config';
import { systemClock } from '@calfleet/domain';
import { launch } from './launch.ts';
import { readOptions, usage, type Options } from './options.ts';

async function main(): Promise<void> {
  const env = readEnvironment();
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2), env);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, {
      cause: error,
    });
  }
  if (options.help) return say(usage);
  const stop = new AbortController();
  stop.signal.addEventListener('abort', () => {
    setTimeout(() => fail(new Error(`It did not stop within ${stopMs / 1000} s.`)), stopMs);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
  // A closed terminal or pipe is no reason to leave servers behind.
  process.stdout.on('error', () => stop.abort());
  await launch({
    root: process.cwd(),
    env,
    options,
    say,
    now: () => systemClock.now().getTime(),
    stop: stop.signal,
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Longer than the processes (12 s) and then the servers need; guards end what is left when this process is gone. */
const stopMs = 60_000;

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError ? badConfiguration : 1);
}

// Nothing is left to wait for; a connection that closes slowly must not hold the terminal.
main().then(() => process.exit(0), fail);
