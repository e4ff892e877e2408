/**
 * Writes: what is written is what is read, each creation makes one event for ever, and nothing is written over what the
 * caller had not seen.
 */
import type { Suite } from './cases.ts';
import { describeCreations } from './creations.ts';
import { describeDeletions } from './deletions.ts';
import type { HarnessWire } from './harness.ts';
import { describeOccurrenceWrites } from './occurrence-writes.ts';
import { errorFrom } from './round.ts';
import { describeUpdates } from './updates.ts';
import { calendarTimeZone, Desk, fieldsOf } from './writing.ts';

export function describeWrites(suite: Suite): void {
  describe('writes', () => {
    describeCreations(suite);
    describeUpdates(suite);
    describeOccurrenceWrites(suite);
    describeDeletions(suite);
  });
}

/** Connections that are cut: whatever became of the request, asking again makes it good. */
export function describeWireWrites({ harness, test }: Suite): void {
  const wire = (): HarnessWire => {
    const { wire: held } = harness();
    if (held === null) throw new Error('the harness has no wire');
    return held;
  };

  describe('writes over the wire', () => {
    for (const how of ['drop_before', 'drop_after', 'torn_body'] as const) {
      test(`makes one event of a creation in spite of ${how}`, async () => {
        const desk = new Desk(
          harness(),
          await harness().cloud.createCalendar({ timeZone: calendarTimeZone }),
        );
        await wire().cut({ operation: 'createEvent', how });
        expect((await errorFrom(desk.create(fieldsOf()))).code).toBe('provider_unavailable');
        const event = await desk.created(fieldsOf());
        expect((await desk.list()).map(({ providerEventId }) => providerEventId)).toEqual([
          event.providerEventId,
        ]);
      });

      test(`writes an update once in spite of ${how}`, async () => {
        const desk = new Desk(
          harness(),
          await harness().cloud.createCalendar({ timeZone: calendarTimeZone }),
        );
        const event = await desk.created(fieldsOf());
        await wire().cut({ operation: 'updateEvent', how });
        const patch = { summary: 'changed' };
        expect((await errorFrom(desk.update(event, patch))).code).toBe('provider_unavailable');
        if (how === 'drop_before') await desk.update(event, patch);
        else expect((await errorFrom(desk.update(event, patch))).code).toBe('version_conflict');
        expect((await desk.readEvent(event.providerEventId)).fields.summary).toBe('changed');
      });
    }
  });
}
