/** Items: what an event says arrives as it was said, and nothing is invented (I7 in docs/ARCHITECTURE.md). */
import { expandSeries, type Attendee, type EventFields } from '@calfleet/domain';
import type { Suite } from './cases.ts';
import { at, day, exception, secondMonday, series, single } from './events.ts';
import { eventOf, expectGone, readEvents, readRound, withoutRaw } from './round.ts';

export function describeItems(suite: Suite): void {
  const { harness, test } = suite;
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

    test('keeps an all-day event a date with an exclusive end', async () => {
      const fields = await fieldsOf({ start: day('2026-12-24'), end: day('2026-12-27') });
      expect([fields.start, fields.end]).toEqual([day('2026-12-24'), day('2026-12-27')]);
    });

    test('keeps the instant and the zone of a timed event', async () => {
      const [start, end] = [
        at('2027-07-01T03:30:00Z', 'Asia/Kolkata'),
        at('2027-07-01T04:30:00Z', 'Asia/Kolkata'),
      ];
      const fields = await fieldsOf({ start, end });
      expect([fields.start, fields.end]).toEqual([start, end]);
    });

    test('keeps both hours that a clock change makes look alike', async () => {
      const start = at('2027-10-31T00:30:00Z', 'Europe/Berlin');
      const end = at('2027-10-31T01:30:00Z', 'Europe/Berlin');
      const fields = await fieldsOf({ start, end });
      expect([fields.start, fields.end]).toEqual([start, end]);
    });

    test('says null for a summary, a description and a location that are not there', async () => {
      const fields = await fieldsOf({ summary: null });
      expect(fields).toMatchObject({ summary: null, description: null, location: null });
    });

    for (const [name, summary] of [
      ['emoji', '👩‍🚀 launch 🚀'],
      ['right-to-left text', 'פגישה ⁧اجتماع⁩'],
      ['combining marks', 'Zoe\u0308 — naïve'],
      ['newlines and quotes', 'a\n"b"\t\\u0000 c'],
    ] as const)
      test(`keeps ${name}`, async () => {
        expect((await fieldsOf({ summary })).summary).toBe(summary);
      });

    test('replaces characters that Postgres cannot hold, in the fields and in the raw text', async () => {
      await harness().cloud.put(
        calendarId,
        single('event1', { summary: 'a\0b', description: 'c\uD800d\uDC00' }),
      );
      const event = eventOf((await readRound(harness(), calendarId)).items, 'event1');
      expect(event.fields).toMatchObject({ summary: 'a\uFFFDb', description: 'c\uFFFDd\uFFFD' });
      expect(event.raw).not.toMatch(/\\u0000|\\ud800|\\udc00|[\p{Surrogate}\0]/iu);
    });

    test('maps attendees', async () => {
      const attendees: Attendee[] = [
        attendee({ email: 'ada@example.com', name: 'Ada', response: 'accepted', organizer: true }),
        attendee({ email: 'bob@example.com', name: 'Bob', response: 'needs_action', optional: true }),
        attendee({ email: 'room@example.com', name: 'Room', response: 'declined', resource: true }),
        attendee({ email: 'eve@example.com', name: 'Eve', response: 'tentative' }),
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

    test('keeps series apart from singles and gives lines that name their days', async () => {
      await harness().cloud.put(calendarId, series('series1', 4));
      await harness().cloud.put(calendarId, single('event1'));
      const { items } = await readRound(harness(), calendarId);
      expect(eventOf(items, 'series1')).toMatchObject({ kind: 'series', exceptionOf: null });
      expect(slotsOf(eventOf(items, 'series1').fields)).toEqual([
        '20261123T090000Z',
        '20261130T090000Z',
        '20261207T090000Z',
        '20261214T090000Z',
      ]);
      expect(eventOf(items, 'event1')).toMatchObject({ kind: 'single', fields: { recurrence: [] } });
    });

    test('gives an exception its series and the slot it had before it was moved', async () => {
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      const event = eventOf((await readRound(harness(), calendarId)).items, 'series1_20261130T090000Z');
      expect(event.kind).toBe('exception');
      const providerSeriesId = harness().cloud.idOf(calendarId, 'series1');
      expect(event.exceptionOf).toMatchObject({ providerSeriesId, slot: '20261130T090000Z' });
      expect(event.fields.start).toEqual(at('2026-12-01T15:00:00Z'));
    });

    test('changes the version with every change and with nothing else', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const version = async () =>
        eventOf((await readRound(harness(), calendarId)).items, 'event1').providerVersion;
      const [first, again] = [await version(), await version()];
      await harness().cloud.put(calendarId, single('event1', { summary: 'changed' }));
      expect(first).toEqual(expect.any(String));
      expect(again).toBe(first);
      expect(await version()).not.toBe(first);
    });

    test('says that an event is deleted', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const { cursor } = await readRound(harness(), calendarId);
      await harness().cloud.remove(calendarId, 'event1');
      const { items } = await readRound(harness(), calendarId, { cursor });
      await expectGone(suite, calendarId, { items, name: 'event1' });
    });

    test('reads one event as a round shows it, and a deleted one as deleted', async () => {
      await harness().cloud.put(calendarId, single('event1'));
      const listed = (await readRound(harness(), calendarId)).items.get('event1');
      const [read] = await readEvents(harness(), calendarId, { events: ['event1'] });
      expect(read?.type).toBe('event');
      expect(withoutRaw(read)).toEqual(withoutRaw(listed));
      await harness().cloud.remove(calendarId, 'event1');
      const gone = await readEvents(harness(), calendarId, { events: ['event1'] });
      const providerEventId = harness().cloud.idOf(calendarId, 'event1');
      expect(gone).toMatchObject([{ type: 'deleted', providerEventId }]);
    });

    test('invents no event that never was', async () => {
      const items = await readEvents(harness(), calendarId, { events: ['never1'] });
      expect(items.filter(({ type }) => type !== 'deleted')).toEqual([]);
    });
  });
}

/** The slots that the lines of a series name. */
export function slotsOf({ start, end, recurrence }: EventFields): string[] {
  const window = { from: new Date('2026-01-01'), to: new Date('2028-01-01') };
  return expandSeries({ start, end, recurrence, window, replaced: new Set() }).occurrences.map(
    ({ slot }) => slot,
  );
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
