/**
 * The state of the fleet in numbers. Two kinds of statements: {@link soonestExpiries} and {@link readHorizon} look at a
 * bounded number of rows; {@link takeCensus} reads whole tables (1.2 s for 200,000 calendars on two busy cores; a million:
 * `npm run bench -- --only planner`), so one worker takes it for all of them, at most once a minute. Calendars change too
 * often for an index-only scan to find pages that it need not look into, and an index for the census would be one more to
 * write with every pull.
 */
import type { ProviderName } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';
import { areWritesStopped, isHeldByBrake, readStops } from './write-brake.ts';
import { unsettledStates } from './writes.ts';

/** Up to this long, and longer than the one before. */
export type AgeBucket = '5m' | '15m' | '1h' | '6h' | '1d' | 'older' | 'never';

export interface Census {
  /** Active calendars. `isWanted`: it is to be pulled; `isPushable`: nobody said that it cannot be watched. */
  calendars: {
    provider: ProviderName;
    state: string;
    coverage: string;
    isWanted: boolean;
    isPushable: boolean;
    age: AgeBucket;
    count: number;
  }[];
  accounts: { provider: ProviderName; status: string; count: number }[];
  /** `isOrphan`: nobody wants it, and it may still speak. */
  channels: { provider: ProviderName; state: string; keyId: string; isOrphan: boolean; count: number }[];
  quarantine: { code: string; count: number }[];
  /** Of the audits that ended within the last day. */
  audits: { provider: ProviderName; seen: number; differences: number }[];
  /**
   * Writes that are not done, without those that go with another one. `held`: laid down by the loop brake. `oldest`: when
   * the first of those was wished for that may leave; null: none may.
   */
  writes: { provider: ProviderName; state: string; count: number; held: number; oldest: string | null }[];
  /** Open ones. */
  conflicts: { provider: ProviderName; count: number }[];
  stops: { fleet: boolean; accounts: number };
}

/** @param at ages are told from here */
export async function takeCensus(tx: Transaction, at: Date): Promise<Census> {
  return {
    calendars: await tx.$queryRaw<Census['calendars']>`
      select provider, state, coverage, account_active and state not in ('paused', 'gone') as "isWanted",
        push_refused_at is null as "isPushable",
        case
          when last_synced_at is null then 'never'
          when last_synced_at >= ${at}::timestamptz - interval '5 minutes' then '5m'
          when last_synced_at >= ${at}::timestamptz - interval '15 minutes' then '15m'
          when last_synced_at >= ${at}::timestamptz - interval '1 hour' then '1h'
          when last_synced_at >= ${at}::timestamptz - interval '6 hours' then '6h'
          when last_synced_at >= ${at}::timestamptz - interval '1 day' then '1d'
          else 'older'
        end as age,
        count(*)::integer as count
      from calendars where active group by 1, 2, 3, 4, 5, 6`,
    accounts: await tx.$queryRaw<Census['accounts']>`
      select provider, status, count(*)::integer as count from calendar_accounts group by 1, 2`,
    channels: await tx.$queryRaw<Census['channels']>`
      select provider, state, signing_key_id as "keyId",
        state = 'abandoned' or (state in ('creating', 'active', 'retired') and calendar_id is null) as "isOrphan",
        count(*)::integer as count
      from calendar_sync_channels group by 1, 2, 3, 4`,
    quarantine: await tx.$queryRaw<Census['quarantine']>`
      select code, count(*)::integer as count from calendar_quarantine group by 1`,
    audits: await tx.$queryRaw<Census['audits']>`
      select c.provider, sum(a.seen)::float8 as seen, sum(a.differences)::float8 as differences
      from calendar_audits a join calendars c on c.id = a.calendar_id
      where a.finished_at > ${at}::timestamptz - interval '1 day' and a.outcome = 'completed' group by 1`,
    writes: await tx.$queryRaw<Census['writes']>`
      select c.provider, w.state, count(*)::integer as count, (count(*) filter (where ${isHeldByBrake}))::integer as held,
        to_json(min(w.created_at) filter (where w.state in ('pending', 'pushing') and c.active and c.account_active
          and c.state not in ('gone', 'paused') and not ${areWritesStopped(Prisma.sql`w.account_id`)})) as oldest
      from calendar_writes w join calendars c on c.id = w.calendar_id
      where w.state in ${unsettledStates} and w.folded_into is null group by 1, 2`,
    conflicts: await tx.$queryRaw<Census['conflicts']>`
      select c.provider, count(*)::integer as count
      from calendar_sync_conflicts s join calendars c on c.id = s.calendar_id where s.status = 'open' group by 1`,
    stops: await readStops(tx),
  };
}

export interface KeptCensus {
  takenAt: Date;
  census: Census;
}

/** The last one that any worker took. */
export async function readCensus(tx: Transaction): Promise<KeptCensus | null> {
  const rows = await tx.$queryRaw<{ taken_at: Date | null; counts: Census | null }[]>`
    select taken_at, counts from calendar_census`;
  const row = rows[0];
  return row?.taken_at && row.counts ? { takenAt: row.taken_at, census: row.counts } : null;
}

/** Which worker takes the next one: compare-and-set, as every lease by the database's clock. @returns whether it is us */
export async function claimCensus(
  tx: Transaction,
  { takenBefore, leaseSeconds }: { takenBefore: Date; leaseSeconds: number },
): Promise<boolean> {
  await tx.$executeRaw`insert into calendar_census default values on conflict do nothing`;
  const won = await tx.$executeRaw`
    update calendar_census set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
     where (taken_at is null or taken_at <= ${takenBefore})
       and (lease_until is null or lease_until < clock_timestamp())`;
  return won > 0;
}

export async function keepCensus(tx: Transaction, { takenAt, census }: KeptCensus): Promise<void> {
  await tx.$executeRaw`
    update calendar_census
       set taken_at = ${takenAt}, counts = ${JSON.stringify(census)}::jsonb, lease_until = null`;
}

/** Channels that run out first are looked at up to this many; some of them may belong to calendars that lie idle. */
const soonestMax = 1_000;

/** When the first channel of a calendar that is to be pulled runs out, by provider. Absent: none within the first ones. */
export async function soonestExpiries(
  tx: Transaction,
): Promise<{ provider: ProviderName; expiresAt: Date }[]> {
  return tx.$queryRaw<{ provider: ProviderName; expiresAt: Date }[]>`
    select s.provider, min(s.expires_at) as "expiresAt"
    from unnest('{google,microsoft,memory}'::text[]) as p (provider)
    cross join lateral (
      select s.provider, s.calendar_id, s.expires_at from calendar_sync_channels s
       where s.state = 'active' and s.provider = p.provider order by s.expires_at limit ${soonestMax}
    ) s
    join calendars c on c.id = s.calendar_id
    where c.active and c.account_active and c.state not in ('paused', 'gone')
    group by 1`;
}

/**
 * Between the oldest transaction that still runs and the next number to be given: equal when nothing that writes is
 * running. Readers of the feed stop below the oldest.
 */
export async function readHorizon(tx: Transaction): Promise<{ oldest: bigint; next: bigint }> {
  const rows = await tx.$queryRaw<{ oldest: string; next: string }[]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as oldest,
           pg_snapshot_xmax(pg_current_snapshot())::text as next`;
  const [row] = rows;
  if (!row) throw new Error('Postgres told nothing of its snapshot.');
  return { oldest: BigInt(row.oldest), next: BigInt(row.next) };
}
