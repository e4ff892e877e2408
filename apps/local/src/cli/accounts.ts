/** `accounts`: every connected mailbox, or those whose grant is dead. */
import { listFleetAccounts, type FleetAccount } from '@calfleet/db';
import type { Fleet } from './fleet.ts';
import { everyPage } from './pages.ts';
import { table } from './table.ts';

export async function showAccounts({ db, print }: Fleet, { reauth }: { reauth: boolean }): Promise<void> {
  const filter = reauth ? { status: 'reauth_needed' } : {};
  const rows = await everyPage<FleetAccount>((after, limit) =>
    db.transaction({ role: 'worker' }, (tx) => listFleetAccounts(tx, { after, limit, ...filter })),
  );
  if (reauth && rows.length === 0) return print('No account has to be connected again.');
  print(
    table(
      ['account', 'user', 'provider', 'email', 'status', 'calendars', 'reason'],
      rows.map((row) => [
        row.id,
        row.user_id,
        row.provider,
        row.email,
        row.status,
        row.calendars,
        row.status_reason,
      ]),
    ),
  );
}
