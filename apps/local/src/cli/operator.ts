/** Who gives the commands, as the audit log names them: the login of this machine, which is as much as can be known here. */
import { hostname, userInfo } from 'node:os';
import { appendAudit } from '@calfleet/db';
import type { Command } from './command.ts';
import type { Fleet } from './fleet.ts';

export const operator = () => ({ actor: `operator:${login()}`, source: hostname() });

/** In a container the number need not have a name. */
function login(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** What was asked for, before it is done. Keys are written down with what was done; looking is no act. */
export async function auditCommand({ db, clock }: Fleet, command: Command): Promise<void> {
  const target = targetOf(command);
  if (target === null) return;
  const entry = { ...operator(), at: clock.now(), action: `${command.name}.asked`, target };
  await db.transaction({ role: 'worker' }, (tx) => appendAudit(tx, entry));
}

function targetOf(command: Command): string | null {
  switch (command.name) {
    case 'adopt':
    case 'disconnect':
      return `account:${command.account}`;
    case 'sync':
      return `calendar:${command.calendar}`;
    case 'audit':
      return command.calendar === null ? `user:${command.user ?? ''}` : `calendar:${command.calendar}`;
    case 'help':
    case 'status':
    case 'accounts':
    case 'calendars':
    case 'audit-log verify':
    case 'keys create':
    case 'keys list':
    case 'keys revoke':
    case 'keys rotate':
    case 'keys status':
      return null;
  }
}
