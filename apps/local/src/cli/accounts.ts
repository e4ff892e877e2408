/** `accounts`: every connected mailbox, or those whose grant is dead; and what to do for one whose rows were lost. */
import { adoptMarked, listFleetAccounts, readAdoption, type FleetAccount } from '@calfleet/db';
import type { AccountId } from '@calfleet/domain';
import { UsageError } from './command.ts';
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

const batchSize = 500;

/** @throws UsageError there is no such account @throws its calendars are not all read yet */
export async function adopt({ db, clock, print }: Fleet, { account }: { account: string }): Promise<void> {
  const accountId = account as AccountId;
  const adoption = await db.transaction({ role: 'worker' }, (tx) => readAdoption(tx, accountId));
  if (!adoption) throw new UsageError(`There is no account ${account}.`);
  if (!adoption.isListed) throw new Error('Its calendar list was not read yet: adopt it later.');
  const unread = adoption.calendars.filter(({ isRead }) => !isRead).length;
  if (unread > 0) throw new Error(`${unread} of its calendars are read for the first time: adopt it later.`);
  let events = 0;
  for (const { id } of adoption.calendars) {
    for (let adopted = batchSize; adopted === batchSize; events += adopted) {
      const batch = { accountId, userId: adoption.userId, calendarId: id, limit: batchSize, at: clock.now() };
      adopted = await db.transaction({ role: 'worker', calendars: [id] }, (tx) => adoptMarked(tx, batch));
    }
  }
  print(`${events} events of ${adoption.calendars.length} calendars are managed from now on.`);
}
