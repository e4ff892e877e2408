/** Somebody else writes to an event a moment before a request about it is served. */
import { findItem, instanceOf } from './access.ts';
import { parseOwnerBody } from './content.ts';
import { parseEventId } from './ids.ts';
import type { MicrosoftWorld } from './world.ts';
import { patchEvent } from './write.ts';

/** What is not there, or not any more, stays so. */
export function overtake(world: MicrosoftWorld, eventId: string): void {
  const ref = parseEventId(eventId);
  if (ref === undefined) return;
  const item = findItem(world, ref);
  if (item?.state !== 'live') return;
  const found = instanceOf(world, item, ref);
  if (found === undefined) return;
  const content = `Changed before request ${world.nextRequestId()}`;
  patchEvent(world, found, parseOwnerBody({ body: { contentType: 'text', content } }), { isOwner: true });
}
