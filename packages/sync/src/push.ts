/**
 * Tells the provider what was written here: one write at a time per calendar, in order, each upon the version that it was
 * made on. Every step may be repeated: what was done already is recognised by its write id or by what the event holds.
 */
import {
  asSyncError,
  SyncError,
  type CalendarId,
  type EventTime,
  type RemoteItem,
  type SyncErrorCode,
  type WrittenEvent,
} from '@calfleet/domain';
import {
  acquirePush,
  forgetConflicts,
  isPushing,
  isWritePending,
  keepPush,
  markDirty,
  nameEvent,
  putOffWrite,
  readPushed,
  recheckEvent,
  rebaseWrite,
  releasePush,
  requestFullRound,
  settleWrite,
  stampWritten,
  takeEvidence,
  takeWrite,
  unsettledWrites,
  type Evidence,
  type PushLease,
  type StoredEvent,
  type Transaction,
  type WriteError,
  type WriteRow,
} from '@calfleet/db';
import type { metricLabels } from '@calfleet/telemetry';
import { sortItems, storeItems } from './apply.ts';
import { openConflict } from './collisions.ts';
import { deleteWhatever } from './delete-whatever.ts';
import type { SyncDeps } from './deps.ts';
import { storedFields, writableOf } from './event-row.ts';
import { storeHalving } from './halve.ts';
import { sayable } from './pull-failure.ts';
import { ring, ringPush, ringRecheck } from './ring.ts';
import { providerOf } from './provider-of.ts';
import { takeBack } from './write.ts';
import { makeAnew, standAlone } from './write-revival.ts';
import { brakeAccount, brakeWrite } from './write-brake.ts';

/** One job's worth; whoever has more to say rings again. */
const writesMax = 100;
/** So often somebody else's change may come in between; then a person decides. */
const roundsMax = 3;
const firstBackoffMs = 2_000;
const backoffMaxMs = 15 * 60_000;

/** `busy`: somebody else pushes, or nobody may. `more`: there is more to push at once. */
export type PushResult = 'busy' | 'done' | 'more';

/** @throws SyncError what the queue has to know; the write that met it waits for its turn again */
export async function pushCalendar(
  deps: SyncDeps,
  calendarId: CalendarId,
  signal: AbortSignal,
): Promise<PushResult> {
  const lease = await deps.db.transaction({ role: 'worker' }, (tx) => acquire(deps, tx, calendarId));
  if (!lease) return 'busy';
  try {
    for (let writes = 0; writes < writesMax && !signal.aborted; writes += 1) {
      const taken = await take(deps, lease);
      if (!taken) break;
      if (taken !== 'held') await push(deps, lease, taken);
    }
  } finally {
    await deps.db.transaction({ role: 'worker' }, (tx) => releasePush(tx, lease));
  }
  // What waits for later is rung for by whoever put it off, and by the drain.
  const isMore = await deps.db.transaction({ role: 'worker' }, (tx) =>
    isWritePending(tx, calendarId, deps.clock.now()),
  );
  if (isMore) await ringPush(deps, calendarId);
  return isMore ? 'more' : 'done';
}

/** null: somebody else pushes, or nobody is to write there. */
async function acquire(deps: SyncDeps, tx: Transaction, calendarId: CalendarId): Promise<PushLease | null> {
  const lease = await acquirePush(tx, calendarId);
  // What leaves was asked for by a person, once.
  if (!lease || lease.isLeaving || !(await brakeAccount(deps, tx, lease))) return lease;
  await releasePush(tx, lease);
  return null;
}

interface Taken {
  write: WriteRow;
  event: StoredEvent;
  /** Of the calendar's evidence, before the provider is asked. */
  writeSeq: bigint;
}

const take = (deps: SyncDeps, lease: PushLease): Promise<Taken | 'held' | null> =>
  deps.db.transaction({ role: 'worker' }, async (tx) => {
    const { writeSeq } = await keepPush(tx, lease);
    const write = await takeWrite(tx, lease.calendarId, deps.clock.now());
    if (!write) return null;
    if (!lease.isLeaving && (await brakeWrite(deps, tx, write))) return 'held';
    return { write, event: await readPushed(tx, write.event_id), writeSeq };
  });

async function push(deps: SyncDeps, lease: PushLease, taken: Taken): Promise<void> {
  let item: RemoteItem | null;
  try {
    item = await send(deps, lease, taken);
  } catch (thrown) {
    return fail(deps, lease, taken, asSyncError(thrown));
  }
  await withLease(deps, lease, (tx) => answered(deps, tx, lease, { ...taken, item }));
}

/** @returns the event as the provider has it now; null: deleted */
async function send(deps: SyncDeps, lease: PushLease, { write, event }: Taken): Promise<RemoteItem | null> {
  const provider = providerOf(deps, lease);
  const session = deps.sessions.open({
    accountId: lease.accountId,
    provider: lease.provider,
    urgency: 'user',
    looksUp: true,
  });
  const where = { providerCalendarId: lease.providerCalendarId, calendarTimeZone: lease.timeZone };
  if (write.op === 'create') {
    const fields = { ...writableOf(storedFields(event)), ...write.patch };
    return provider.createEvent(session, { ...where, writeId: write.id, fields });
  }
  const target = { ...where, event: namedAs(event, write), providerVersion: write.base_version };
  if (write.op === 'delete') {
    const sent = lease.isLeaving
      ? deleteWhatever(provider, session, { ...target, clock: deps.clock })
      : provider.deleteEvent(session, target);
    await sent.catch(unlessMissing);
    return null;
  }
  const { patch } = write;
  const whole = { ...writableOf(storedFields(event)), ...patch };
  return { type: 'event', event: await provider.updateEvent(session, { ...target, patch, whole }) };
}

/**
 * What the provider calls it: its answer to the creation said so, and that leaves first. An occurrence that nobody has changed
 * goes by its slot.
 */
function namedAs(event: StoredEvent, { base_version: baseVersion }: WriteRow): WrittenEvent {
  const { provider_event_id: providerEventId, provider_series_id: providerSeriesId, slot } = event;
  if (event.local_series_id !== null) {
    throw new SyncError('request_rejected', 'The provider does not have the series of this occurrence');
  }
  if (providerSeriesId !== null && slot !== null && (providerEventId === null || baseVersion === null)) {
    const originalStart = event.original_start as EventTime;
    return { occurrence: { providerSeriesId, slot, originalStart } };
  }
  if (providerEventId !== null) return { providerEventId };
  throw new SyncError('bug', 'A write about an event that its provider does not know.');
}

/** What is gone already is deleted. */
function unlessMissing(thrown: unknown): void {
  if (asSyncError(thrown).code !== 'remote_missing') throw thrown;
}

/** Stores what the provider answered: newer than any page asked for before, and the base of what is still to be written. */
async function answered(
  deps: SyncDeps,
  tx: Transaction,
  lease: PushLease,
  { write, event, writeSeq, item }: Taken & { item: RemoteItem | null },
): Promise<void> {
  const at = deps.clock.now();
  const evidence: Evidence = {
    calendarId: lease.calendarId,
    userId: lease.userId,
    accountId: lease.accountId,
    writeSeq,
    ...(await takeEvidence(tx, lease.calendarId)),
    at,
    origin: 'provider',
  };
  await settleWrite(tx, write.id, { state: 'applied', error: null, at });
  count(deps, lease, 'applied');
  if (!item) {
    await forgetConflicts(tx, event.id, at);
    return stampWritten(tx, event.id, evidence.writtenSeq);
  }
  const { providerEventId } = item.type === 'event' ? item.event : item;
  if (event.provider_event_id !== providerEventId) await nameEvent(tx, event.id, providerEventId);
  // A creation that was sent before may be answered with what became of it since: that is merged like any page.
  if (item.type === 'event' && !(write.op === 'create' && write.attempts > 1)) {
    // Nobody came in between, so what is still to be written is written upon this, however it was rewritten there.
    const base = writableOf(item.event.fields);
    for (const later of await unsettledWrites(tx, [event.id])) {
      if (later.state !== 'pending') continue;
      await rebaseWrite(tx, { ...later, base, base_version: item.event.providerVersion }, at);
    }
  }
  const windowed = providerOf(deps, lease).windowed;
  const { revived } = await storeItems(tx, evidence, sortItems([item]), {
    store: storeHalving,
    hasQuarantine: false,
    look: windowed ? { id: write.id, roundId: null } : null,
  });
  // The days of a series that were changed do not come with it.
  if (revived) await requestFullRound(tx, lease.calendarId);
}

/** Asked again at growing distances. */
const later = new Set<SyncErrorCode>([
  'provider_unavailable',
  'rate_limited',
  'cursor_expired',
  'lease_lost',
]);

async function fail(deps: SyncDeps, lease: PushLease, taken: Taken, error: SyncError): Promise<void> {
  const { write, event } = taken;
  const { calendarId } = lease;
  const at = deps.clock.now();
  const isNamed = event.provider_event_id !== null;
  const said = { code: error.code, message: sayable(error) };
  deps.logger.warn('A write did not go through', {
    calendar_id: calendarId,
    write_id: write.id,
    code: error.code,
    error: error.message,
    ...error.context,
  });
  if (error.code === 'remote_missing' && write.revives) return standInstead(deps, lease, taken);
  const isMoved = error.code === 'version_conflict' || error.code === 'remote_missing';
  if (isMoved && write.rounds < roundsMax) {
    count(deps, lease, 'moved');
    // Read again by itself, what is there meets the write: the cursor may have passed it already.
    await withLease(deps, lease, async (tx) => {
      const notBefore = new Date(at.getTime() + firstBackoffMs);
      await putOffWrite(tx, write.id, { notBefore, error: said, at, isRound: true });
      await (isNamed ? recheckEvent(tx, event.id, at) : markDirty(tx, calendarId));
    });
    await (isNamed ? ringRecheck(deps, calendarId) : ring(deps, calendarId, 'user'));
    return ringPush(deps, calendarId, { delayMs: firstBackoffMs });
  }
  if (later.has(error.code) || error.code === 'credentials_revoked') {
    count(deps, lease, 'put_off');
    const waitMs = error.retryAfterMs ?? Math.min(firstBackoffMs * 2 ** (write.attempts - 1), backoffMaxMs);
    await withLease(deps, lease, (tx) =>
      putOffWrite(tx, write.id, { notBefore: new Date(at.getTime() + waitMs), error: said, at }),
    );
    // A grant that is dead is told by the pull, once.
    if (error.code === 'credentials_revoked') await ring(deps, calendarId, 'user');
    throw error;
  }
  if (isMoved && write.op !== 'create') return giveUp(deps, lease, taken, said);
  count(deps, lease, 'parked');
  await withLease(deps, lease, (tx) => settleWrite(tx, write.id, { state: 'parked', error: said, at }));
}

/** The slot stays empty there: what was to take place in it does so as an event of its own. */
async function standInstead(deps: SyncDeps, lease: PushLease, { write, event }: Taken): Promise<void> {
  const at = deps.clock.now();
  await withLease(deps, lease, async (tx) => {
    await standAlone(tx, { ...event, slot_cancelled: true });
    await makeAnew(tx, write, at);
  });
}

/** Somebody else was faster each time: a person decides, or the strategy once they are done. */
async function giveUp(
  deps: SyncDeps,
  lease: PushLease,
  { write, event }: Taken,
  error: WriteError,
): Promise<void> {
  const at = deps.clock.now();
  await withLease(deps, lease, async (tx) => {
    // Who brought what came in between may have brought the decision, too.
    if (!(await isPushing(tx, write.id))) return;
    const there = error.code === 'remote_missing' ? null : write.base;
    await openConflict(tx, { ...lease, at }, { write, there, error });
    // Until somebody decides, what the provider has now is shown, and stands in the conflict.
    await recheckEvent(tx, event.id, at);
    if (there === null && event.provider_event_id === null) {
      const { calendarId: id, userId, accountId } = lease;
      await takeBack(tx, deps, { id, userId, accountId }, await readPushed(tx, event.id), { isGone: true });
    }
  });
  count(deps, lease, 'conflict');
  await ringRecheck(deps, lease.calendarId);
}

const count = (
  { metrics }: SyncDeps,
  { provider }: PushLease,
  outcome: (typeof metricLabels.writeOutcomes)[number],
): void => metrics.writesSent.inc({ provider, outcome });

const withLease = (
  deps: SyncDeps,
  lease: PushLease,
  work: (tx: Transaction) => Promise<void>,
): Promise<void> =>
  // Locked as an edit locks it: whoever edits locks the event before its writes.
  deps.db.transaction({ role: 'worker', calendars: [lease.calendarId] }, async (tx) => {
    await keepPush(tx, lease);
    await work(tx);
  });
