/**
 * Computes the occurrences of series again, from what is stored: the master's rule, less the slots that its
 * exceptions replace or cancel, and the exceptions themselves.
 */
import { RecurrenceError, expandSeries, newId, type EventTime, type ZoneTable } from '@calfleet/domain';
import {
  addOccurrences,
  readSeriesParts,
  replaceOccurrences,
  type Evidence,
  type OccurrenceRow,
  type QuarantinedItem,
  type SeriesPart,
  type Transaction,
} from '@calfleet/db';
import { asIfUtc, timesOf } from './event-row.ts';

/** One statement replaces the occurrences of this many series or rows: few enough for memory, and for other work to
 * get its turn (a rule that is cut at its limit takes 10 ms). */
const seriesPerStatement = 50;
const rowsPerStatement = 5_000;
/** Nor does the connection wait longer: 15 s idle in a transaction end it, and on a starved machine 50 slow rules took
 * that long. */
const expandingMsMax = 500;
/** All-day and floating bounds may be asked for in any zone, 14 hours off at most: their window is wider by that. */
const marginMs = 14 * 3_600_000;

/** A calendar, and the window in which its occurrences are computed. */
type Expanding = Pick<Evidence, 'calendarId' | 'userId' | 'windowStart' | 'windowEnd'>;

/** @returns what could not be expanded, or not to its end: named, and blocking nothing */
export const recomputeSeries = (
  tx: Transaction,
  evidence: Expanding,
  zones: ZoneTable,
  series: readonly string[],
): Promise<QuarantinedItem[]> =>
  expandEach(tx, evidence, { zones, series }, (calendar, owners, rows) =>
    replaceOccurrences(tx, calendar, owners, rows),
  );

/** Adds what takes place in a part of the window that is new; what the rest of it holds is left alone. @returns as above */
export const extendSeries = (
  tx: Transaction,
  part: Expanding,
  zones: ZoneTable,
  series: readonly string[],
): Promise<QuarantinedItem[]> =>
  expandEach(tx, part, { zones, series }, (calendar, _owners, rows) => addOccurrences(tx, calendar, rows));

async function expandEach(
  tx: Transaction,
  evidence: Expanding,
  { zones, series }: { zones: ZoneTable; series: readonly string[] },
  store: (
    calendar: { id: Evidence['calendarId']; userId: string },
    owners: readonly string[],
    rows: readonly OccurrenceRow[],
  ) => Promise<void>,
): Promise<QuarantinedItem[]> {
  if (series.length === 0) return [];
  const parts = await readSeriesParts(tx, evidence.calendarId, series);
  const calendar = { id: evidence.calendarId, userId: evidence.userId };
  const problems: QuarantinedItem[] = [];
  let owners: string[] = [];
  let rows: OccurrenceRow[] = [];
  let waiting = 0;
  let since = performance.now();
  for (const family of familiesOf(series, parts)) {
    owners.push(...family.map((part) => part.id));
    rows.push(...occurrencesOf(family, evidence, zones, problems));
    waiting += 1;
    const isShort = performance.now() - since < expandingMsMax;
    if (rows.length < rowsPerStatement && waiting < seriesPerStatement && isShort) continue;
    await store(calendar, owners, rows);
    [owners, rows, waiting, since] = [[], [], 0, performance.now()];
  }
  if (owners.length > 0) await store(calendar, owners, rows);
  return problems;
}

/** Each series with its exceptions; the master, if there is one, first. */
function familiesOf(series: readonly string[], parts: readonly SeriesPart[]): SeriesPart[][] {
  const families = new Map<string, SeriesPart[]>(series.map((id) => [id, []]));
  for (const part of parts) {
    if (part.provider_series_id !== null) families.get(part.provider_series_id)?.push(part);
    // A row that is an exception of one series may be asked for as the master of another: both hold.
    if (families.has(part.provider_event_id) && part.provider_series_id === null) {
      families.get(part.provider_event_id)?.unshift(part);
    }
  }
  return [...families.values()].filter((family) => family.length > 0);
}

function occurrencesOf(
  family: readonly SeriesPart[],
  evidence: Expanding,
  zones: ZoneTable,
  problems: QuarantinedItem[],
): OccurrenceRow[] {
  const master = family.find((part) => part.kind !== 'exception');
  const exceptions = family.filter((part) => part.kind === 'exception');
  const series = master?.kind === 'series' && !master.deleted ? master : null;
  const rows = exceptions.flatMap((exception) =>
    exception.deleted ? [] : standing(exception, series?.id ?? null, evidence),
  );
  if (master && !series && !master.deleted) rows.push(...standing(master, null, evidence));
  if (series) rows.push(...expanded(series, exceptions, evidence, zones, problems));
  // A provider may name two exceptions of one slot: one of them is shown, and no statement fails.
  return [...new Map(rows.map((row) => [`${row.owner_id} ${row.slot}`, row])).values()];
}

/** An event that takes place once: an exception under its series' name, or whatever stands alone. */
function standing(part: SeriesPart, seriesId: string | null, evidence: Expanding): OccurrenceRow[] {
  const times = timesOf(part);
  if (!times || !isInWindow(times, evidence)) return [];
  return [rowOf(part, seriesId ?? part.id, seriesId === null ? '' : (part.slot ?? ''), times)];
}

function expanded(
  series: SeriesPart,
  exceptions: readonly SeriesPart[],
  evidence: Expanding,
  zones: ZoneTable,
  problems: QuarantinedItem[],
): OccurrenceRow[] {
  const times = timesOf(series);
  if (!times) return [];
  const replacing = exceptions.filter((exception) => !exception.deleted || exception.slot_cancelled);
  const replaced = new Set(replacing.flatMap((exception) => exception.slot ?? []));
  const margin = times.start.kind === 'zoned' ? 0 : marginMs;
  const problem = (code: QuarantinedItem['code'], reason: string): void => {
    const raw = series.recurrence.join('\n');
    problems.push({ id: newId(), providerEventId: series.provider_event_id, code, reason, raw });
  };
  try {
    const expansion = expandSeries(
      {
        ...times,
        recurrence: series.recurrence,
        window: {
          from: new Date(evidence.windowStart.getTime() - margin),
          to: new Date(evidence.windowEnd.getTime() + margin),
        },
        replaced,
      },
      zones,
    );
    if (expansion.truncated) {
      problem('recurrence_truncated', `The rule was cut at the limit of ${expansion.truncated}.`);
    }
    return expansion.occurrences.map((occurrence) => rowOf(series, series.id, occurrence.slot, occurrence));
  } catch (error) {
    if (!(error instanceof RecurrenceError)) throw error;
    problem('recurrence_unreadable', error.message);
    return [];
  }
}

/** Whether it takes place in the window, at least in one zone of those who may ask. */
export function isInWindow(
  { start, end }: { start: EventTime; end: EventTime },
  evidence: Pick<Expanding, 'windowStart' | 'windowEnd'>,
): boolean {
  const margin = start.kind === 'zoned' ? 0 : marginMs;
  const from = evidence.windowStart.getTime();
  const startsAt = Date.parse(asIfUtc(start));
  const reaches = Date.parse(asIfUtc(end)) + margin > from || startsAt + margin >= from;
  return startsAt - margin < evidence.windowEnd.getTime() && reaches;
}

const rowOf = (
  part: SeriesPart,
  ownerId: string,
  slot: string,
  times: { start: EventTime; end: EventTime },
): OccurrenceRow => ({
  owner_id: ownerId,
  slot,
  event_id: part.id,
  all_day: part.all_day,
  starts_at: asIfUtc(times.start),
  ends_at: asIfUtc(times.end),
  floating: times.start.kind === 'floating',
  transparent: part.transparency === 'transparent',
});
