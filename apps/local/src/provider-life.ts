/**
 * The sandbox keeps its world in memory: each start is a new life of it, with the same people and calendars. What
 * the mirror remembers of the last life (tokens, cursors, channels) is forgotten, and everybody is rung for.
 */
import type { Environment } from '@calfleet/config';
import {
  forgetProvider,
  holdsOtherMailboxes,
  listFleetAccounts,
  openDatabase,
  type Database,
  type FleetAccount,
} from '@calfleet/db';
import { systemClock } from '@calfleet/domain';
import { createProducer, type JobRequest } from '@calfleet/jobs';
import { everyPage } from './cli/pages.ts';

/** The sandbox's addresses; `.test` belongs to nobody: RFC 6761 §6.2. */
const sandboxSuffix = '.test';

/** @throws when the database holds mailboxes that no sandbox has: they would be told that their grants are dead */
export async function beginProviderLife(settings: Environment): Promise<void> {
  const { DATABASE_URL: url = '', REDIS_URL: redisUrl = '', REDIS_PREFIX: prefix = '{calfleet}' } = settings;
  const db = openDatabase({ url, poolSize: 2, applicationName: 'calfleet-local' });
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  try {
    await refuseRealMailboxes(db);
    const at = systemClock.now();
    const { accounts, calendars } = await db.transaction({ role: 'worker' }, (tx) =>
      forgetProvider(tx, { provider: 'google', at }),
    );
    const requestedAt = at.toISOString();
    await producer.enqueueMany([
      ...accounts.map((accountId): JobRequest => ({ name: 'discover-account', payload: { accountId } })),
      ...calendars.flatMap((calendarId): JobRequest[] => [
        { name: 'pull-calendar', payload: { calendarId, reason: 'user', requestedAt } },
        { name: 'ensure-watch', payload: { calendarId } },
      ]),
    ]);
  } finally {
    await Promise.allSettled([db.close(), producer.close()]);
  }
}

async function refuseRealMailboxes(db: Database): Promise<void> {
  const others = await db.transaction({ role: 'worker' }, (tx) =>
    holdsOtherMailboxes(tx, { provider: 'google', suffix: sandboxSuffix }),
  );
  if (!others) return;
  throw new Error(
    'This database holds accounts of the real Google, and without GOOGLE_CLIENT_ID the provider would be the ' +
      'sandbox, which knows none of them. Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or use another database ' +
      '(--fresh empties the embedded one).',
  );
}

/** @throws when the database holds the sandbox's mailboxes: the real provider would find all their grants dead */
export async function refuseSandboxMailboxes({ DATABASE_URL: url = '' }: Environment): Promise<void> {
  const db = openDatabase({ url, poolSize: 1, applicationName: 'calfleet-local' });
  try {
    const accounts = await everyPage<FleetAccount>((after, limit) =>
      db.transaction({ role: 'worker' }, (tx) => listFleetAccounts(tx, { after, limit })),
    );
    if (!accounts.some(({ email }) => email?.endsWith(sandboxSuffix))) return;
  } finally {
    await db.close();
  }
  throw new Error(
    'This database holds accounts of the sandbox, and with GOOGLE_CLIENT_ID the provider would be the real Google, ' +
      'which knows none of them. Begin with an empty one ("npm start -- --fresh" empties the embedded one), or unset ' +
      'GOOGLE_CLIENT_ID to go on with the sandbox.',
  );
}
