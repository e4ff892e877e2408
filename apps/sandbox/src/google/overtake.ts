/** Somebody else writes to an event a moment before a request about it is served. */
import type { Calendar } from '../store/calendar.ts';
import type { World } from '../store/world.ts';
import { findEvent } from './instances.ts';
import { patchEvent } from './write.ts';

/** What is not there, or not any more, stays so. */
export function overtake(world: World, calendar: Calendar, eventId: string): void {
  const found = findEvent(world, calendar, eventId);
  if (found === undefined || found.resource.status === 'cancelled') return;
  const description = `Changed after ${found.resource.etag ?? 'nobody'}`;
  patchEvent(
    { world, calendar, email: calendar.ownerEmail },
    eventId,
    { description },
    { keepOrganizer: true, conferenceDataVersion: 1 },
  );
}
