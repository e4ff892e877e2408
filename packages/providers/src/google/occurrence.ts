/** Occurrences by slot, and whether somebody gave one a content of its own. */
import { isDeepStrictEqual } from 'node:util';
import { slotOf, type EventTime, type RemoteEvent, type SeriesSlot } from '@calfleet/domain';

/** Google's name of an occurrence, changed or not. */
export const occurrenceId = ({ providerSeriesId, slot }: SeriesSlot): string => `${providerSeriesId}_${slot}`;

/**
 * True when the occurrence says and lasts what its series does, in its own slot: nothing is lost by a change that was made
 * upon the series. Whether there is an exception behind it does not matter, and Google does not say.
 */
export function showsItsSeries(occurrence: RemoteEvent, series: RemoteEvent): boolean {
  return (
    slotOf(occurrence.fields.start) === occurrence.exceptionOf?.slot &&
    isDeepStrictEqual(saidBy(occurrence), saidBy(series))
  );
}

function saidBy({ fields }: RemoteEvent) {
  const { status, summary, description, location, visibility, transparency } = fields;
  const attendees = fields.attendees.toSorted((a, b) => ((a.email ?? '') < (b.email ?? '') ? -1 : 1));
  const lengthMs = msOf(fields.end) - msOf(fields.start);
  return { status, summary, description, location, visibility, transparency, attendees, lengthMs };
}

/** Dates and floating times as if in UTC, since only differences count. */
function msOf(time: EventTime): number {
  switch (time.kind) {
    case 'date':
      return Date.parse(`${time.date}T00:00:00Z`);
    case 'zoned':
      return Date.parse(time.instant);
    case 'floating':
      return Date.parse(`${time.local}Z`);
  }
}
