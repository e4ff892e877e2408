/**
 * The user that servers run as. Postgres refuses to run as root, and Redis has no need of it: root hands both to
 * an unprivileged user that exists already; everybody else runs them as himself.
 */
import { execFileSync, spawnSync } from 'node:child_process';

export interface Account {
  uid: number;
  gid: number;
}

/** The unprivileged user for root's servers; undefined means "as ourselves". */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const account = lookUp(name);
    if (account !== undefined) return account;
  }
  throw new Error(
    'Postgres does not run as root, and neither a user "postgres" nor "nobody" exists. Start as an ordinary user.',
  );
}

/** Whether the account can reach this directory, asked of the system itself (modes, ACLs and mounts all count). */
export function canEnter(directory: string, account: Account): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  return status === 0;
}

function lookUp(name: string): Account | undefined {
  try {
    const ask = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    const account = { uid: ask('-u'), gid: ask('-g') };
    return account.uid > 0 ? account : undefined;
  } catch {
    return undefined;
  }
}
