/**
 * Occurrences by slot. Graph knows them by ids that only its lists tell, so a slot is looked for among the instances of
 * its series. https://learn.microsoft.com/graph/api/event-list-instances
 */
import { originalStartOf, slotOf, SyncError } from '@calfleet/domain';
import type { ProviderSession, SeriesSlot, Slot, Window } from '@calfleet/domain';
import { textOf, type Json } from '../json.ts';
import { UnreadableTime } from '../wall-time.ts';
import { ask, type GraphCalls } from './call.ts';
import { spanOf } from './changes.ts';
import type { GraphAnswer } from './errors.ts';
import { INSTANCE_FIELDS, INSTANCES_PER_PAGE, readPages } from './reads.ts';
import { eventIn, eventPath } from './series.ts';
import { readInstanceBounds, readSlot } from './times.ts';

export interface FoundOccurrence {
  /** The occurrence, whole, or the exception that stands in its slot. */
  occurrence: Json;
  id: string;
  series: Json;
}

/** @throws remote_missing there is no such occurrence, or no series any more */
export async function findOccurrence(
  calls: GraphCalls,
  session: ProviderSession,
  { providerCalendarId, slot: wanted }: { providerCalendarId: string; slot: SeriesSlot },
): Promise<FoundOccurrence> {
  const { providerSeriesId, slot } = wanted;
  const path = eventPath(providerCalendarId, providerSeriesId);
  const series = eventIn(await readOne(calls, session, path), calls.clock.now());
  if (series?.['type'] !== 'seriesMaster') throw missing();
  const find = async (days: number, query: string): Promise<Json | undefined> => {
    const at = `${path}/instances?${spanOf(spanAround(slot, days))}${query}`;
    const instances = await readPages(calls, session, await readOne(calls, session, at));
    return instances.find((instance) => slotOfInstance(instance, providerSeriesId, series) === slot);
  };
  const near = await find(1, '');
  if (near) return withId(near, series);
  // Deleted, or an exception that was moved further than a day.
  const moved = await find(
    MOVED_DAYS_MAX,
    `&$select=${INSTANCE_FIELDS},originalStart&$top=${INSTANCES_PER_PAGE}`,
  );
  const id = textOf(moved?.['id']);
  const whole = id === null ? null : await readOne(calls, session, eventPath(providerCalendarId, id));
  const exception = whole && eventIn(whole, calls.clock.now());
  if (!exception) throw missing();
  return withId(exception, series);
}

const readOne = (calls: GraphCalls, session: ProviderSession, at: string): Promise<GraphAnswer> =>
  ask(calls, session, { operation: 'readEvents', method: 'GET', at });

/** An exception stays between its neighbours; Graph lists 1,825 days at most. https://learn.microsoft.com/graph/api/event-update */
const MOVED_DAYS_MAX = 900;
const DAY_MS = 86_400_000;

/** Days are looked for as if in UTC: a day is more than any zone is away. @throws remote_missing what is no slot */
function spanAround(slot: Slot, days: number): Window {
  const start = originalStartOf(slot, 'UTC');
  if (start === null || start.kind === 'floating') throw missing();
  const at = Date.parse(start.kind === 'date' ? start.date : start.instant);
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { start: iso(at - days * DAY_MS), end: iso(at + (days + 1) * DAY_MS) };
}

/** null: it does not say. */
function slotOfInstance(instance: Json, seriesId: string, series: Json): Slot | null {
  try {
    return instance['type'] === 'exception'
      ? readSlot(instance, seriesId, series).slot
      : slotOf(readInstanceBounds(instance, series).start);
  } catch (thrown) {
    if (thrown instanceof UnreadableTime) return null;
    throw thrown;
  }
}

function withId(occurrence: Json, series: Json): FoundOccurrence {
  const id = textOf(occurrence['id']);
  if (id === null) throw missing();
  return { occurrence, id, series };
}

const missing = (): SyncError =>
  new SyncError('remote_missing', 'there is no such occurrence at Graph any more');
