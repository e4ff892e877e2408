/**
 * The sandbox keeps its world in memory: each start is a new life of it, with the same people and calendars. What
 * the mirror remembers of the last life (tokens, cursors, channels) is forgotten, and everybody is rung for.
 */
import { workerConfig, type Environment } from '@calfleet/config';
import {
  findMailboxAccounts,
  forgetProvider,
  holdsOtherMailboxes,
  listFleetAccounts,
  openDatabase,
  replaceGrant,
  type Database,
  type FleetAccount,
} from '@calfleet/db';
import { systemClock, type ProviderName } from '@calfleet/domain';
import { createProducer, type JobRequest, type Producer } from '@calfleet/jobs';
import { createVault, type Vault } from '@calfleet/vault';
import { everyPage } from './cli/pages.ts';
import { demoUsers } from './demo.ts';

/** The sandbox's addresses; `.test` belongs to nobody: RFC 6761 §6.2. */
const sandboxSuffix = '.test';
/** Whom the sandbox plays. */
const played = [
  { provider: 'google', name: 'Google', setting: 'GOOGLE_CLIENT' },
  { provider: 'microsoft', name: 'Microsoft', setting: 'MICROSOFT_CLIENT' },
] as const satisfies { provider: ProviderName; name: string; setting: string }[];

/** @throws when the database holds mailboxes that no sandbox has: they would be told that their grants are dead */
export async function beginProviderLife(settings: Environment): Promise<void> {
  const { DATABASE_URL: url = '', REDIS_URL: redisUrl = '', REDIS_PREFIX: prefix = '{calfleet}' } = settings;
  const db = openDatabase({ url, poolSize: 2, applicationName: 'calfleet-local' });
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  try {
    await refuseRealMailboxes(db);
    if (settings['SANDBOX_SEED'] === 'demo') {
      await grantAnew(db, createVault(workerConfig(settings).tokenEncryptionKeys));
    }
    for (const { provider } of played) await forgetLife(db, producer, provider);
  } finally {
    await Promise.allSettled([db.close(), producer.close()]);
  }
}

/**
 * Microsoft gives a new refresh token with each use, and the last one of the last life is nobody's now: the demo's
 * people give their first one again.
 */
async function grantAnew(db: Database, vault: Vault): Promise<void> {
  const grants = demoUsers.flatMap(({ id, mailboxes }) =>
    mailboxes.map((mailbox) => ({ userId: id, ...mailbox })),
  );
  await db.transaction({ role: 'worker' }, async (tx) => {
    for (const { refreshToken, ...mailbox } of grants) {
      for (const { id, dataKey } of await findMailboxAccounts(tx, mailbox)) {
        const sealed = vault.seal({
          accountId: id,
          dataKey: Buffer.from(dataKey),
          field: 'refresh_token',
          plaintext: refreshToken,
        });
        await replaceGrant(tx, { id, refreshToken: new Uint8Array(sealed), at: systemClock.now() });
      }
    }
  });
}

async function forgetLife(
  db: Database,
  producer: Pick<Producer, 'enqueueMany'>,
  provider: ProviderName,
): Promise<void> {
  const at = systemClock.now();
  const { accounts, calendars } = await db.transaction({ role: 'worker' }, (tx) =>
    forgetProvider(tx, { provider, at }),
  );
  const requestedAt = at.toISOString();
  await producer.enqueueMany([
    ...accounts.map((accountId): JobRequest => ({ name: 'discover-account', payload: { accountId } })),
    ...calendars.flatMap((calendarId): JobRequest[] => [
      { name: 'pull-calendar', payload: { calendarId, reason: 'user', requestedAt } },
      { name: 'ensure-watch', payload: { calendarId } },
    ]),
  ]);
}

async function refuseRealMailboxes(db: Database): Promise<void> {
  for (const { provider, name, setting } of played) {
    const others = await db.transaction({ role: 'worker' }, (tx) =>
      holdsOtherMailboxes(tx, { provider, suffix: sandboxSuffix }),
    );
    if (!others) continue;
    throw new Error(
      `This database holds accounts of the real ${name}, and without a client of yours the provider would be the ` +
        `sandbox, which knows none of them. Set ${setting}_ID and ${setting}_SECRET, or use another database ` +
        '(--fresh empties the embedded one).',
    );
  }
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
    'This database holds accounts of the sandbox, and with GOOGLE_CLIENT_ID or MICROSOFT_CLIENT_ID the providers ' +
      'would be the real ones, which know none of them. Begin with an empty one ("npm start -- --fresh" empties the ' +
      'embedded one), or unset both to go on with the sandbox.',
  );
}
