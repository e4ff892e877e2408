/** What tests of the history look at, and whose hand changes what. */
import type { EventId, EventTime } from '@calfleet/domain';
import type { MemoryEvent } from '@calfleet/providers';
import { localWrites } from './local-writes.ts';
import { hint, meeting, pullNow } from './scene.ts';
import type { World } from './world.ts';

export const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });

export interface Kept {
  n: number;
  origin: string;
  fields: string[];
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export const revisionsOf = (world: World, id: EventId): Promise<Kept[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Kept[]>`
      select n::int, origin, fields, before, after from calendar_event_revisions
       where event_id = ${id}::uuid order by n`,
  );

export async function pulled(world: World, options: { full?: boolean } = {}): Promise<void> {
  await hint(world, options);
  await pullNow(world);
}

/** The owner has these events, and they are mirrored. */
export async function mirror(world: World, events: readonly MemoryEvent[]) {
  for (const event of events) world.cloud.put(world.providerCalendarId, event);
  await pullNow(world);
  const { providerCalendarId, cloud } = world;
  const idOf = (providerEventId: string): Promise<EventId> =>
    world.real.transaction({ role: 'worker' }, async (tx) => {
      const [row] = await tx.$queryRaw<{ id: EventId }[]>`
        select id from calendar_events
         where calendar_id = ${world.calendarId}::uuid and provider_event_id = ${providerEventId}`;
      if (!row) throw new Error(`Nothing is mirrored of ${providerEventId}.`);
      return row.id;
    });
  return {
    world,
    local: localWrites(world),
    idOf,
    patch: (id: string, fields: Partial<MemoryEvent['fields']>) =>
      cloud.patch(providerCalendarId, id, fields),
    remove: (id: string) => cloud.remove(providerCalendarId, id),
  };
}

export const series = (id: string): MemoryEvent =>
  meeting(id, 1, { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'] });

export const exception = (id: string, ofSeries: string): MemoryEvent => ({
  ...meeting(id, 2, { summary: 'Moved', start: at('2026-11-22T14:00:00Z'), end: at('2026-11-22T15:00:00Z') }),
  exceptionOf: { seriesId: ofSeries, originalStart: at('2026-11-22T10:00:00Z') },
});
