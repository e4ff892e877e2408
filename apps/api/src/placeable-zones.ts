/**
 * Zones that both sides know: Postgres places all-day times in them, Node writes offsets of them. A zone that one of
 * the two does not know would fail a whole list.
 */
import { api, type Database } from '@calfleet/db';
import type { ZoneTable } from '@calfleet/domain';

export type IsPlaceable = (zone: string) => boolean;

/** Asks Postgres once, at the first question that gets an answer. Ask before a transaction, never inside one. */
export function createPlaceableZones(db: Database, zones: ZoneTable): () => Promise<IsPlaceable> {
  let asked: Promise<Set<string>> | null = null;
  const ask = async (): Promise<Set<string>> =>
    new Set(await db.transaction({ role: 'api', userId: '' }, api.zoneNames));
  return async () => {
    asked ??= ask();
    try {
      const names = await asked;
      return (zone) => names.has(zone) && zones.isKnown(zone);
    } catch (error) {
      asked = null;
      throw error;
    }
  };
}
