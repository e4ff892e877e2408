/** Keeps what a user gave: a new account, or a new grant for the account that holds the mailbox already. */
import { api, sqlStateOf, type Transaction } from '@calfleet/db';
import { newId, type AccountId, type CalendarId, type Consent, type ProviderName } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { auditVisit, type Visitor } from '../audit.ts';
import type { Context } from '../context.ts';
import { pullFor } from '../routes/calendars.ts';

export interface Given {
  visitor: Visitor;
  provider: ProviderName;
  mailbox: Consent['mailbox'];
  scopes: string[];
  refreshToken: string;
}

export interface Kept {
  accountId: AccountId;
  isNew: boolean;
  rings: JobRequest[];
}

/** Another consent for the same mailbox, or a disconnect, may come in between: then it is looked at again. */
const attemptsMax = 3;

export async function keepGrant(context: Context, given: Given): Promise<Kept> {
  for (let attempts = 1; ; attempts += 1) {
    const kept = await tryToKeep(context, given).catch((error: unknown) => {
      if (sqlStateOf(error) !== uniqueViolation || attempts >= attemptsMax) throw error;
      return null;
    });
    if (kept) return kept;
    if (attempts >= attemptsMax) throw new Error('The account of a mailbox changes all the time.');
  }
}

const uniqueViolation = '23505';

/** @returns null when the account that was found has gone */
async function tryToKeep({ db, vault, clock }: Context, given: Given): Promise<Kept | null> {
  const { visitor, provider, mailbox, scopes } = given;
  const { userId } = visitor;
  const asOwner = <T>(work: (tx: Transaction) => Promise<T>, calendars: readonly CalendarId[] = []) =>
    db.transaction({ role: 'api', userId, calendars }, work);
  const found = await asOwner(async (tx) => {
    const accountId = await api.findConnected(tx, { userId, provider, providerAccountId: mailbox.id });
    return accountId && { accountId, calendars: await api.pulledCalendars(tx, { userId, accountId }) };
  });
  const id = found ? found.accountId : newId<AccountId>();
  const dataKey = vault.newDataKey(id);
  const now = clock.now();
  const grant = {
    id,
    userId,
    scopes,
    dataKey: new Uint8Array(dataKey),
    refreshToken: new Uint8Array(
      vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext: given.refreshToken }),
    ),
    now,
  };
  const note = (tx: Transaction, action: string) =>
    auditVisit(tx, visitor, { action, target: `account:${id}`, at: now, facts: { provider, scopes } });
  const discover: JobRequest = { name: 'discover-account', payload: { accountId: id } };
  if (!found) {
    await asOwner(async (tx) => {
      await api.insertAccount(tx, { ...grant, provider, mailbox });
      await note(tx, 'account.connected');
    });
    return { accountId: id, isNew: true, rings: [discover] };
  }
  const { calendars: calendarIds } = found;
  const isKept = await asOwner(async (tx) => {
    if (!(await api.renewGrant(tx, { ...grant, email: mailbox.email }))) return false;
    await note(tx, 'account.reconnected');
    // Nobody looked while there was no grant, and channels may have run out.
    await api.requestSync(tx, { userId, calendarIds, full: false, now });
    return true;
  }, calendarIds);
  if (!isKept) return null;
  const rings = calendarIds.flatMap((calendarId): JobRequest[] => [
    // Under another name than a try of the dead grant that waits for its turn. Channels rest on the grant that made them.
    { name: 'ensure-watch', payload: { calendarId, renew: true } },
    pullFor(calendarId, now),
  ]);
  return { accountId: id, isNew: false, rings: [discover, ...rings] };
}
