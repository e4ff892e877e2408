/** What both sides changed: kept with both values, settled by a strategy or waiting for a person. */
import {
  writeRefusal,
  type AccountId,
  type CalendarId,
  type ConflictStrategy,
  type EventId,
  type WritePermissions,
  type WrittenTo,
} from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';
import type { WriteOp } from './writes.ts';

/** What wins where both sides changed the same: the calendar's own word, else its user's. */
export async function readStrategy(tx: Transaction, calendarId: CalendarId): Promise<ConflictStrategy> {
  const [row] = await tx.$queryRaw<{ strategy: ConflictStrategy }[]>`
    select coalesce(c.conflict_strategy, p.conflict_strategy, ${strategyDefault}) as strategy
    from calendars c left join calendar_preferences p on p.user_id = c.user_id where c.id = ${calendarId}::uuid`;
  return row?.strategy ?? strategyDefault;
}

export const strategyDefault: ConflictStrategy = 'newest_wins';

export type Resolution = 'local' | 'provider' | 'merge';

/** By field, the three values. */
export interface ConflictSides {
  fields: string[];
  base: Record<string, unknown>;
  local: Record<string, unknown>;
  provider: Record<string, unknown>;
}

export interface NewConflict extends ConflictSides {
  id: string;
  eventId: EventId;
  writeId: string;
  strategy: ConflictStrategy;
  /** Whose values stand; null: a person decides. */
  resolution: 'local' | 'provider' | null;
}

export async function insertConflict(
  tx: Transaction,
  of: { userId: string; accountId: AccountId; calendarId: CalendarId; at: Date },
  conflict: NewConflict,
): Promise<void> {
  const { resolution } = conflict;
  const [base, local, provider] = textsOf(conflict);
  await tx.$executeRaw`
    insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, base, local,
      provider, strategy, status, resolution, resolved_by, created_at, resolved_at)
    values (${conflict.id}::uuid, ${of.userId}, ${of.accountId}::uuid, ${of.calendarId}::uuid,
      ${conflict.eventId}::uuid, ${conflict.writeId}::uuid, ${conflict.fields}, ${base}::jsonb, ${local}::jsonb,
      ${provider}::jsonb, ${conflict.strategy}, ${resolution ? 'resolved' : 'open'}, ${resolution},
      ${resolution && 'strategy'}, ${of.at}, ${resolution && of.at})`;
}

/** What a person decides about is what is there now. */
export async function refreshConflict(tx: Transaction, writeId: string, sides: ConflictSides): Promise<void> {
  const [base, local, provider] = textsOf(sides);
  await tx.$executeRaw`
    update calendar_sync_conflicts
       set fields = ${sides.fields}, base = ${base}::jsonb, local = ${local}::jsonb, provider = ${provider}::jsonb
     where write_id = ${writeId}::uuid and status = 'open'`;
}

const textsOf = ({ base, local, provider }: ConflictSides): string[] =>
  [base, local, provider].map((side) => JSON.stringify(side));

/** Whose word ended it: a strategy's, a user's, or the provider's, which turned out to hold what was wanted. */
export type ResolvedBy = 'strategy' | 'provider' | (string & {});

export interface ConflictEnd {
  resolution: Resolution;
  by: ResolvedBy;
  at: Date;
}

/** Ends open conflicts, as SQL. @param which a condition upon `calendar_sync_conflicts` */
export const endOpenConflicts = (
  which: Prisma.Sql,
  { resolution, by, at }: ConflictEnd,
): Prisma.Sql => Prisma.sql`
  update calendar_sync_conflicts
     set status = 'resolved', resolution = ${resolution}, resolved_by = ${by}, resolved_at = ${at}
   where status = 'open' and ${which}`;

export async function endConflict(tx: Transaction, end: ConflictEnd & { id: string }): Promise<void> {
  await tx.$executeRaw(endOpenConflicts(Prisma.sql`id = ${end.id}::uuid`, end));
}

/** The write that a conflict is about was taken back. */
export async function closeConflict(
  tx: Transaction,
  { writeId, by, at }: { writeId: string; by: ResolvedBy; at: Date },
): Promise<void> {
  const end = { resolution: 'provider', by, at } as const;
  await tx.$executeRaw(endOpenConflicts(Prisma.sql`write_id = ${writeId}::uuid`, end));
}

/** An event that is gone on both sides leaves nobody anything to decide, and nothing to write. */
export async function forgetConflicts(tx: Transaction, eventId: EventId, at: Date): Promise<void> {
  const end = { resolution: 'provider', by: 'provider', at } as const;
  await tx.$executeRaw`
    with ended as (
      ${endOpenConflicts(Prisma.sql`event_id = ${eventId}::uuid`, end)} returning write_id
    )
    update calendar_writes w set state = 'discarded', updated_at = ${at}
      from ended e where (w.id = e.write_id or w.folded_into = e.write_id) and w.state = 'conflict'`;
}

export interface OpenConflict {
  id: string;
  userId: string;
  accountId: AccountId;
  calendarId: CalendarId;
  /** Of the calendar, as of now. */
  strategy: ConflictStrategy;
  /** Whether its user lets us write to the event, and the account may. */
  mayWrite: boolean;
}

/** Open conflicts, oldest first, in keyset pages. */
export async function openConflicts(
  tx: Transaction,
  page: { after: string | null; limit: number },
): Promise<OpenConflict[]> {
  const rows = await tx.$queryRaw<OpenConflictRow[]>`
    select k.id, k.user_id as "userId", k.account_id as "accountId", k.calendar_id as "calendarId",
      coalesce(c.conflict_strategy, p.conflict_strategy, ${strategyDefault}) as strategy,
      c.account_active as "isAccountActive", p.write_permissions as permissions, e.managed as "isManaged",
      c.active, c.state, c.write_enabled, c.access_role
    from (
      select id, user_id, account_id, calendar_id, event_id from calendar_sync_conflicts
       where status = 'open' and id > coalesce(${page.after}::uuid, '00000000-0000-0000-0000-000000000000')
       order by id limit ${page.limit}
    ) k
    join calendars c on c.id = k.calendar_id
    join calendar_events e on e.id = k.event_id
    left join calendar_preferences p on p.user_id = k.user_id
    order by k.id`;
  return rows.map(
    ({ isAccountActive, permissions, isManaged, active, state, write_enabled, access_role, ...of }) => {
      const refusal = writeRefusal({ active, state, write_enabled, access_role }, { permissions, isManaged });
      return { ...of, mayWrite: isAccountActive && refusal === null };
    },
  );
}

type OpenConflictRow = Omit<OpenConflict, 'mayWrite'> &
  WrittenTo & { isAccountActive: boolean; permissions: WritePermissions | null; isManaged: boolean };

export interface LockedConflict extends ConflictSides {
  id: string;
  eventId: EventId;
  writeId: string;
}

/** Of an open conflict that nobody else is at; null: somebody is, or it was decided. */
export async function lockConflict(tx: Transaction, id: string): Promise<LockedConflict | null> {
  const [row] = await tx.$queryRaw<LockedConflict[]>`
    select id, event_id as "eventId", write_id as "writeId", fields, base, local, provider
      from calendar_sync_conflicts where id = ${id}::uuid and status = 'open' for update skip locked`;
  return row ?? null;
}

/** What was wished for an event after a write of it: its user's newer word. */
export async function wishesSince(
  tx: Transaction,
  { id, event_id: eventId }: { id: string; event_id: EventId },
): Promise<{ op: WriteOp; fields: string[] }[]> {
  return tx.$queryRaw<{ op: WriteOp; fields: string[] }[]>`
    select op, array(select jsonb_object_keys(patch)) as fields from calendar_writes
     where event_id = ${eventId}::uuid and id > ${id}::uuid and folded_into is null and state <> 'discarded'`;
}

/** The wishes of a write that waited for a decision leave with another one, or with the one that that one went with. */
export async function carryWrite(tx: Transaction, id: string, by: { id: string; at: Date }): Promise<void> {
  await tx.$executeRaw`
    update calendar_writes w
       set folded_into = c.id, state = c.state, error = c.error, applied_at = c.applied_at, updated_at = ${by.at}
      from calendar_writes n join calendar_writes c on c.id = coalesce(n.folded_into, n.id)
     where n.id = ${by.id}::uuid and (w.id = ${id}::uuid or w.folded_into = ${id}::uuid) and w.state = 'conflict'`;
}
