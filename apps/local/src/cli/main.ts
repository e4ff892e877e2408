/** `npm run calfleet -- …`: commands of whoever runs a fleet. */
import { badConfiguration, ConfigError, readEnvironment } from '@calfleet/config';
import { adopt, showAccounts } from './accounts.ts';
import { audit, auditExit } from './audit.ts';
import { verifyAuditLog } from './audit-log.ts';
import { showCalendars } from './calendars.ts';
import { readCommand, usage, UsageError, type Command } from './command.ts';
import { disconnect } from './disconnect.ts';
import { readKeyRings, withFleet, type Fleet } from './fleet.ts';
import { createKey, revokeKey, showKeys } from './keys.ts';
import { auditCommand } from './operator.ts';
import { showStatus } from './status.ts';
import { syncCalendar } from './sync.ts';
import { rotateTokenKeys, showKeyRings } from './token-keys.ts';

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  if (command.name === 'help') return void process.stdout.write(`${usage}\n`);
  // A script must not take a fault for differences.
  if (command.name === 'audit') process.exitCode = auditExit.unfinished;
  await withFleet(here(), async (fleet) => {
    process.exitCode = await run(command, fleet);
  });
}

const here = () => ({ env: readEnvironment(), root: process.cwd() });

/** @returns the exit code */
async function run(command: Exclude<Command, { name: 'help' }>, fleet: Fleet): Promise<number> {
  await auditCommand(fleet, command);
  switch (command.name) {
    case 'status':
      await showStatus(fleet, command);
      return 0;
    case 'accounts':
      await showAccounts(fleet, command);
      return 0;
    case 'adopt':
      await adopt(fleet, command);
      return 0;
    case 'disconnect':
      await disconnect(fleet, command);
      return 0;
    case 'calendars':
      await showCalendars(fleet, command);
      return 0;
    case 'sync':
      await syncCalendar(fleet, command);
      return 0;
    case 'audit':
      return audit(fleet, command);
    case 'audit-log verify':
      return verifyAuditLog(fleet, command);
    case 'keys create':
      await createKey(fleet, command);
      return 0;
    case 'keys list':
      await showKeys(fleet);
      return 0;
    case 'keys revoke':
      await revokeKey(fleet, command);
      return 0;
    case 'keys rotate':
      return rotateTokenKeys(fleet, await readKeyRings(here()));
    case 'keys status':
      return showKeyRings(fleet, await readKeyRings(here()));
  }
}

/** 64 is sysexits' EX_USAGE. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return badConfiguration;
  return error instanceof UsageError ? 64 : Number(process.exitCode ?? 0) || 1;
}

main().catch((error: unknown) => {
  const hint = error instanceof UsageError ? `\n\n${usage}` : '';
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}${hint}\n`);
  process.exitCode = exitCodeOf(error);
});
