/** What every local write is made of: whose it is, the row that shows it, and where that takes place. */
import { isDeepStrictEqual } from 'node:util';
import type {
  AccountId,
  CalendarId,
  Clock,
  EventFields,
  EventId,
  EventPatch,
  EventTime,
  Slot,
  WritableFields,
  ZoneTable,
} from '@calfleet/domain';
import {
  alignOccurrences,
  ownerOf,
  placeOccurrence,
  readPlace,
  type LocalChange,
  type LocalRow,
  type StoredEvent,
  type Transaction,
} from '@calfleet/db';
import { asIfUtc, columnsOf } from './event-row.ts';
import { isInWindow, recomputeSeries } from './series.ts';

export interface LocalWriteDeps {
  clock: Clock;
  zones: ZoneTable;
}

export interface WrittenCalendar {
  id: CalendarId;
  userId: string;
  accountId: AccountId;
}

export interface Written {
  eventId: EventId;
  writeId: string;
}

export const changeIn = ({ id, userId, accountId }: WrittenCalendar, at: Date): LocalChange => ({
  userId,
  accountId,
  calendarId: id,
  at,
});

/** What a new event has of the fields that only the provider sets. */
export const unsaid: Omit<EventFields, keyof WritableFields> = {
  icalUid: null,
  organizer: null,
  meetingUrl: null,
  eventType: 'default',
  htmlLink: null,
};

/** What a row is known by: of a new event, as far as it has it. */
export type Known = Pick<StoredEvent, 'id' | 'provider_event_id'> & Partial<StoredEvent>;

/** The row of an event that shows these fields. */
export function localRow(event: Known, fields: EventFields): LocalRow {
  const { provider_series_id: providerSeriesId, slot, original_start: originalStart } = event;
  const exceptionOf =
    providerSeriesId != null && slot != null
      ? { providerSeriesId, slot, originalStart: originalStart as EventTime }
      : null;
  const kind = exceptionOf ? 'exception' : fields.recurrence.length > 0 ? 'series' : 'single';
  return {
    ...columnsOf(kind, exceptionOf, fields),
    id: event.id,
    provider_event_id: event.provider_event_id ?? undefined,
    local_series_id: event.local_series_id ?? undefined,
    provider_updated_at: undefined,
  };
}

export const changedFields = <F extends WritableFields>(before: F, after: F): (keyof F)[] =>
  (Object.keys(after) as (keyof F)[]).filter((name) => !isDeepStrictEqual(before[name], after[name]));

export const valuesOf = <F extends WritableFields>(fields: F, names: readonly (keyof F)[]): Partial<F> =>
  Object.fromEntries(names.map((name) => [name, fields[name]])) as Partial<F>;

/** What has to change for an event to become another. Start and end are said together. */
export function patchBetween(before: WritableFields, after: WritableFields): EventPatch {
  const patch: EventPatch = valuesOf(after, changedFields(before, after));
  return patch.start || patch.end ? { ...patch, start: after.start, end: after.end } : patch;
}

/** Computes where an event that stands alone, or a series, takes place. */
export async function placeEvent(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  { id, provider_event_id: providerEventId }: Pick<StoredEvent, 'id' | 'provider_event_id'>,
): Promise<void> {
  const place = await readPlace(tx, change.calendarId);
  // A calendar that was never read shows nothing yet; its first round places what it stores.
  if (!place) return;
  await recomputeSeries(tx, { ...change, ...place }, deps.zones, [providerEventId ?? id]);
}

const placing = new Set<keyof EventFields>(['start', 'end', 'recurrence', 'status']);

/** Moves what a change moves. Where it changes no times, what its provider shows of a series stays as it is. */
export async function placeChange(
  tx: Transaction,
  deps: LocalWriteDeps,
  change: LocalChange,
  {
    event,
    after,
    fields,
  }: { event: StoredEvent; after: EventFields; fields: readonly (keyof EventFields)[] },
): Promise<void> {
  if (fields.some((field) => placing.has(field))) {
    if (event.kind !== 'exception') return placeEvent(tx, deps, change, event);
    const seriesId = await ownerOf(tx, event);
    return placeInSlot(tx, change, event, { ...slotOwned(event, seriesId), fields: after });
  }
  const transparent = after.transparency === 'transparent';
  if (fields.includes('transparency')) await alignOccurrences(tx, { id: event.id, transparent });
}

/** An exception whose series is not here stands for itself. */
export const slotOwned = (
  { id, slot }: StoredEvent,
  seriesId: EventId,
): { seriesId: EventId; slot: Slot } => ({
  seriesId,
  slot: seriesId === id ? '' : (slot ?? ''),
});

/** Puts an event, or a series' own occurrence, into a slot. `fields` null: nothing takes place there. */
export async function placeInSlot(
  tx: Transaction,
  change: LocalChange,
  { id }: { id: EventId },
  at: { seriesId: EventId; slot: Slot; fields: EventFields | null },
): Promise<void> {
  const place = await readPlace(tx, change.calendarId);
  if (!place) return;
  const { seriesId, slot, fields } = at;
  const isShown = fields !== null && isInWindow(fields, place);
  const shown = isShown && {
    startsAt: asIfUtc(fields.start),
    endsAt: asIfUtc(fields.end),
    allDay: fields.start.kind === 'date',
    floating: fields.start.kind === 'floating',
    transparent: fields.transparency === 'transparent',
  };
  await placeOccurrence(tx, change, { id, seriesId, slot }, shown || null);
}
