/** What an operator can say. */
import { parseArgs } from 'node:util';
import { readAuditLog, type AuditLogCommand } from './audit-log-command.ts';
import { readKeys, type KeysCommand } from './keys-command.ts';
import { UsageError } from './usage-error.ts';

export { UsageError };

export type Command =
  | { name: 'help' }
  | { name: 'status'; json: boolean }
  | { name: 'accounts'; reauth: boolean }
  | { name: 'adopt'; account: string }
  | { name: 'disconnect'; account: string; purge: boolean; deletesManaged: boolean }
  | { name: 'calendars'; staleMinutes: number | null }
  | { name: 'sync'; calendar: string; full: boolean }
  | { name: 'audit'; user: string | null; calendar: string | null; timeoutSeconds: number }
  | AuditLogCommand
  | KeysCommand;

export const usage = `npm run calfleet -- <command>

  status [--json]                the fleet at a glance
  accounts [--reauth]            every connected mailbox; with --reauth those that a person must connect again
  accounts adopt <id>            after a database was lost and the account connected again: what bears our mark at the
                                 provider is managed again
  accounts disconnect <id> [--purge] [--delete-managed-events]
                                 stop its channels, end its grant; with --purge nothing of it is kept here, with
                                 --delete-managed-events what was made through us is deleted at the provider
  calendars [--stale [minutes]]  every calendar; with --stale those not verified for 30 minutes, or as many as you say
  sync --calendar <id> [--full]  pull a calendar now; with --full from the beginning
  audit --user <id> | --calendar <id> [--timeout <seconds>]
                                 compare with the provider now, repair, and print what differed; waits 300 seconds at
                                 most. Exit code 0: nothing differed, 1: something did, 2: it did not finish
  audit-log verify [--noted <n>:<hash>]
                                 whether an entry of the audit log was changed, moved or taken away; with a link that you
                                 noted down, whether the whole chain was laid anew. Exit code 0: no, 1: something was
  keys create --scope app|admin [--name <text>] [--expires <n>d|h]
                                 a key of the API, shown this once; without --expires it is good until it is revoked
  keys list                      every key: its scope, when it was last used, whether it is still good
  keys revoke <id>               refused from now on
  keys rotate                    seals everything by the first of TOKEN_ENCRYPTION_KEYS, while the fleet runs. Exit code 1:
                                 something is still on another key
  keys status                    data keys and channels by key. Exit code 1: some are on an old one

Beside "npm start" it finds the fleet by itself; elsewhere set DATABASE_URL and REDIS_URL.`;

const options = {
  help: { type: 'boolean' },
  json: { type: 'boolean' },
  reauth: { type: 'boolean' },
  stale: { type: 'string' },
  full: { type: 'boolean' },
  calendar: { type: 'string' },
  user: { type: 'string' },
  timeout: { type: 'string' },
  purge: { type: 'boolean' },
  'delete-managed-events': { type: 'boolean' },
  scope: { type: 'string' },
  name: { type: 'string' },
  expires: { type: 'string' },
  noted: { type: 'string' },
} as const;
type Values = Partial<ReturnType<typeof parse>['values']>;

/** @throws UsageError */
export function readCommand(args: readonly string[]): Command {
  const { positionals, values } = parse(args);
  const [name, ...more] = positionals;
  if (values.help || name === undefined || name === 'help') return { name: 'help' };
  const isAdopt = name === 'accounts' && more[0] === 'adopt';
  const isDisconnect = name === 'accounts' && more[0] === 'disconnect';
  if (more.length > 0 && !isAdopt && !isDisconnect && name !== 'keys' && name !== 'audit-log')
    throw new UsageError(`"${more.join(' ')}" is too much after ${name}.`);
  const only = (...allowed: (keyof typeof options)[]): void => {
    const odd = Object.keys(values).find((option) => !allowed.some((known) => known === option));
    if (odd !== undefined) throw new UsageError(`${name} knows no --${odd}.`);
  };
  switch (name) {
    case 'status':
      only('json');
      return { name, json: values.json ?? false };
    case 'accounts':
      if (isAdopt) {
        only();
        return { name: 'adopt', account: readAccount(more.slice(1), 'adopt') };
      }
      if (isDisconnect) {
        only('purge', 'delete-managed-events');
        const deletesManaged = values['delete-managed-events'] ?? false;
        const account = readAccount(more.slice(1), 'disconnect');
        return { name: 'disconnect', account, purge: values.purge ?? false, deletesManaged };
      }
      only('reauth');
      return { name, reauth: values.reauth ?? false };
    case 'calendars':
      only('stale');
      return { name, staleMinutes: readStale(values) };
    case 'sync':
      only('calendar', 'full');
      if (values.calendar === undefined) throw new UsageError('sync needs --calendar <id>.');
      return { name, calendar: readCalendar(values.calendar), full: values.full ?? false };
    case 'audit':
      only('user', 'calendar', 'timeout');
      return readAudit(values);
    case 'audit-log':
      only('noted');
      return readAuditLog(more, values);
    case 'keys':
      return readKeys(more, values, only);
    default:
      throw new UsageError(`There is no command "${name}".`);
  }
}

function readAudit({ user, calendar, timeout }: Values): Command {
  if ((user === undefined) === (calendar === undefined)) {
    throw new UsageError('audit needs one of --user <id> and --calendar <id>.');
  }
  if (user?.trim() === '') throw new UsageError('--user is empty.');
  return {
    name: 'audit',
    user: user ?? null,
    calendar: calendar === undefined ? null : readCalendar(calendar),
    timeoutSeconds: timeout === undefined ? auditSeconds : readNumber('timeout', timeout, 86_400),
  };
}

/** A full list of some thousand events takes a minute, and it waits its turn behind first mirrors. */
const auditSeconds = 300;
/** The beat of incremental-pull is 20 min, and a pull has its turn within a minute or two of it. */
const staleMinutes = 30;
const minutesOfYear = 525_600;

function readStale({ stale }: Values): number | null {
  if (stale === undefined) return null;
  return stale === '' ? staleMinutes : readNumber('stale', stale, minutesOfYear);
}

function readNumber(option: keyof typeof options, text: string, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > max) {
    throw new UsageError(`--${option} wants a whole number from 1 to ${max}, not "${text}".`);
  }
  return number;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function readAccount(given: readonly string[], command: string): string {
  const [id = '', ...more] = given;
  if (more.length > 0 || !uuid.test(id)) {
    throw new UsageError(`${command} wants one account id as "accounts" shows it, not "${given.join(' ')}".`);
  }
  return id.toLowerCase();
}

function readCalendar(text: string): string {
  if (!uuid.test(text)) {
    throw new UsageError(`--calendar wants an id as "calendars" shows it, not "${text}".`);
  }
  return text.toLowerCase();
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: withValueOfStale(args), allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The one option whose value may be left out, which `parseArgs` does not know. */
const withValueOfStale = (args: readonly string[]): string[] =>
  args.flatMap((arg, index) => {
    if (arg === '--stale') return isValue(args[index + 1]) ? [] : ['--stale='];
    return index > 0 && args[index - 1] === '--stale' && isValue(arg) ? [`--stale=${arg}`] : [arg];
  });

const isValue = (arg: string | undefined): boolean => arg !== undefined && !arg.startsWith('-');
