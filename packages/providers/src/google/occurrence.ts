/** Occurrences by slot, and whether somebody gave one a content of its own. */
import { isDeepStrictEqual } from 'node:util';
import {
  isKnownZone,
  slotOf,
  ZoneTable,
  type EventTime,
  type RemoteEvent,
  type SeriesSlot,
} from '@calfleet/domain';

/** Google's name of an occurrence, changed or not. */
export const occurrenceId = ({ providerSeriesId, slot }: SeriesSlot): string => `${providerSeriesId}_${slot}`;

/**
 * True when the occurrence says and lasts what its series does, in its own slot: nothing is lost by a change that was made
 * upon the series. Whether there is an exception behind it does not matter, and Google does not say.
 */
export function showsItsSeries(occurrence: RemoteEvent, series: RemoteEvent): boolean {
  const [one, all] = [lengthsOf(occurrence), lengthsOf(series)];
  return (
    slotOf(occurrence.fields.start) === occurrence.exceptionOf?.slot &&
    // A night in which the clocks change lasts as long as others, or ends at the same hour.
    (one.passed === all.passed || one.shown === all.shown) &&
    isDeepStrictEqual(saidBy(occurrence), saidBy(series))
  );
}

function saidBy({ fields }: RemoteEvent) {
  const { status, summary, description, location, visibility, transparency } = fields;
  const attendees = fields.attendees.toSorted((a, b) => ((a.email ?? '') < (b.email ?? '') ? -1 : 1));
  return { status, summary, description, location, visibility, transparency, attendees };
}

/** Milliseconds that pass, and that clocks show. */
function lengthsOf({ fields: { start, end } }: RemoteEvent): { passed: number; shown: number } {
  const zones = new ZoneTable();
  return { passed: msOf(end) - msOf(start), shown: wallMsOf(end, zones) - wallMsOf(start, zones) };
}

function wallMsOf(time: EventTime, zones: ZoneTable): number {
  if (time.kind !== 'zoned' || time.zone === null || !isKnownZone(time.zone)) return msOf(time);
  return Date.parse(`${zones.instantToLocal({ instant: new Date(time.instant), zone: time.zone })}Z`);
}

/** Dates and floating times as if in UTC, since only differences count. */
function msOf(time: EventTime): number {
  if (time.kind === 'date') return Date.parse(`${time.date}T00:00:00Z`);
  return Date.parse(time.kind === 'zoned' ? time.instant : `${time.local}Z`);
}
