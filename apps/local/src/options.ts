/** How the launcher was called. */
import { parseArgs } from 'node:util';
import type { Environment } from '@calfleet/config';

export interface Options {
  /** Begin with empty databases. */
  fresh: boolean;
  /** Stop after the summary. */
  once: boolean;
  help: boolean;
}

export const usage = `npm start [-- options]

  --fresh   begin with empty databases (the embedded ones)
  --once    stop after the first summary; also with CALFLEET_SMOKE=1
  --help    this text

Settings come from the environment, then from .env in this folder; .env.example lists them.`;

/** @throws TypeError naming what is not an option */
export function readOptions(args: string[], env: Environment): Options {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ args, options: { fresh: flag, once: flag, help: flag }, strict: true });
  return { fresh: values.fresh, once: values.once || env['CALFLEET_SMOKE'] === '1', help: values.help };
}
