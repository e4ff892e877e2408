/** `accounts disconnect`: asks a mailbox to leave, as its user could; the workers do the rest. */
import { beginLeaving } from '@calfleet/db';
import type { AccountId } from '@calfleet/domain';
import { createProducer } from '@calfleet/jobs';
import { UsageError } from './command.ts';
import type { Fleet } from './fleet.ts';

/** @throws UsageError there is no such account */
export async function disconnect(
  { config, db, clock, print }: Fleet,
  { account, purge, deletesManaged }: { account: string; purge: boolean; deletesManaged: boolean },
): Promise<void> {
  const accountId = account as AccountId;
  const wish = { id: accountId, userId: null, purge, deletesManaged, at: clock.now() };
  const isThere = await db.transaction({ role: 'worker' }, (tx) => beginLeaving(tx, wish));
  if (!isThere) throw new UsageError(`There is no account ${account}.`);
  const { redisUrl, redisPrefix: prefix } = config;
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  const end = purge ? 'it is gone from "accounts"' : '"accounts" shows it as disconnected';
  try {
    await producer.enqueue('leave-account', { accountId });
    print(`Queued: done when ${end}.`);
  } catch {
    print(`Marked, but Redis did not answer: the next drain takes it up. Done when ${end}.`);
  } finally {
    await producer.close();
  }
}
