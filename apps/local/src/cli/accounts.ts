/** `accounts`: every connected mailbox. */
import { listFleetAccounts, type FleetAccount } from '@calfleet/db';
import type { Fleet } from './fleet.ts';
import { everyPage } from './pages.ts';
import { table } from './table.ts';

export async function showAccounts({ db, print }: Fleet): Promise<void> {
  const rows = await everyPage<FleetAccount>((after, limit) =>
    db.transaction({ role: 'worker' }, (tx) => listFleetAccounts(tx, { after, limit })),
  );
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
