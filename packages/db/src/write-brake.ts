/**
 * What keeps writes from leaving: the kill switch over all accounts, the stop of one, and the counts that the brake goes
 * by. Local writes are taken all the same, and wait.
 */
import type { AccountId, SyncErrorCode } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';
import type { WriteError, WriteRow } from './writes.ts';

/** Whether writes of an account have to stay. @param account its id, as SQL */
export const areWritesStopped = (account: Prisma.Sql): Prisma.Sql => Prisma.sql`(
  exists (select from calendar_fleet f where f.singleton and f.writes_stopped_at is not null)
  or exists (select from calendar_accounts s where s.id = ${account} and s.writes_stopped_at is not null))`;

/** Stops writing for everybody; a push that is under way stops before its next write. @returns since when */
export async function stopAllWrites(tx: Transaction, at: Date): Promise<Date> {
  const [row] = await tx.$queryRaw<{ since: Date }[]>`
    update calendar_fleet set writes_stopped_at = coalesce(writes_stopped_at, ${at})
    returning writes_stopped_at as since`;
  if (!row) throw new Error('calendar_fleet has lost its row.');
  return row.since;
}

/** Accounts that were stopped on their own stay so: each has its own reason. */
export async function resumeAllWrites(tx: Transaction): Promise<void> {
  await tx.$executeRaw`update calendar_fleet set writes_stopped_at = null`;
}

/** Of an account: why it is not as it should be, for its user. What is wrong with the account itself comes first. */
export const statusReason = Prisma.sql`coalesce(status_reason, 'writes are stopped: ' || writes_stopped_reason)`;

/** Stops writing for one account, and says so once; the first reason stays. @returns since when; null: no such account */
export async function stopAccountWrites(
  tx: Transaction,
  stop: { id: AccountId; reason: string; at: Date },
): Promise<Date | null> {
  await tx.$executeRaw`
    with stopped as (
      update calendar_accounts
         set writes_stopped_at = ${stop.at}, writes_stopped_reason = ${stop.reason}, updated_at = ${stop.at}
       where id = ${stop.id}::uuid and writes_stopped_at is null returning id, user_id
    )
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${stop.at}, user_id, 'account_changed', id, '{status_reason}'::text[], 'system' from stopped`;
  const [row] = await tx.$queryRaw<{ since: Date }[]>`
    select writes_stopped_at as since from calendar_accounts where id = ${stop.id}::uuid`;
  return row?.since ?? null;
}

/** Lets an account write again, its writes counted anew. @returns whether there is such an account */
export async function resumeAccountWrites(
  tx: Transaction,
  { id, at }: { id: AccountId; at: Date },
): Promise<boolean> {
  await tx.$executeRaw`
    insert into calendar_changes (at, user_id, kind, account_id, fields, origin)
    select ${at}, user_id, 'account_changed', id, '{status_reason}'::text[], 'system'
    from calendar_accounts where id = ${id}::uuid and writes_stopped_at is not null for update`;
  const resumed = await tx.$executeRaw`
    update calendar_accounts
       set writes_stopped_at = null, writes_stopped_reason = null, writes_resumed_at = ${at}, updated_at = ${at}
     where id = ${id}::uuid`;
  return resumed > 0;
}

/** Where writing is stopped: everywhere, and for how many accounts on their own. */
export async function readStops(tx: Transaction): Promise<{ fleet: boolean; accounts: number }> {
  const [row] = await tx.$queryRaw<{ fleet: boolean; accounts: number }[]>`
    select exists (select from calendar_fleet where writes_stopped_at is not null) as fleet,
      (select count(*)::int from calendar_accounts where writes_stopped_at is not null) as accounts`;
  return row ?? { fleet: false, accounts: 0 };
}

/** Whether an account sent this many writes since an instant, or since a person let it go on. */
export async function hasSentOfAccount(
  tx: Transaction,
  of: { accountId: AccountId; since: Date; writes: number },
): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from calendar_writes
     where account_id = ${of.accountId}::uuid and sent_at >= greatest(${of.since}::timestamptz,
       (select writes_resumed_at from calendar_accounts where id = ${of.accountId}::uuid))
    offset ${of.writes - 1} limit 1`;
  return rows.length > 0;
}

/** Whether this many other writes about its event left since an instant, or since a person let one of them go. */
export async function hasSentBeside(
  tx: Transaction,
  write: Pick<WriteRow, 'id' | 'event_id'>,
  { since, writes }: { since: Date; writes: number },
): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from calendar_writes
     where event_id = ${write.event_id}::uuid and id <> ${write.id}::uuid and sent_at >= greatest(${since}::timestamptz,
       (select max(released_at) from calendar_writes where event_id = ${write.event_id}::uuid and released_at is not null))
    offset ${writes - 1} limit 1`;
  return rows.length > 0;
}

/** The code of what the brake laid down. No provider's word parks a write so: who says `rate_limited` is asked again. */
export const heldCode = 'rate_limited' satisfies SyncErrorCode;

/** Of `w`: the brake laid it down. */
export const isHeldByBrake = Prisma.sql`(w.state = 'parked' and w.error ->> 'code' = ${heldCode})`;

/** Lays down a write that was taken and has not left, with what was folded into it, until a person lets it go. */
export async function holdWrite(
  tx: Transaction,
  id: string,
  { message, at }: { message: string; at: Date },
): Promise<void> {
  const error: WriteError = { code: heldCode, message };
  await tx.$executeRaw`
    update calendar_writes
       set state = 'parked', error = ${JSON.stringify(error)}::jsonb, updated_at = ${at}, sent_at = null,
           attempts = greatest(attempts - 1, 0)
     where id = ${id}::uuid or folded_into = ${id}::uuid`;
}
