/** Accounts, without the sealed columns: the API's role may write those and can never read them back. */
import type { AccountId } from '@calfleet/domain';
import { Prisma } from '../../generated/client';
import type { Transaction } from '../transaction.ts';
import { statusReason } from '../write-brake.ts';
import { beforeAllIds, type Page } from './page.ts';

export interface AccountRow {
  id: AccountId;
  provider: string;
  email: string | null;
  status: 'active' | 'reauth_needed' | 'disconnecting' | 'disconnected';
  /** See {@link statusReason}. */
  status_reason: string | null;
  scopes: string[];
  created_at: Date;
}

const columns = Prisma.sql`id, provider, email, status, ${statusReason} as status_reason, scopes, created_at`;

/** Oldest first. */
export async function listAccounts(
  tx: Transaction,
  { userId, after, limit }: { userId: string } & Page<string>,
): Promise<AccountRow[]> {
  return tx.$queryRaw<AccountRow[]>`
    select ${columns} from calendar_accounts
    where user_id = ${userId} and id > ${after ?? beforeAllIds}::uuid
    order by id limit ${limit}`;
}

export async function findAccount(
  tx: Transaction,
  { userId, id }: { userId: string; id: string },
): Promise<AccountRow | null> {
  const [row] = await tx.$queryRaw<AccountRow[]>`
    select ${columns} from calendar_accounts where user_id = ${userId} and id = ${id}::uuid`;
  return row ?? null;
}

export interface NewAccount {
  id: AccountId;
  userId: string;
  provider: string;
  scopes: string[];
  /** The account's own data key, wrapped; and the refresh token sealed under it. */
  dataKey: Uint8Array;
  refreshToken: Uint8Array;
  /** Whose it is, where the provider said so; else the first list of calendars does. */
  mailbox?: { id: string; email: string | null };
  now: Date;
}

export async function insertAccount(tx: Transaction, account: NewAccount): Promise<AccountRow> {
  const now = account.now.toISOString();
  const [row] = await tx.$queryRaw<AccountRow[]>`
    insert into calendar_accounts (id, user_id, provider, provider_account_id, email, scopes, data_key, refresh_token,
      created_at, updated_at)
    values (${account.id}::uuid, ${account.userId}, ${account.provider}, ${account.mailbox?.id ?? null},
      ${account.mailbox?.email ?? null}, ${account.scopes}::text[], ${account.dataKey}, ${account.refreshToken}, ${now}::timestamptz, ${now}::timestamptz)
    returning ${columns}`;
  if (!row) throw new Error('an insert that returns its row returned none');
  return row;
}
