/**
 * "This and following": the series ends before an occurrence, and another one goes on from there. Providers have no word
 * for it, so it is several writes in order: the series is told first, then its continuation, then what was changed or
 * called off among its days, which is kept.
 */
import {
  newId,
  splitSeries,
  type EventId,
  type EventPatch,
  type SplitSeries,
  type WritableFields,
} from '@calfleet/domain';
import { freeSlot, readPushed, unsettledWrites, type StoredEvent, type Transaction } from '@calfleet/db';
import { carryDays, changedDays, exceptionsOf, withoutFields } from './changed-days.ts';
import { storedFields, writableOf } from './event-row.ts';
import type { LocalWriteDeps, Written, WrittenCalendar } from './local-row.ts';
import { originalStart, plainOccurrence } from './occurrence-fields.ts';
import type { Occurrence } from './write-occurrence.ts';
import { writeChange, writeDeletion, writeNewEvent } from './write.ts';

/** @returns as {@link splitSeries} */
export function splitAt(
  { zones }: Pick<LocalWriteDeps, 'zones'>,
  { series, slot }: Pick<Occurrence, 'series' | 'slot'>,
): SplitSeries | null {
  const fields = storedFields(series);
  return splitSeries(fields, originalStart(fields.start, slot), zones);
}

export interface Following {
  occurrence: Occurrence;
  split: SplitSeries;
  /** What the occurrence and those after it become; null: they do not take place. */
  patch: EventPatch | null;
}

/**
 * @param following its split with something before it: else it is a write of the whole series
 * @returns the write of the series that goes on; of the one that ends, where nothing does
 * @throws SyncError `invalid_input` too many of its days were changed
 */
export async function writeFollowing(
  tx: Transaction,
  given: LocalWriteDeps,
  calendar: WrittenCalendar,
  { occurrence, split, patch }: Following,
): Promise<Written> {
  const { series, slot } = occurrence;
  // One moment for all of it: by it, what was cut off together is found again.
  const at = given.clock.now();
  const deps = { ...given, clock: { now: () => at } };
  const exceptions = await exceptionsOf(tx, series, slot);
  const days = patch ? await changedDays(tx, deps, { series, slot, lines: split.after, exceptions }) : [];
  for (const exception of exceptions) {
    // Its provider finds no such day by the time that it hears of it: nothing is called off there.
    const isUnheard = exception.provider_event_id === null && (await isWaiting(tx, exception));
    if (exception.deleted_at === null) await writeDeletion(tx, deps, calendar, exception);
    if (isUnheard) await freeSlot(tx, exception.id);
  }
  const eventId = newId<EventId>();
  const ended = await writeChange(tx, deps, calendar, {
    event: series,
    patch: { recurrence: split.before },
    ends: { before: slot, continuedBy: eventId },
  });
  if (!ended) throw new Error('A series was cut, and did not change.');
  if (!patch) return ended;
  const plain = plainOccurrence(series, slot, null);
  const next: WritableFields = { ...writableOf(plain), recurrence: split.after, ...patch };
  const begun = await writeNewEvent(tx, deps, calendar, next, { eventId, cameOf: series.id });
  const continued = await readPushed(tx, eventId);
  const own = days.map((day) => (day.slot === slot ? withoutFields(day, patch) : day));
  await carryDays(tx, deps, calendar, {
    series: continued,
    days: own,
    moved: { from: plain.start, to: next.start },
  });
  return begun;
}

/** Not every provider names the days that were called off, so a name alone does not say whether it was told. */
const isWaiting = async (tx: Transaction, { id }: StoredEvent): Promise<boolean> =>
  (await unsettledWrites(tx, [id])).length > 0;
