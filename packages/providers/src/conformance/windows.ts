/**
 * Windowed providers: series come as the instances that take place in the window, and what is no longer shown is a
 * reason to look. What takes place is exactly what the cases put there, whatever the list leaves out.
 */
import type { EventTime, RemoteItem } from '@calfleet/domain';
import type { Suite } from './cases.ts';
import { allDaySeries, at, day, exception, secondMonday, series, single, thirdMonday } from './events.ts';
import { errorFrom, eventOf, expectGone, nameOf, readEvents, readRound, withoutRaw } from './round.ts';

const mondays = ['20261123', '20261130', '20261207', '20261214'].map((date) => `${date}T090000Z`);

export function describeWindows(suite: Suite): void {
  const { harness, test } = suite;

  describe('windows', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar();
    });

    const named = (items: readonly RemoteItem[]): Map<string, RemoteItem> =>
      new Map(items.map((item) => [nameOf(harness(), calendarId, item), item]));

    const slots = (items: Map<string, RemoteItem>): string[] =>
      [...items.values()].flatMap((item) => (item.type === 'instance' ? [item.slot] : [])).sort();

    test('shows a series beside its instances in the window, none of which is the series', async () => {
      const started = single('series1', {
        start: at('2019-01-07T09:00:00Z'),
        end: at('2019-01-07T10:00:00Z'),
        recurrence: ['RRULE:FREQ=WEEKLY;COUNT=700'],
      });
      await harness().cloud.put(calendarId, started);
      const { items } = await readRound(harness(), calendarId);
      expect(eventOf(items, 'series1')).toMatchObject({
        kind: 'series',
        fields: { summary: 'event series1' },
      });
      // From Monday 5 October 2026 to Monday 25 October 2027.
      expect(slots(items)).toHaveLength(56);
      expect(slots(items)[0]).toBe('20261005T080000Z');
    });

    test('shows where and when an instance is, and whose', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      const { items } = await readRound(harness(), calendarId);
      expect(slots(items)).toEqual(mondays);
      expect(items.get('series1_20261130T090000Z')).toEqual({
        type: 'instance',
        providerEventId: harness().cloud.idOf(calendarId, 'series1_20261130T090000Z'),
        providerSeriesId: harness().cloud.idOf(calendarId, 'series1'),
        slot: '20261130T090000Z',
        start: secondMonday,
        end: at('2026-11-30T10:00:00Z'),
      });
    });

    test('shows an exception in the place of its instance', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const { items } = await readRound(harness(), calendarId);
      expect(slots(items)).toEqual(mondays.filter((slot) => slot !== '20261130T090000Z'));
      expect(eventOf(items, 'series1_20261130T090000Z').fields.summary).toBe('moved');
    });

    test('makes up for what the list leaves out of series and exceptions', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const whole = await readRound(harness(), calendarId);
      await harness().cloud.behave({ bareSeries: true });
      const bare = await readRound(harness(), calendarId);
      expect([...bare.items.keys()].sort()).toEqual([...whole.items.keys()].sort());
      for (const [name, item] of bare.items)
        expect(withoutRaw(item)).toEqual(withoutRaw(whole.items.get(name)));
    });

    test('reads a series whole, without an occurrence that no longer takes place', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const { cursor } = await readRound(harness(), calendarId);
      await harness().cloud.cancelOccurrence(calendarId, { seriesId: 'series1', originalStart: thirdMonday });
      const { items: delta } = await readRound(harness(), calendarId, { cursor });
      expect(delta.get('series1')?.type).toBe('event');
      const items = named(await readEvents(harness(), calendarId, { series: ['series1'] }));
      expect(eventOf(items, 'series1').kind).toBe('series');
      expect(eventOf(items, 'series1_20261130T090000Z')).toMatchObject({
        kind: 'exception',
        exceptionOf: { slot: '20261130T090000Z' },
        fields: { summary: 'moved' },
      });
      expect(slots(items)).toEqual(['20261123T090000Z', '20261214T090000Z']);
    });

    test('reads a plain occurrence as an instance', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      const listed = (await readRound(harness(), calendarId)).items.get('series1_20261207T090000Z');
      expect(await readEvents(harness(), calendarId, { events: ['series1_20261207T090000Z'] })).toEqual([
        listed,
      ]);
    });

    test('says that a series is gone, and nothing of its instances', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      const { cursor } = await readRound(harness(), calendarId);
      await harness().cloud.remove(calendarId, 'series1');
      const { items } = await readRound(harness(), calendarId, { cursor });
      expect(slots(items)).toEqual([]);
      await expectGone(suite, calendarId, { items, name: 'series1' });
      const read = await readEvents(harness(), calendarId, { series: ['series1'] });
      expect(read.map(({ type }) => type)).toEqual(['deleted']);
    });

    test('calls an event absent that left the window, and reads it where it is', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const { cursor } = await readRound(harness(), calendarId);
      const [start, end] = [at('2029-01-01T09:00:00Z'), at('2029-01-01T10:00:00Z')];
      await harness().cloud.put(calendarId, single('event1', { start, end }));
      const { items } = await readRound(harness(), calendarId, { cursor });
      expect(items.get('event1')?.type).toBe('absent');
      const [read] = await readEvents(harness(), calendarId, { events: ['event1'] });
      expect(read).toMatchObject({ type: 'event', event: { fields: { start, end } } });
    });

    test('says remote_missing for single reads in a calendar that is not shared any more', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      await readRound(harness(), calendarId);
      const providerEventId = harness().cloud.idOf(calendarId, 'event1');
      await harness().cloud.unshareCalendar(calendarId);
      const request = {
        providerCalendarId: calendarId,
        events: [providerEventId],
        series: [],
        calendarTimeZone: null,
      };
      const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' };
      const read = harness().provider.readEvents(harness().session(), { ...request, window });
      expect((await errorFrom(read)).code).toBe('remote_missing');
    });

    test('reads the window plainly as its changes show it, and gives no cursor that is worth anything', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      await harness().cloud.put(
        calendarId,
        single('event2', { start: day('2026-12-24'), end: day('2026-12-25') }),
      );
      await harness().cloud.put(calendarId, series('series1', 4));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const delta = await readRound(harness(), calendarId);
      const view = await readRound(harness(), calendarId, { reading: 'view', pageSize: 2 });
      expect(view.cursor).toBe('');
      expect(view.pages.length).toBeGreaterThan(2);
      expect([...view.items.keys()].sort()).toEqual([...delta.items.keys()].sort());
      for (const [name, item] of view.items)
        expect(withoutRaw(item)).toEqual(withoutRaw(delta.items.get(name)));
    });

    for (const timeZone of ['Pacific/Auckland', 'Europe/Berlin', 'UTC', 'America/Los_Angeles']) {
      test(`keeps the days of an all-day series of ${timeZone}, its exceptions' too`, async () => {
        const zoned = await harness().cloud.createCalendar({ timeZone });
        const moved = (originalStart: EventTime) => ({
          ...single('series1x', { start: day('2026-11-25'), end: day('2026-11-26'), summary: 'moved' }),
          exceptionOf: { seriesId: 'series1', originalStart },
        });
        await harness().cloud.put(zoned, allDaySeries('series1', 3));
        const whole = await readRound(harness(), zoned);
        expect(slots(whole.items)).toEqual(['20261123', '20261124', '20261125']);
        expect(whole.items.get('series1_20261124')).toMatchObject({
          start: day('2026-11-24'),
          end: day('2026-11-25'),
        });
        await harness().cloud.remove(zoned, 'series1_20261125');
        await harness().cloud.put(zoned, moved(day('2026-11-24')));
        const { items } = await readRound(harness(), zoned);
        expect(slots(items)).toEqual(['20261123']);
        expect(eventOf(items, 'series1_20261124')).toMatchObject({
          exceptionOf: { slot: '20261124', originalStart: day('2026-11-24') },
          fields: { start: day('2026-11-25') },
        });
      });
    }
  });
}
