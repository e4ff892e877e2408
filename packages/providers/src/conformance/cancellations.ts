/** Cancellations, where events come whole: a slot that no longer takes place says so itself. */
import type { Suite } from './cases.ts';
import { allDaySeries, day, series, single, thirdMonday } from './events.ts';
import { readRound } from './round.ts';

export function describeCancellations({ harness, test }: Suite): void {
  describe('cancellations', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar({ timeZone: 'America/New_York' });
    });

    for (const bareTombstones of [false, true])
      test(`blocks the slot of a cancelled occurrence (bare tombstone: ${bareTombstones})`, async () => {
        await harness().cloud.put(calendarId, series('series1'));
        const { cursor } = await readRound(harness(), calendarId);
        await harness().cloud.behave({ bareTombstones });
        await harness().cloud.cancelOccurrence(calendarId, {
          seriesId: 'series1',
          originalStart: thirdMonday,
        });
        const delta = await readRound(harness(), calendarId, { cursor });
        expect(delta.items.get('series1_20261207T090000Z')).toMatchObject({
          type: 'deleted',
          exceptionOf: { providerSeriesId: 'series1', slot: '20261207T090000Z' },
        });
      });

    test('blocks the slot of a cancelled occurrence of an all-day series', async () => {
      await harness().cloud.put(calendarId, allDaySeries('series1'));
      await harness().cloud.cancelOccurrence(calendarId, {
        seriesId: 'series1',
        originalStart: day('2026-11-25'),
      });
      expect((await readRound(harness(), calendarId)).items.get('series1_20261125')).toMatchObject({
        type: 'deleted',
        exceptionOf: { providerSeriesId: 'series1', slot: '20261125', originalStart: day('2026-11-25') },
      });
    });

    test('shows cancelled occurrences of living series in full rounds too, and no deleted event', async () => {
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, single('event1'));
      await harness().cloud.cancelOccurrence(calendarId, { seriesId: 'series1', originalStart: thirdMonday });
      await harness().cloud.remove(calendarId, 'event1');
      const { items } = await readRound(harness(), calendarId);
      expect([...items.keys()].sort()).toEqual(['series1', 'series1_20261207T090000Z']);
    });

    for (const bareTombstones of [false, true])
      test(`says that a series is deleted (bare tombstone: ${bareTombstones})`, async () => {
        await harness().cloud.put(calendarId, series('series1'));
        const { cursor } = await readRound(harness(), calendarId);
        await harness().cloud.behave({ bareTombstones });
        await harness().cloud.remove(calendarId, 'series1');
        const { items } = await readRound(harness(), calendarId, { cursor });
        expect(items.get('series1')).toMatchObject({ type: 'deleted', exceptionOf: null });
      });
  });
}
