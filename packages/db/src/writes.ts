/**
 * Writes on their way to the provider: one row per wish of a user, in order, settled by what the provider answered or by
 * what it turned out to hold already.
 */
import {
  SyncError,
  isId,
  type AccountId,
  type CalendarId,
  type EventId,
  type EventKind,
  type EventPatch,
  type ProviderName,
  type SyncErrorCode,
  type WritableFields,
} from '@calfleet/domain';
import { Prisma } from '../generated/client';
import { endOpenConflicts } from './conflicts.ts';
import type { Evidence } from './evidence.ts';
import { leaseSeconds } from './lease.ts';
import type { Transaction } from './transaction.ts';
import { areWritesStopped } from './write-brake.ts';

export type WriteOp = 'create' | 'update' | 'delete';
/** `conflict` and `parked` wait for a person. */
export type WriteState = 'pending' | 'pushing' | 'applied' | 'conflict' | 'parked' | 'discarded';

export interface WriteRow {
  id: string;
  event_id: EventId;
  op: WriteOp;
  patch: EventPatch;
  /** Null for a creation. */
  base: WritableFields | null;
  base_version: string | null;
  /** See {@link NewWrite.revives}. */
  revives: boolean;
  state: WriteState;
  attempts: number;
  rounds: number;
  error: WriteError | null;
  created_at: Date;
}

/** Of `w`, as a {@link WriteRow} has them. */
const writeColumns = Prisma.sql`w.id, w.event_id, w.op, w.patch, w.base, w.base_version, w.revives, w.state, w.attempts,
  w.rounds, w.error, w.created_at`;

/** Of a write that is not done: it waits, is on its way, or needs a person. */
export const unsettledStates = Prisma.sql`('pending', 'pushing', 'conflict', 'parked')`;

/** Whether something about the event still has to be written. @param event its id, as SQL */
export const hasUnsettledWrites = (event: Prisma.Sql): Prisma.Sql => Prisma.sql`exists (
  select from calendar_writes w where w.event_id = ${event} and w.state in ${unsettledStates})`;

/** Why a write waits or rests; no contents of events. */
export interface WriteError {
  code: SyncErrorCode;
  message: string;
}

export interface NewWrite {
  id: string;
  eventId: EventId;
  op: WriteOp;
  patch: EventPatch;
  base: WritableFields | null;
  baseVersion: string | null;
  /** An occurrence that was called off is to take place again; where its slot stays empty, as an event of its own. */
  revives?: boolean;
  /** What has to leave before: those of the series that this one came of. Exceptions come of theirs without a word. */
  cameOf?: EventId;
}

export async function insertWrite(
  tx: Transaction,
  of: { userId: string; accountId: AccountId; calendarId: CalendarId; at: Date },
  write: NewWrite,
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, series_event_id, op, patch, base,
      base_version, revives, created_at, updated_at)
    values (${write.id}::uuid, ${of.userId}, ${of.accountId}::uuid, ${of.calendarId}::uuid, ${write.eventId}::uuid,
      coalesce(${write.cameOf ?? null}::uuid,
        (select coalesce(e.local_series_id, s.id) from calendar_events e
          left join calendar_events s on s.calendar_id = e.calendar_id and s.provider_event_id = e.provider_series_id
         where e.id = ${write.eventId}::uuid and e.kind = 'exception')),
      ${write.op}, ${JSON.stringify(write.patch)}::jsonb, ${write.base && JSON.stringify(write.base)}::jsonb,
      ${write.baseVersion}, ${write.revives ?? false}, ${of.at}, ${of.at})`;
}

/** Writes that are not done, of these events, oldest first. Locked: none of them leaves while it is added to. */
export async function unsettledWrites(tx: Transaction, eventIds: readonly EventId[]): Promise<WriteRow[]> {
  return tx.$queryRaw<WriteRow[]>`
    select ${writeColumns} from calendar_writes w
     where event_id = any(${[...eventIds]}::uuid[]) and state in ${unsettledStates}
       and folded_into is null
     order by id for update`;
}

/** Gives the wishes of one write to another that has not left yet; from now on they fare alike. */
export async function foldWrite(
  tx: Transaction,
  id: string,
  into: Pick<WriteRow, 'id' | 'state' | 'error'> & { at: Date },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_writes
       set folded_into = ${into.id}::uuid, state = ${into.state}, error = ${into.error && JSON.stringify(into.error)}::jsonb,
           updated_at = ${into.at}
     where id = ${id}::uuid`;
}

/** What was refused was mended: it leaves again, with what goes with it. */
export async function reopenWrite(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.$executeRaw`
    update calendar_writes set state = 'pending', error = null, not_before = null, updated_at = ${at}
     where (id = ${id}::uuid or folded_into = ${id}::uuid) and state = 'parked'`;
}

/** What is left to be written, and upon what. */
export async function rebaseWrite(
  tx: Transaction,
  write: Pick<WriteRow, 'id' | 'op' | 'patch' | 'base' | 'base_version'>,
  at: Date,
): Promise<void> {
  await tx.$executeRaw`
    update calendar_writes
       set op = ${write.op}, patch = ${JSON.stringify(write.patch)}::jsonb,
           base = ${write.base && JSON.stringify(write.base)}::jsonb, base_version = ${write.base_version},
           updated_at = ${at}
     where id = ${write.id}::uuid`;
}

/**
 * Ends a write, or lays it down until a person decides; what was folded into it goes the same way. Once it has ended,
 * nobody has to decide about it any more: the provider turned out to hold what was wanted, or what nobody can undo.
 */
export async function settleWrite(
  tx: Transaction,
  id: string,
  end: { state: Exclude<WriteState, 'pending' | 'pushing'>; error: WriteError | null; at: Date },
): Promise<void> {
  const resolution = end.state === 'applied' ? 'local' : 'provider';
  const closed = { resolution, by: 'provider', at: end.at } as const;
  await tx.$executeRaw`
    with closed as (
      ${endOpenConflicts(Prisma.sql`write_id = ${id}::uuid and ${end.state} in ('applied', 'discarded')`, closed)}
    )
    update calendar_writes
       set state = ${end.state}, error = ${end.error && JSON.stringify(end.error)}::jsonb, updated_at = ${end.at},
           applied_at = case when ${end.state} = 'applied' then ${end.at}::timestamptz end
     where id = ${id}::uuid or folded_into = ${id}::uuid`;
}

/** What a push holds while it works. */
export interface PushLease {
  calendarId: CalendarId;
  userId: string;
  accountId: AccountId;
  provider: ProviderName;
  providerCalendarId: string;
  timeZone: string;
  epoch: bigint;
  /** The account leaves: only what was made through us is deleted, whatever became of it. */
  isLeaving: boolean;
}

/** Of `c` and `a`. An account that leaves has last words for calendars that nobody reads any more, too. */
const mayBePushed = Prisma.sql`(case a.status when 'active' then c.active and c.state not in ('gone', 'paused')
  when 'disconnecting' then a.leaving_step = 'deletions' and c.state <> 'gone' else false end)`;

/** Of `c`. What is stored for a calendar without a window takes place nowhere: it is read first. */
const hasWindow = Prisma.sql`coalesce(c.window_start, c.round_window_start) is not null`;

/** null: somebody else pushes, the calendar is not to be written to, or it was never read. */
export async function acquirePush(tx: Transaction, id: CalendarId): Promise<PushLease | null> {
  const rows = await tx.$queryRaw<PushLease[]>`
    update calendars c
       set push_epoch = push_epoch + 1, push_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
      from calendar_accounts a
     where c.id = ${id}::uuid and a.id = c.account_id and ${mayBePushed}
       and not ${areWritesStopped(Prisma.sql`a.id`)} and ${hasWindow}
       and (c.push_until is null or c.push_until < clock_timestamp())
    returning c.id as "calendarId", c.user_id as "userId", c.account_id as "accountId", c.provider,
      c.provider_calendar_id as "providerCalendarId", c.time_zone as "timeZone", c.push_epoch as epoch,
      a.status = 'disconnecting' as "isLeaving"`;
  return rows[0] ?? null;
}

/**
 * Proves the lease and renews it; the first write of every transaction of a push.
 * @returns the number of the calendar's evidence, for what is asked next
 * @throws lease_lost
 */
export async function keepPush(
  tx: Transaction,
  { calendarId, epoch }: PushLease,
): Promise<{ writeSeq: bigint }> {
  const [kept] = await tx.$queryRaw<{ write_seq: bigint }[]>`
    update calendars set push_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
     where id = ${calendarId}::uuid and push_epoch = ${epoch} and push_until is not null
    returning write_seq`;
  if (!kept) throw new SyncError('lease_lost', `Another worker pushes calendar ${calendarId}`);
  return { writeSeq: kept.write_seq };
}

export async function releasePush(tx: Transaction, { calendarId, epoch }: PushLease): Promise<void> {
  await tx.$executeRaw`
    update calendars set push_until = null where id = ${calendarId}::uuid and push_epoch = ${epoch}`;
}

/**
 * Of `n`. In order: not past an older one of the same event, or of its series, which may wait for later, nor past what a
 * person has to look at first: a creation, or a change of the series, whose days may be others by then.
 */
const mayLeave = (
  at: Date,
): Prisma.Sql => Prisma.sql`n.state in ('pending', 'pushing') and n.folded_into is null
  and (n.not_before is null or n.not_before <= ${at}) and not ${areWritesStopped(Prisma.sql`n.account_id`)}
  and not exists (select from calendar_writes o where o.calendar_id = n.calendar_id and o.id < n.id
    and (o.state in ('pending', 'pushing')
      or (o.state = 'parked' and (o.op = 'create' or o.event_id = n.series_event_id))) and o.folded_into is null
    and (o.event_id in (n.event_id, n.series_event_id)
      or coalesce(o.series_event_id, o.event_id) = coalesce(n.series_event_id, n.event_id)))`;

/** Whether a write is on its way still: a page may have met it meanwhile. Locks it. */
export async function isPushing(tx: Transaction, id: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from calendar_writes where id = ${id}::uuid and state = 'pushing' for update`;
  return rows.length > 0;
}

/** Takes the oldest write that may leave now; one that left with a worker that died leaves again. */
export async function takeWrite(tx: Transaction, calendarId: CalendarId, at: Date): Promise<WriteRow | null> {
  const rows = await tx.$queryRaw<WriteRow[]>`
    update calendar_writes w set state = 'pushing', attempts = w.attempts + 1, sent_at = ${at}, updated_at = ${at}
     where w.id = (select n.id from calendar_writes n
        where n.calendar_id = ${calendarId}::uuid and ${mayLeave(at)} order by n.id limit 1)
    returning ${writeColumns}`;
  return rows[0] ?? null;
}

/** Not now: it waits for its turn again. */
export async function putOffWrite(
  tx: Transaction,
  id: string,
  until: { notBefore: Date; error: WriteError; at: Date; isRound?: boolean },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_writes
       set state = 'pending', not_before = ${until.notBefore}, error = ${JSON.stringify(until.error)}::jsonb,
           updated_at = ${until.at}, rounds = rounds + ${until.isRound ? 1 : 0}
     where id = ${id}::uuid and state = 'pushing'`;
}

/** Calendars with writes that may leave now and nobody who pushes them: the drain rings for these. */
export async function calendarsToPush(tx: Transaction, at: Date, limit: number): Promise<CalendarId[]> {
  const rows = await tx.$queryRaw<{ id: CalendarId }[]>`
    select distinct w.calendar_id as id from calendar_writes w join calendars c on c.id = w.calendar_id
     where w.state in ('pending', 'pushing') and w.folded_into is null
       and (w.not_before is null or w.not_before <= ${at})
       and c.active and c.account_active and c.state not in ('gone', 'paused') and ${hasWindow}
       and not ${areWritesStopped(Prisma.sql`w.account_id`)}
       and (c.push_until is null or c.push_until < clock_timestamp())
     order by 1 limit ${limit}`;
  return rows.map(({ id }) => id);
}

/** A write that is not done, and the event that it is about. */
export type MetWrite = WriteRow & {
  event: {
    id: EventId;
    kind: EventKind;
    provider_event_id: string | null;
    provider_series_id: string | null;
  };
};

/** What a page shows, by everything that it may be known by here. */
export interface ShownIds {
  providerEventIds: readonly string[];
  /** Creations of ours that the page shows for the first time. */
  writeIds: readonly string[];
  /** Of series that are gone. */
  goneIds: readonly string[];
}

/** Whether a page has anything to meet. */
export interface Unsettled {
  writes: boolean;
  /** Occurrences that their provider has not named yet. */
  unnamed: boolean;
  /** Something was written since the page was asked for. */
  newer: boolean;
}

/** Most calendars have nothing unsettled, and this is asked with every page. */
export async function readUnsettled(
  tx: Transaction,
  { calendarId, writeSeq }: Pick<Evidence, 'calendarId' | 'writeSeq'>,
): Promise<Unsettled> {
  const [row] = await tx.$queryRaw<Unsettled[]>`
    select exists (select from calendar_writes where calendar_id = ${calendarId}::uuid
        and state in ${unsettledStates}) as writes,
      exists (select from calendar_events where calendar_id = ${calendarId}::uuid and provider_event_id is null
        and kind = 'exception') as unnamed,
      exists (select from calendars where id = ${calendarId}::uuid and write_seq > ${writeSeq}) as newer`;
  return row ?? { writes: false, unnamed: false, newer: false };
}

/**
 * Writes that are not done and whose events a page shows, oldest first. Not those of events that know better than the
 * page: it was asked for before they were last written.
 */
export async function writesMet(
  tx: Transaction,
  { calendarId, writeSeq }: Pick<Evidence, 'calendarId' | 'writeSeq'>,
  shown: ShownIds,
): Promise<MetWrite[]> {
  const rows = await tx.$queryRaw<(WriteRow & Omit<MetWrite['event'], 'id'>)[]>`
    select ${writeColumns}, e.kind, e.provider_event_id, e.provider_series_id
    from calendar_writes w join calendar_events e on e.id = w.event_id
    where w.calendar_id = ${calendarId}::uuid and w.state in ${unsettledStates}
      and w.folded_into is null and e.written_seq <= ${writeSeq}
      and (e.provider_event_id = any(${[...shown.providerEventIds]}::text[])
        or e.provider_series_id = any(${[...shown.goneIds]}::text[])
        -- With a creation that is shown for the first time, what was wished of the event since.
        or (e.provider_event_id is null and e.id in (
          select event_id from calendar_writes where id = any(${shown.writeIds.filter(isId)}::uuid[]))))
    order by w.id`;
  return rows.map(({ kind, provider_event_id, provider_series_id, ...write }) => ({
    ...write,
    event: { id: write.event_id, kind, provider_event_id, provider_series_id },
  }));
}

/**
 * The event that we made has this name at its provider, and its exceptions are those of a series of this name. Null: it
 * has none any more.
 */
export async function nameEvent(tx: Transaction, id: EventId, providerEventId: string | null): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set provider_event_id = ${providerEventId} where id = ${id}::uuid`;
  if (providerEventId === null) return;
  await tx.$executeRaw`
    update calendar_events set provider_series_id = ${providerEventId}, local_series_id = null
     where local_series_id = ${id}::uuid`;
}

/** Whether a write may leave now. */
export async function isWritePending(tx: Transaction, calendarId: CalendarId, at: Date): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from calendar_writes n where n.calendar_id = ${calendarId}::uuid and ${mayLeave(at)} limit 1`;
  return rows.length > 0;
}
