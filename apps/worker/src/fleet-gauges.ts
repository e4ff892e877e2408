/**
 * Gauges over the database, read when somebody scrapes, at most every 15 s. What reads whole tables is taken once a minute
 * by one worker and told by all. A scrape neither fails nor waits for a database in trouble: then the gauges are absent,
 * and a line says so.
 */
import {
  claimCensus,
  keepCensus,
  listSchedules,
  readCensus,
  readHorizon,
  soonestExpiries,
  takeCensus,
  type Census,
  type Database,
  type KeptCensus,
} from '@calfleet/db';
import type { Clock, ProviderName } from '@calfleet/domain';
import { metricLabels, type Logger, type Metrics } from '@calfleet/telemetry';

export interface FleetGaugesDeps {
  db: Database;
  clock: Clock;
  metrics: Metrics;
  logger: Logger;
}

export interface FleetGauges {
  /** Resolves as soon as the gauges are fresh enough, or after two seconds with what there is. Never throws. */
  refresh(): Promise<void>;
}

const freshMs = 15_000;
const censusMs = 60_000;
/** Whoever took it last may have died; an older one says nothing about now. */
const censusOldestMs = 300_000;
/** Several times as long as a million calendars take; see packages/db/src/fleet-metrics.ts. */
const censusLeaseSeconds = 30;
const waitMs = 2_000;
const readTimeoutMs = 10_000;

export function createFleetGauges(deps: FleetGaugesDeps): FleetGauges {
  const { clock, metrics, logger } = deps;
  const horizon = createHorizonLag();
  let readAt: number | null = null;
  let reading: Promise<void> | null = null;

  const read = async (): Promise<void> => {
    try {
      const now = clock.now();
      const [beat, census] = await Promise.all([readBeat(deps), currentCensus(deps, now)]);
      clear(metrics);
      tellBeat(metrics, beat, now);
      metrics.feedHorizonLag.set(horizon(beat.horizon, now));
      if (census) tellCensus(metrics, census.census, now);
      else logger.warn('No worker has counted the fleet lately; its gauges are left out');
    } catch (error) {
      clear(metrics);
      logger.warn('The fleet could not be counted; its gauges are left out', { error });
    }
  };
  return {
    refresh: async () => {
      const now = clock.now().getTime();
      if (reading === null && (readAt === null || now - readAt >= freshMs)) {
        readAt = now;
        reading = read().finally(() => (reading = null));
      }
      if (reading) await Promise.race([reading, timeUp()]);
    },
  };
}

const timeUp = (): Promise<void> =>
  new Promise((resolve) => AbortSignal.timeout(waitMs).addEventListener('abort', () => resolve()));

const readBeat = ({ db }: FleetGaugesDeps) =>
  db.transaction({ role: 'worker', timeoutMs: readTimeoutMs }, async (tx) => ({
    horizon: await readHorizon(tx),
    schedules: await listSchedules(tx),
    soonest: await soonestExpiries(tx),
  }));

type Beat = Awaited<ReturnType<typeof readBeat>>;

/** @returns null: there is none that is worth telling */
async function currentCensus({ db }: FleetGaugesDeps, now: Date): Promise<KeptCensus | null> {
  const options = { role: 'worker', timeoutMs: readTimeoutMs } as const;
  const ageOf = (census: KeptCensus) => now.getTime() - census.takenAt.getTime();
  const kept = await db.transaction(options, readCensus);
  if (kept && ageOf(kept) < censusMs) return kept;
  const takenBefore = new Date(now.getTime() - censusMs);
  const isOurs = await db.transaction(options, (tx) =>
    claimCensus(tx, { takenBefore, leaseSeconds: censusLeaseSeconds }),
  );
  if (!isOurs) return kept && ageOf(kept) < censusOldestMs ? kept : null;
  const census = await db.transaction({ ...options, timeoutMs: censusLeaseSeconds * 1_000 }, (tx) =>
    takeCensus(tx, now),
  );
  await db.transaction(options, (tx) => keepCensus(tx, { takenAt: now, census }));
  return { takenAt: now, census };
}

/** For how long the same transaction has been the oldest one: seen twice, it has run that long at least. */
function createHorizonLag(): (seen: Beat['horizon'], now: Date) => number {
  let held: { oldest: bigint; since: number } | null = null;
  return ({ oldest, next }, now) => {
    if (oldest >= next) held = null;
    else if (held?.oldest !== oldest) held = { oldest, since: now.getTime() };
    return held === null ? 0 : Math.max(0, now.getTime() - held.since) / 1_000;
  };
}

function clear(metrics: Metrics): void {
  const { calendars, calendarsStale, channelCoverage, channels, channelsPerKey, channelExpiryMin } = metrics;
  const { channelOrphans, connectionState, divergence, quarantineRows, tickLastSuccess } = metrics;
  const labelled = [calendars, calendarsStale, channelCoverage, channels, channelsPerKey, channelExpiryMin];
  const rest = [channelOrphans, connectionState, divergence, quarantineRows, tickLastSuccess];
  const { writes, writesHeld, writeOldestAge, conflictsOpen, writesStopped } = metrics;
  const written = [writes, writesHeld, writeOldestAge, conflictsOpen, writesStopped];
  for (const gauge of [...labelled, ...rest, ...written]) gauge.reset();
  metrics.feedHorizonLag.remove();
}

function tellBeat(metrics: Metrics, { schedules, soonest }: Beat, now: Date): void {
  for (const { name, succeeded_at } of schedules) {
    if (succeeded_at) metrics.tickLastSuccess.set({ tick: name }, succeeded_at.getTime() / 1_000);
  }
  for (const { provider, expiresAt } of soonest) {
    metrics.channelExpiryMin.set({ provider }, (expiresAt.getTime() - now.getTime()) / 1_000);
  }
}

function tellCensus(metrics: Metrics, census: Census, now: Date): void {
  tellCalendars(metrics, census.calendars);
  tellWrites(metrics, census, now);
  for (const [{ provider, state }, count] of sums(census.channels, ({ provider, state }) => ({
    provider,
    state,
  }))) {
    metrics.channels.set({ provider, state }, count);
  }
  const heard = census.channels.filter(({ state }) => ['creating', 'active', 'retired'].includes(state));
  for (const [{ provider, keyId }, count] of sums(heard, ({ provider, keyId }) => ({ provider, keyId }))) {
    metrics.channelsPerKey.set({ provider, key_id: keyId }, count);
  }
  for (const [{ provider }, count] of sums(
    census.channels,
    ({ provider }) => ({ provider }),
    (row) => row.isOrphan,
  )) {
    metrics.channelOrphans.set({ provider }, count);
  }
  for (const { provider } of census.accounts) {
    for (const state of metricLabels.connectionStates) metrics.connectionState.set({ provider, state }, 0);
  }
  for (const { provider, status, count } of census.accounts) {
    metrics.connectionState.set({ provider, state: status }, count);
  }
  for (const code of metricLabels.quarantineCodes) metrics.quarantineRows.set({ code }, 0);
  for (const { code, count } of census.quarantine) metrics.quarantineRows.set({ code }, count);
  for (const { provider, seen, differences } of census.audits) {
    // More can differ than was listed: what the provider has not is a difference, too.
    if (seen + differences > 0)
      metrics.divergence.set({ provider }, differences / Math.max(seen, differences));
  }
}

/** Providers are those with accounts: 0 is told of what they have none of. */
function tellWrites(metrics: Metrics, { accounts, writes, conflicts, stops }: Census, now: Date): void {
  for (const { provider } of accounts) {
    for (const state of metricLabels.writeStates) metrics.writes.set({ provider, state }, 0);
    metrics.writesHeld.set({ provider }, 0);
    metrics.conflictsOpen.set({ provider }, 0);
  }
  for (const { provider, state, count } of writes) metrics.writes.set({ provider, state }, count);
  const held = writes.map(({ provider, held }) => ({ provider, count: held }));
  for (const [labels, count] of sums(held, ({ provider }) => ({ provider })))
    metrics.writesHeld.set(labels, count);
  for (const [provider, oldest] of oldestWrites(writes)) {
    metrics.writeOldestAge.set({ provider }, Math.max(0, now.getTime() - oldest) / 1_000);
  }
  for (const { provider, count } of conflicts) metrics.conflictsOpen.set({ provider }, count);
  metrics.writesStopped.set({ scope: 'fleet' }, stops.fleet ? 1 : 0);
  metrics.writesStopped.set({ scope: 'account' }, stops.accounts);
}

/** In milliseconds, over the states of a provider's writes. */
function oldestWrites(writes: Census['writes']): Map<ProviderName, number> {
  const oldest = new Map<ProviderName, number>();
  for (const write of writes) {
    if (write.oldest === null) continue;
    const at = Date.parse(write.oldest);
    oldest.set(write.provider, Math.min(oldest.get(write.provider) ?? at, at));
  }
  return oldest;
}

function tellCalendars(metrics: Metrics, rows: Census['calendars']): void {
  const byState = sums(rows, ({ provider, state, coverage }) => ({ provider, state, coverage }));
  for (const [labels, count] of byState) metrics.calendars.set(labels, count);
  const wanted = rows.filter((row) => row.isWanted);
  const planOf = (row: Census['calendars'][number]) => (row.isPushable ? 'push' : 'poll');
  for (const [{ provider, plan }] of sums(wanted, (row) => ({ provider: row.provider, plan: planOf(row) }))) {
    for (const bucket of metricLabels.ages) metrics.calendarsStale.set({ provider, plan, bucket }, 0);
  }
  const aged = sums(wanted, (row) => ({ provider: row.provider, plan: planOf(row), bucket: row.age }));
  for (const [labels, count] of aged) metrics.calendarsStale.set(labels, count);
  const pushable = wanted.filter((row) => row.isPushable);
  const all = new Map(
    sums(pushable, ({ provider }) => ({ provider })).map(([{ provider }, n]) => [provider, n]),
  );
  const covered = sums(
    pushable,
    ({ provider }) => ({ provider }),
    (row) => row.coverage === 'push',
  );
  for (const [{ provider }, count] of covered) {
    metrics.channelCoverage.set({ provider }, count / (all.get(provider) ?? count));
  }
}

/** Counts by some of their columns. @param counts which rows add to the sum; those that do not still name their group */
function sums<Row extends { count: number }, Key extends Record<string, string>>(
  rows: readonly Row[],
  keyOf: (row: Row) => Key,
  counts: (row: Row) => boolean = () => true,
): [Key, number][] {
  const byKey = new Map<string, [Key, number]>();
  for (const row of rows) {
    const key = keyOf(row);
    const name = JSON.stringify(key);
    const [, before] = byKey.get(name) ?? [key, 0];
    byKey.set(name, [key, before + (counts(row) ? row.count : 0)]);
  }
  return [...byKey.values()];
}
