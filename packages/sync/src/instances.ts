/**
 * Series that their provider expands itself: instances are stored as they are shown. What a page does not show is only
 * noted; a look decides (docs/decisions/0018).
 */
import { newId, type RemoteItem } from '@calfleet/domain';
import {
  clearKind,
  deleteEvents,
  exceptionsAmong,
  expireOutside,
  lookAtAbsent,
  storeInstances,
  type Applied,
  type Evidence,
  type EventRow,
  type GoneRow,
  type InstanceRow,
  type Look,
  type Transaction,
} from '@calfleet/db';
import { asIfUtc } from './event-row.ts';

export type RemoteInstance = Extract<RemoteItem, { type: 'instance' }>;

/** What a page or a single read shows of series that are expanded for us. */
export interface ShownInstances {
  instances: readonly RemoteInstance[];
  absent: readonly string[];
}

/** @returns what changed besides the events themselves */
export async function applyInstances(
  tx: Transaction,
  evidence: Evidence,
  look: Look,
  { shown, rows, applied }: { shown: ShownInstances; rows: readonly EventRow[]; applied: Applied },
): Promise<{ updated: number; deleted: number }> {
  const singles = rows.flatMap((row) => (row.kind === 'single' ? [row.provider_event_id] : []));
  await clearKind(tx, evidence, { series: applied.series, singles });
  const plain = await exceptionsAmong(
    tx,
    evidence.calendarId,
    shown.instances.map((instance) => instance.providerEventId),
  );
  const reverted = await deleteEvents(tx, evidence, plain.map(reversion));
  const places = placesOf(shown.instances, rows);
  const series = [
    ...new Set([
      ...places.map((place) => place.series),
      ...rows.flatMap((row) => (row.kind === 'series' ? [row.provider_event_id] : [])),
    ]),
  ];
  const updated = await storeInstances(tx, evidence, look, { rows: places, series });
  await lookAtAbsent(tx, evidence, shown.absent);
  // Series may still be filled by a later page; what stands for itself is in the window, or has left it.
  const standing = rows.flatMap((row) => (row.kind === 'series' ? [] : [row.provider_event_id]));
  const expired = standing.length > 0 ? await expireOutside(tx, evidence, standing) : 0;
  return { updated, deleted: reverted.deleted + expired };
}

/** The last one counts where two stand at one place, exceptions before plain occurrences. */
function placesOf(instances: readonly RemoteInstance[], rows: readonly EventRow[]): InstanceRow[] {
  const places = new Map<string, InstanceRow>();
  for (const instance of instances) {
    const { providerSeriesId: series, slot, providerEventId, start, end } = instance;
    places.set(`${series} ${slot}`, {
      series,
      exception: null,
      slot,
      instance: providerEventId,
      all_day: start.kind === 'date',
      starts_at: asIfUtc(start),
      ends_at: asIfUtc(end),
    });
  }
  for (const row of rows) {
    if (row.kind !== 'exception' || row.provider_series_id === undefined || row.slot === undefined) continue;
    places.set(`${row.provider_series_id} ${row.slot}`, {
      series: row.provider_series_id,
      exception: row.provider_event_id,
      slot: row.slot,
      instance: null,
      // Where an exception stands, its row knows.
      all_day: row.all_day,
      starts_at: null,
      ends_at: null,
    });
  }
  return [...places.values()];
}

/** An exception that is shown as a plain occurrence again. */
const reversion = (providerEventId: string): GoneRow => ({
  id: newId(),
  provider_event_id: providerEventId,
  provider_version: null,
  provider_series_id: null,
  slot: null,
  original_start: null,
  all_day: false,
  start_date: null,
  starts_at: null,
  start_local: null,
  start_time_zone: null,
  raw: '',
});
