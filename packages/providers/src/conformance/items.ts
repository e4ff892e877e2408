/** Items: what an event says arrives as it was said, and nothing is invented (I7 in docs/ARCHITECTURE.md). */
import type { Attendee, EventFields } from '@calfleet/domain';
import { at, day, exception, secondMonday, series, single, thirdMonday } from './events.ts';
import type { ProviderHarness } from './harness.ts';
import { eventOf, reading, readRound } from './round.ts';

export function describeItems(harness: () => ProviderHarness): void {
  describe('items', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar({ timeZone: 'America/New_York' });
    });

    const fieldsOf = async (fields: Parameters<typeof single>[1]): Promise<EventFields> => {
      await harness().cloud.put(calendarId, single('event1', fields));
      const { items } = await readRound(harness(), calendarId, { calendarTimeZone: 'America/New_York' });
      return eventOf(items, 'event1').fields;
    };

    it('keeps an all-day event a date with an exclusive end', async () => {
      const fields = await fieldsOf({ start: day('2026-12-24'), end: day('2026-12-27') });
      expect([fields.start, fields.end]).toEqual([day('2026-12-24'), day('2026-12-27')]);
    });

    it('keeps the instant and the zone of a timed event', async () => {
      const [start, end] = [
        at('2026-07-01T03:30:00Z', 'Asia/Kolkata'),
        at('2026-07-01T04:30:00Z', 'Asia/Kolkata'),
      ];
      const fields = await fieldsOf({ start, end });
      expect([fields.start, fields.end]).toEqual([start, end]);
    });

    it('keeps both hours that a clock change makes look alike', async () => {
      const start = at('2026-10-25T00:30:00Z', 'Europe/Berlin');
      const end = at('2026-10-25T01:30:00Z', 'Europe/Berlin');
      const fields = await fieldsOf({ start, end });
      expect([fields.start, fields.end]).toEqual([start, end]);
    });

    it('says null for a summary, a description and a location that are not there', async () => {
      const fields = await fieldsOf({ summary: null });
      expect(fields).toMatchObject({ summary: null, description: null, location: null });
    });

    it.each([
      ['emoji', '👩‍🚀 launch 🚀'],
      ['right-to-left text', 'פגישה ⁧اجتماع⁩'],
      ['combining marks', 'Zoe\u0308 — naïve'],
      ['newlines and quotes', 'a\n"b"\t\\u0000 c'],
    ])('keeps %s', async (_, summary) => {
      expect((await fieldsOf({ summary })).summary).toBe(summary);
    });

    it('replaces characters that Postgres cannot hold, in the fields and in the raw text', async () => {
      await harness().cloud.put(
        calendarId,
        single('event1', { summary: 'a\0b', description: 'c\uD800d\uDC00' }),
      );
      const event = eventOf((await readRound(harness(), calendarId)).items, 'event1');
      expect(event.fields).toMatchObject({ summary: 'a\uFFFDb', description: 'c\uFFFDd\uFFFD' });
      expect(event.raw).not.toMatch(/\\u0000|\\ud800|\\udc00|[\p{Surrogate}\0]/iu);
    });

    it('maps attendees', async () => {
      const attendees: Attendee[] = [
        attendee({ email: 'ada@example.com', name: 'Ada', response: 'accepted', organizer: true }),
        attendee({ email: 'bob@example.com', response: 'needs_action', optional: true }),
        attendee({ email: 'room@resource.example.com', response: 'declined', resource: true }),
        attendee({ email: 'eve@example.com', response: 'tentative' }),
      ];
      const fields = await fieldsOf({ attendees });
      const said = fields.attendees.map(({ email, name, response, optional, resource }) => {
        return { email, name, response, optional, resource };
      });
      expect(said).toEqual(
        attendees.map(({ email, name, response, optional, resource }) => {
          return { email, name, response, optional, resource };
        }),
      );
    });

    it('keeps series apart from singles and gives their lines', async () => {
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, single('event1'));
      const { items } = await readRound(harness(), calendarId);
      expect(eventOf(items, 'series1')).toMatchObject({ kind: 'series', exceptionOf: null });
      expect(eventOf(items, 'series1').fields.recurrence).toEqual(['RRULE:FREQ=WEEKLY;COUNT=10']);
      expect(eventOf(items, 'event1')).toMatchObject({ kind: 'single', fields: { recurrence: [] } });
    });

    it('gives an exception its series and the slot it had before it was moved', async () => {
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const event = eventOf((await readRound(harness(), calendarId)).items, 'series1_20261130T090000Z');
      expect(event.kind).toBe('exception');
      expect(event.exceptionOf).toMatchObject({ providerSeriesId: 'series1', slot: '20261130T090000Z' });
      expect(event.fields.start).toEqual(at('2026-12-01T15:00:00Z'));
    });

    it.each([false, true])(
      'blocks the slot of a cancelled occurrence (bare tombstone: %p)',
      async (bareTombstones) => {
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
      },
    );

    it('blocks the slot of a cancelled occurrence of an all-day series', async () => {
      const allDay = single('series1', {
        start: day('2026-11-23'),
        end: day('2026-11-24'),
        recurrence: ['RRULE:FREQ=DAILY;COUNT=9'],
      });
      await harness().cloud.put(calendarId, allDay);
      await harness().cloud.cancelOccurrence(calendarId, {
        seriesId: 'series1',
        originalStart: day('2026-11-25'),
      });
      expect((await readRound(harness(), calendarId)).items.get('series1_20261125')).toMatchObject({
        type: 'deleted',
        exceptionOf: { providerSeriesId: 'series1', slot: '20261125', originalStart: day('2026-11-25') },
      });
    });

    it('shows cancelled occurrences of living series in full rounds too, and no deleted event', async () => {
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, single('event1'));
      await harness().cloud.cancelOccurrence(calendarId, { seriesId: 'series1', originalStart: thirdMonday });
      await harness().cloud.remove(calendarId, 'event1');
      const { items } = await readRound(harness(), calendarId);
      expect([...items.keys()].sort()).toEqual(['series1', 'series1_20261207T090000Z']);
    });

    it.each([false, true])('says that a series is deleted (bare tombstone: %p)', async (bareTombstones) => {
      await harness().cloud.put(calendarId, series('series1'));
      const { cursor } = await readRound(harness(), calendarId);
      await harness().cloud.behave({ bareTombstones });
      await harness().cloud.remove(calendarId, 'series1');
      const { items } = await readRound(harness(), calendarId, { cursor });
      expect(items.get('series1')).toMatchObject({ type: 'deleted', exceptionOf: null });
    });

    it('changes the version with every change and with nothing else', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const version = async () =>
        eventOf((await readRound(harness(), calendarId)).items, 'event1').providerVersion;
      const [first, again] = [await version(), await version()];
      await harness().cloud.put(calendarId, single('event1', { summary: 'changed' }));
      expect(first).toEqual(expect.any(String));
      expect(again).toBe(first);
      expect(await version()).not.toBe(first);
    });

    it('reads one event as a round shows it, and a deleted one as deleted', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const request = reading(calendarId, { events: ['event1'] });
      const listed = (await readRound(harness(), calendarId)).items.get('event1');
      expect(await harness().provider.readEvents(harness().session(), request)).toEqual([listed]);
      await harness().cloud.remove(calendarId, 'event1');
      const gone = await harness().provider.readEvents(harness().session(), request);
      expect(gone).toMatchObject([{ type: 'deleted', providerEventId: 'event1' }]);
    });

    it('leaves out an event that never was', async () => {
      const request = reading(calendarId, { events: ['never1'] });
      expect(await harness().provider.readEvents(harness().session(), request)).toEqual([]);
    });
  });
}

const attendee = (facts: Partial<Attendee>): Attendee => ({
  email: null,
  name: null,
  response: 'needs_action',
  optional: false,
  organizer: false,
  self: false,
  resource: false,
  ...facts,
});
