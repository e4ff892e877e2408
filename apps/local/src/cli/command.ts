/** What an operator can say. */
import { parseArgs } from 'node:util';

export type Command =
  | { name: 'help' }
  | { name: 'status' }
  | { name: 'accounts' }
  | { name: 'calendars'; stale: boolean }
  | { name: 'sync'; calendar: string; full: boolean };

export const usage = `npm run calfleet -- <command>

  status                         accounts, calendars by state and coverage, queues
  accounts                       every connected mailbox
  calendars [--stale]            every calendar; with --stale those not verified for 30 minutes
  sync --calendar <id> [--full]  pull a calendar now; with --full from the beginning

Beside "npm start" it finds the fleet by itself; elsewhere set DATABASE_URL and REDIS_URL.`;

/** The caller's mistake, in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws UsageError */
export function readCommand(args: string[]): Command {
  const { positionals, values } = parse(args);
  const [name, ...more] = positionals;
  if (values.help || name === undefined || name === 'help') return { name: 'help' };
  if (more.length > 0) throw new UsageError(`"${more.join(' ')}" is too much after ${name}.`);
  const only = (...allowed: string[]): void => {
    const odd = Object.keys(values).find((option) => !allowed.includes(option));
    if (odd !== undefined) throw new UsageError(`${name} knows no --${odd}.`);
  };
  switch (name) {
    case 'status':
    case 'accounts':
      only();
      return { name };
    case 'calendars':
      only('stale');
      return { name, stale: values.stale ?? false };
    case 'sync': {
      only('calendar', 'full');
      const { calendar = '', full = false } = values;
      if (!uuid.test(calendar)) throw new UsageError('sync needs --calendar <id>, as "calendars" shows it.');
      return { name, calendar, full };
    }
    default:
      throw new UsageError(`There is no command "${name}".`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        stale: { type: 'boolean' },
        full: { type: 'boolean' },
        calendar: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
