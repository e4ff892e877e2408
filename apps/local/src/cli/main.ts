/** `npm run calfleet -- …`: commands of whoever runs a fleet. */
import { badConfiguration, ConfigError, readEnvironment } from '@calfleet/config';
import { showAccounts } from './accounts.ts';
import { showCalendars } from './calendars.ts';
import { readCommand, usage, UsageError, type Command } from './command.ts';
import { withFleet, type Fleet } from './fleet.ts';
import { showStatus } from './status.ts';
import { syncCalendar } from './sync.ts';

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  if (command.name === 'help') return void process.stdout.write(`${usage}\n`);
  await withFleet({ env: readEnvironment(), root: process.cwd() }, (fleet) => run(command, fleet));
}

function run(command: Exclude<Command, { name: 'help' }>, fleet: Fleet): Promise<void> {
  switch (command.name) {
    case 'status':
      return showStatus(fleet);
    case 'accounts':
      return showAccounts(fleet);
    case 'calendars':
      return showCalendars(fleet, command);
    case 'sync':
      return syncCalendar(fleet, command);
  }
}

/** 64 is sysexits' EX_USAGE. */
const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigError ? badConfiguration : error instanceof UsageError ? 64 : 1;

main().catch((error: unknown) => {
  const hint = error instanceof UsageError ? `\n\n${usage}` : '';
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}${hint}\n`);
  process.exitCode = exitCodeOf(error);
});
