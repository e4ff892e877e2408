/** Until nothing more happens, and what is there then: for tests of both ways over the memory provider. */
import { expectExactMirror } from './mirror.ts';
import { hint, pullNow } from './scene.ts';
import type { World } from './world.ts';

/** All jobs that wait, one after the other, and the time that they ask for. */
export async function work(world: World, stepMs = 5_000): Promise<void> {
  for (let steps = 0; (await world.runJob()) !== 'idle'; steps += 1) {
    if (steps > 200) throw new Error('The queue never comes to rest.');
    world.clock.advance(stepMs);
  }
}

/** Whatever waits is done, what its owner did is pulled, and both sides are the same. */
export async function settled(world: World): Promise<void> {
  await hint(world);
  await pullNow(world);
  await work(world);
  await world.settle();
  await expectExactMirror(world);
}

export const liveAtProvider = (world: World) =>
  world.cloud.truth(world.providerCalendarId).flatMap((item) => (item.type === 'event' ? [item.event] : []));

/** Sorted. */
export const titlesAtProvider = (world: World): (string | null)[] =>
  liveAtProvider(world)
    .map(({ fields }) => fields.summary)
    .sort();

/** What takes place here, in order: `MM-DD HH:MI title`, in UTC. */
export async function shownHere(world: World): Promise<string[]> {
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ text: string }[]>`
      select to_char(o.starts_at at time zone 'UTC', 'MM-DD HH24:MI') || ' ' || coalesce(e.summary, '') as text
      from calendar_occurrences o join calendar_events e on e.id = o.event_id
      where o.calendar_id = ${world.calendarId}::uuid order by o.starts_at, e.summary`,
  );
  return rows.map(({ text }) => text);
}
