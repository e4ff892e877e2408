/**
 * One page, one transaction: proves the lease, stores what is there and what is gone, says it in the feed, computes
 * touched series again, and moves the round on. The last page also sweeps and saves the cursor (I1). Memory holds
 * one page, never the calendar.
 */
import {
  SyncError,
  ZoneTable,
  newId,
  nextPullAt,
  type ChangesPage,
  type RemoteEvent,
  type RemoteItem,
} from '@calfleet/domain';
import {
  advanceRound,
  deleteEvents,
  finishRound,
  isRecheckDue,
  isBadRow,
  putInQuarantine,
  releaseFromQuarantine,
  renewLease,
  requestFullRound,
  stampSeen,
  upsertEvents,
  type Applied,
  type EventRow,
  type Evidence,
  type GoneRow,
  type LeasedCalendar,
  type Look,
  type QuarantinedItem,
  type Round,
  type Transaction,
} from '@calfleet/db';
import { annotate, inSpan } from '@calfleet/telemetry';
import type { SyncDeps } from './deps.ts';
import { eventRow, goneRow } from './event-row.ts';
import { storeHalving } from './halve.ts';
import { applyInstances, type RemoteInstance } from './instances.ts';
import { meetWrites } from './meet-writes.ts';
import { looksAfter, noMoreLooks, quietPollsAfter } from './next-pull.ts';
import { providerOf } from './provider-of.ts';
import { recomputeSeries } from './series.ts';
import { sweepRound } from './sweep.ts';
import { keptOf, type Bounds } from './windows.ts';

export type PageOutcome =
  | { done: false; nextPageCursor: string; changes: number }
  | {
      done: true;
      stillDirty: boolean;
      /** Rows wait for single reads. */
      mustLook: boolean;
      /** The answer was empty although a notification came: ask again after this time. */
      lookAgainAt: Date | null;
      held: number;
      created: number;
      updated: number;
      deleted: number;
    };

/** A calendar in the middle of a round. */
export type CalendarInRound = LeasedCalendar & { round: Round };

/** @throws lease_lost this worker's time is over, or the page was applied before: nothing was changed */
export function applyPage(
  deps: SyncDeps,
  calendar: CalendarInRound,
  page: ChangesPage,
  calls: number,
): Promise<PageOutcome> {
  const facts = {
    'calfleet.calendar_id': calendar.id,
    'calfleet.provider': calendar.provider,
    'calfleet.mode': calendar.round.mode,
    'calfleet.items': page.items.length,
  };
  return inSpan('page transaction', { facts }, () => storePage(deps, calendar, page, calls));
}

async function storePage(
  deps: SyncDeps,
  calendar: CalendarInRound,
  page: ChangesPage,
  calls: number,
): Promise<PageOutcome> {
  const sorted = sortItems(page.items);
  const apply = (store: StoreEvents): Promise<PageOutcome> =>
    deps.db.transaction({ role: 'worker', calendars: [calendar.id], timeoutMs: 120_000 }, (tx) =>
      applySorted(deps, tx, calendar, { page, sorted, calls, store }),
    );
  try {
    return await apply(storeWhole);
  } catch (error) {
    if (!isBadRow(error)) throw error;
    // One bad row among good ones: once more, halving until it is found.
    return apply(storeHalving);
  }
}

/** Stores events and names the rows that Postgres refused. */
export type StoreEvents = (
  tx: Transaction,
  evidence: Evidence,
  rows: readonly EventRow[],
) => Promise<{ applied: Applied; refused: { row: EventRow; reason: string }[] }>;

const storeWhole: StoreEvents = async (tx, evidence, rows) => ({
  applied: await upsertEvents(tx, evidence, rows),
  refused: [],
});

export interface SortedItems {
  /** By provider id, what the rows are made of. */
  events: ReadonlyMap<string, RemoteEvent>;
  rows: EventRow[];
  gone: GoneRow[];
  unreadable: QuarantinedItem[];
  instances: RemoteInstance[];
  absent: string[];
}

/** The last item per id counts: a provider may name one twice, and a statement must not (21000). */
export function sortItems(items: readonly RemoteItem[]): SortedItems {
  const last = new Map<string, RemoteItem>();
  const nameless: RemoteItem[] = [];
  for (const item of items) {
    const id = item.type === 'event' ? item.event.providerEventId : item.providerEventId;
    if (id === null) nameless.push(item);
    else last.set(id, item);
  }
  const sorted = {
    events: new Map<string, RemoteEvent>(),
    rows: [],
    gone: [],
    unreadable: [],
    instances: [],
    absent: [],
  };
  for (const item of [...last.values(), ...nameless]) sortItem(sorted, item);
  return sorted;
}

function sortItem(sorted: SortedItems & { events: Map<string, RemoteEvent> }, item: RemoteItem): void {
  switch (item.type) {
    case 'event':
      sorted.events.set(item.event.providerEventId, item.event);
      sorted.rows.push(eventRow(item.event));
      break;
    case 'deleted':
      sorted.gone.push(goneRow(item));
      break;
    case 'instance':
      sorted.instances.push(item);
      break;
    case 'absent':
      sorted.absent.push(item.providerEventId);
      break;
    case 'unreadable': {
      const { providerEventId, reason, raw } = item;
      sorted.unreadable.push({ id: newId(), providerEventId, code: 'unreadable', reason, raw });
    }
  }
}

export interface StoreOptions {
  store: StoreEvents;
  hasQuarantine: boolean;
  /** Set for providers that expand series themselves: what shows their instances. */
  look: Look | null;
}

export interface Stored extends Applied {
  quarantined: QuarantinedItem[];
}

/** Stores items under evidence; used by pages of rounds and by single reads. */
export async function storeItems(
  tx: Transaction,
  evidence: Evidence,
  shown: SortedItems,
  { store, hasQuarantine, look }: StoreOptions,
): Promise<Stored> {
  const sorted = await meetWrites(tx, evidence, shown);
  const { applied, refused } = await store(tx, evidence, sorted.rows);
  const alive = sorted.rows.map((row) => row.provider_event_id);
  const gone = await deleteEvents(tx, evidence, sorted.gone, alive);
  const series = [...new Set([...applied.series, ...gone.series])];
  const bad = [...sorted.unreadable, ...refused.map(unstorable)];
  const seen = bad.flatMap((item) => item.providerEventId ?? []);
  if (seen.length > 0) await stampSeen(tx, evidence, seen);
  const cut = look ? [] : await recomputeSeries(tx, evidence, new ZoneTable(), series);
  const placed = look
    ? await applyInstances(tx, evidence, look, { shown: sorted, rows: sorted.rows, applied })
    : { updated: 0, deleted: 0 };
  if (hasQuarantine) {
    const without = (names: readonly string[], items: readonly QuarantinedItem[]): string[] => {
      const kept = new Set(items.map((item) => item.providerEventId));
      return names.filter((name) => !kept.has(name));
    };
    const readable = [
      ...alive,
      ...sorted.gone.map((row) => row.provider_event_id),
      ...sorted.instances.map((instance) => instance.providerEventId),
      // It is not shown here any more: there is nothing left to make sense of.
      ...sorted.absent,
    ];
    await releaseFromQuarantine(tx, evidence.calendarId, {
      stored: without(readable, bad),
      expanded: without(series, cut),
    });
  }
  const quarantined = [...bad, ...cut];
  await putInQuarantine(tx, { id: evidence.calendarId, userId: evidence.userId }, quarantined, evidence.at);
  return {
    created: applied.created,
    updated: applied.updated + placed.updated,
    deleted: gone.deleted + placed.deleted,
    revived: applied.revived && !look,
    series,
    quarantined,
  };
}

const unstorable = ({ row, reason }: { row: EventRow; reason: string }): QuarantinedItem => ({
  id: newId(),
  providerEventId: row.provider_event_id,
  code: 'unstorable',
  reason,
  raw: row.raw,
});

interface PageWork {
  page: ChangesPage;
  sorted: SortedItems;
  calls: number;
  store: StoreEvents;
}

async function applySorted(
  deps: SyncDeps,
  tx: Transaction,
  calendar: CalendarInRound,
  { page, sorted, calls, store }: PageWork,
): Promise<PageOutcome> {
  const { hasQuarantine, hasHeld, preferences, window } = await renewLease(tx, calendar);
  const at = deps.clock.now();
  const windowed = providerOf(deps, calendar).windowed;
  const evidence = evidenceOf(calendar, windowed ? keptOf(window) : window, at);
  const look = windowed ? { id: calendar.round.id, roundId: calendar.round.id } : null;
  const applied = await storeItems(tx, evidence, sorted, { store, hasQuarantine, look });
  const { created, updated } = applied;
  annotate({ 'calfleet.created': created, 'calfleet.updated': updated, 'calfleet.deleted': applied.deleted });
  for (const { code } of applied.quarantined) deps.metrics.quarantined.inc({ code });
  // A deletion and a return may come as one change: its exceptions are asked for once more, in full.
  if (applied.revived && calendar.round.mode === 'incremental') await requestFullRound(tx, calendar.id);
  const progress = { ...applied, seen: page.items.length, calls };
  // Guard I2: the cursor says whether there is more, never the number of items.
  if (page.nextPageCursor !== null) {
    await advanceRound(tx, calendar, { ...progress, nextPageCursor: page.nextPageCursor, at });
    const changes = created + updated + applied.deleted;
    return { done: false, nextPageCursor: page.nextPageCursor, changes };
  }
  // Guard I1.
  if (page.nextCursor === null) {
    // A list without an end is not complete: nothing may be judged absent by it (I1, I2).
    throw new SyncError('provider_unavailable', 'The last page came without a cursor.');
  }
  const seenNow = page.items.length;
  const sweep = await sweepRound(deps, tx, calendar, { evidence, seenNow, hasHeld, windowed });
  const deleted = applied.deleted + sweep.deleted;
  annotate({ 'calfleet.deleted': deleted });
  const changes = calendar.round.changes + created + updated + deleted;
  const { trigger } = calendar.round;
  // What is looked at next has changed, as far as anybody can tell.
  const mustLook = windowed && (await isRecheckDue(tx, calendar.id, at));
  const found = changes + (mustLook ? 1 : 0);
  const again = windowed ? looksAfter({ calendar, changes: found, at }) : noMoreLooks;
  const isLook = calendar.lookAgainAt !== null && calendar.lookAgainAt <= at;
  const { quietPolls: before } = calendar;
  const quietPolls = isLook ? before : quietPollsAfter({ trigger, quietPolls: before, changes: found });
  const { stillDirty } = await finishRound(tx, calendar, {
    ...progress,
    ...again,
    deleted,
    runId: newId(),
    nextCursor: page.nextCursor === '' ? null : page.nextCursor,
    state: sweep.held > 0 ? 'deletes_held' : 'active',
    heldApplied: sweep.agreedApplied,
    quietPolls,
    nextPullAt: nextPullAt(deps.zones, {
      calendarId: calendar.id,
      at,
      coverage: calendar.coverage,
      quietPolls,
      preferences,
    }),
    at,
  });
  return {
    done: true,
    stillDirty,
    mustLook,
    lookAgainAt: again.lookAgainAt,
    held: sweep.held,
    created,
    updated,
    deleted,
  };
}

function evidenceOf(calendar: CalendarInRound, kept: Bounds, at: Date): Evidence {
  return {
    calendarId: calendar.id,
    userId: calendar.userId,
    accountId: calendar.accountId,
    generation: calendar.round.generation,
    writeSeq: calendar.round.writeSeq,
    writtenSeq: 0n,
    origin: 'provider',
    windowStart: kept.start,
    windowEnd: kept.end,
    at,
  };
}
