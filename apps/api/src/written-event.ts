/** Which event, or which occurrences of a series, a write means. */
import { z } from 'zod';
import { api, findSlot, readStoredEvent, type StoredEvent, type Transaction } from '@calfleet/db';
import {
  shiftTime,
  type CalendarId,
  type EventFields,
  type EventId,
  type EventPatch,
} from '@calfleet/domain';
import {
  isVacant,
  plainOccurrence,
  splitAt,
  storedFields,
  writeChange,
  writeDeletion,
  writeFollowing,
  writeOccurrence,
  writeOccurrenceDeletion,
  type LocalWriteDeps,
  type Occurrence,
  type Written,
  type WrittenCalendar,
} from '@calfleet/sync';
import { asUser, type Call, type Context } from './context.ts';
import { invalid, notFound } from './problems.ts';
import { isUuid } from './requests/input.ts';

const scopes = ['this', 'following', 'all'] as const;
export type Scope = (typeof scopes)[number];

export const scopeQuery = z.strictObject({
  scope: z
    .enum(scopes, { error: 'must be this, following or all' })
    .optional()
    .describe('Which occurrences are meant; with an `occurrence_id` it must be said.'),
});

export const eventOrOccurrenceId = z
  .string()
  .describe('An event id, or an `occurrence_id`.')
  .meta({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(_\\d{8}(T\\d{6}Z)?)?$' });

/** What the path and the query name. */
export interface NamedEvent {
  id: EventId;
  /** Of an occurrence id. */
  slot: string | null;
  scope: Scope;
  calendarId: CalendarId;
}

/** @throws RequestProblem `not_found`, `invalid_input` */
export async function readNamed(context: Context, call: Call, scope: Scope | undefined): Promise<NamedEvent> {
  const text = call.params['id'] ?? '';
  const cut = text.lastIndexOf('_');
  const [owner, slot] = cut < 0 ? [text, null] : [text.slice(0, cut), text.slice(cut + 1)];
  const id = owner.toLowerCase();
  if (!isUuid(id)) throw notFound();
  const row = await asUser(context, call, (tx) => api.findEvent(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  const named = { id: row.id, calendarId: row.calendar_id };
  if (slot !== null) {
    if (scope === undefined) throw invalid('scope', 'is missing: it says which occurrences are meant');
    return { ...named, slot, scope };
  }
  if (row.kind !== 'exception') {
    if (scope !== undefined && scope !== 'all')
      throw invalid('scope', `of an event is all: ${scope} needs an occurrence_id`);
    return { ...named, slot: null, scope: 'all' };
  }
  if (scope === undefined || scope === 'this') return { ...named, slot: null, scope: 'this' };
  // The others of its series: as if its occurrence had been named.
  const own = await asUser(context, call, (tx) => readStoredEvent(tx, { userId: call.userId, id: row.id }));
  if (row.series_id === null || !own?.slot)
    throw invalid('scope', 'can only be this: the series is not known here');
  return { id: row.series_id as EventId, calendarId: row.calendar_id, slot: own.slot, scope };
}

/** What is to be written. */
export interface Meant {
  /** What the caller was shown: the event, the series, or the exception that stands for the occurrence. */
  event: StoredEvent;
  occurrence: Occurrence | null;
  isGone: boolean;
}

/** @throws RequestProblem `not_found` */
export async function findMeant(tx: Transaction, { userId }: Call, { id, slot }: NamedEvent): Promise<Meant> {
  if (slot === null) {
    const event = await readStoredEvent(tx, { userId, id });
    if (!event) throw notFound();
    return { event, occurrence: null, isGone: event.deleted_at !== null };
  }
  const found = await findSlot(tx, { userId, seriesId: id, slot });
  if (!found) throw notFound();
  const { series, exception, placed } = found;
  const occurrence: Occurrence = { ...found, slot };
  if (series.deleted_at !== null) return { event: series, occurrence, isGone: true };
  if (exception === null && placed === null) throw notFound();
  const isGone = isVacant(found);
  const isChanged = exception !== null && (exception.deleted_at === null || isGone);
  return { event: isChanged ? exception : series, occurrence, isGone };
}

/** What the occurrence shows. */
export const shownBy = ({ series, exception, slot, placed }: Occurrence): EventFields =>
  exception?.deleted_at === null ? storedFields(exception) : plainOccurrence(series, slot, placed);

/** @returns null: nothing changes. @throws RequestProblem `invalid_input` */
export async function writeMeant(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { meant: { event, occurrence }, scope, patch }: { meant: Meant; scope: Scope; patch: EventPatch },
): Promise<Written | null> {
  if (!occurrence) return writeChange(tx, deps, calendar, { event, patch });
  if (scope === 'this') return writeOccurrence(tx, deps, calendar, { occurrence, patch });
  const split = scope === 'following' ? splitOf(deps, occurrence) : null;
  if (split) return writeFollowing(tx, deps, calendar, { occurrence, split, patch });
  return writeChange(tx, deps, calendar, {
    event: occurrence.series,
    patch: onSeries(deps, occurrence, patch),
  });
}

/** @throws RequestProblem `invalid_input` */
export async function deleteMeant(
  tx: Transaction,
  deps: LocalWriteDeps,
  calendar: WrittenCalendar,
  { meant: { event, occurrence }, scope }: { meant: Meant; scope: Scope },
): Promise<Written> {
  if (!occurrence) return writeDeletion(tx, deps, calendar, event);
  if (scope === 'this') return writeOccurrenceDeletion(tx, deps, calendar, occurrence);
  const split = scope === 'following' ? splitOf(deps, occurrence) : null;
  if (split) return writeFollowing(tx, deps, calendar, { occurrence, split, patch: null });
  return writeDeletion(tx, deps, calendar, occurrence.series);
}

/** @returns null: it is the first, so the whole series is meant. @throws RequestProblem `invalid_input` */
function splitOf(deps: LocalWriteDeps, occurrence: Occurrence) {
  const split = splitAt(deps, occurrence);
  if (!split)
    throw invalid('scope', 'cannot be following: the series has no single rule that could be cut here');
  return split.before.length === 0 ? null : split;
}

/** Times of an occurrence move its series by as much on the clock. */
function onSeries({ zones }: LocalWriteDeps, occurrence: Occurrence, patch: EventPatch): EventPatch {
  if (!patch.start || !patch.end) return patch;
  const [shown, series] = [shownBy(occurrence), storedFields(occurrence.series)];
  return {
    ...patch,
    start: shiftTime(series.start, { from: shown.start, to: patch.start }, zones),
    end: shiftTime(series.end, { from: shown.end, to: patch.end }, zones),
  };
}
