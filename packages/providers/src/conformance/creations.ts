/** Creations: asked for any number of times, one event comes of each, which carries its name. */
import type { WritableFields } from '@calfleet/domain';
import type { Suite } from './cases.ts';
import { at, day } from './events.ts';
import { slotsOf } from './items.ts';
import { errorFrom } from './round.ts';
import { calendarTimeZone, Desk, fieldsOf, guest, saidBy, writeId } from './writing.ts';

export function describeCreations({ harness, test }: Suite): void {
  describe('creations', () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(harness(), await harness().cloud.createCalendar({ timeZone: calendarTimeZone }));
    });

    const said = (fields: WritableFields) => {
      const { attendees, recurrence: _, ...plain } = fields;
      return {
        ...plain,
        attendees: attendees.map(({ email, response, optional }) => ({ email, response, optional })),
      };
    };

    for (const [name, fields] of [
      ['a timed event', fieldsOf()],
      ['an event that says nothing', fieldsOf({ summary: null, description: null, location: null })],
      ['an all-day event', fieldsOf({ start: day('2026-12-24'), end: day('2026-12-27') })],
      [
        'an event of another zone',
        fieldsOf({
          start: at('2027-07-01T03:30:00Z', 'America/New_York'),
          end: at('2027-07-01T04:30:00Z', 'America/New_York'),
        }),
      ],
      ['a private one that blocks no time', fieldsOf({ visibility: 'private', transparency: 'transparent' })],
      ['an event of emoji and quotes', fieldsOf({ summary: '👩‍🚀 "launch" <b>🚀</b> & more' })],
      [
        'an event with guests',
        fieldsOf({ attendees: [guest('bob@example.com'), guest('eve@example.com', { optional: true })] }),
      ],
    ] as const)
      test(`creates ${name}`, async () => {
        const event = await desk.created(fields);
        expect(event).toMatchObject({ kind: 'single', exceptionOf: null });
        expect(saidBy(event.fields)).toEqual(said(fields));
        expect(saidBy((await desk.readEvent(event.providerEventId)).fields)).toEqual(said(fields));
      });

    test('creates a series', async () => {
      const event = await desk.created(fieldsOf({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] }));
      expect(event.kind).toBe('series');
      expect(slotsOf(event.fields)).toEqual(['20261123T090000Z', '20261130T090000Z', '20261207T090000Z']);
      expect(await desk.slots(event)).toEqual(slotsOf(event.fields));
    });

    test('creates an all-day series', async () => {
      const [start, end] = [day('2026-11-23'), day('2026-11-24')];
      const event = await desk.created(fieldsOf({ start, end, recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] }));
      expect(event.fields).toMatchObject({ start, end });
      expect(await desk.slots(event)).toEqual(['20261123', '20261124', '20261125']);
    });

    for (const recurrence of [[], ['RRULE:FREQ=WEEKLY;COUNT=3']])
      test(`marks what it creates (${recurrence[0] ?? 'single'})`, async () => {
        const event = await desk.created(fieldsOf({ recurrence }));
        expect(event.writeId).toBe(writeId);
        expect((await desk.readEvent(event.providerEventId)).writeId).toBe(writeId);
        expect((await desk.list()).map((listed) => listed.writeId)).toEqual([writeId]);
      });

    test('answers a creation as the next list shows it', async () => {
      const event = await desk.created(fieldsOf({ attendees: [guest('bob@example.com')] }));
      expect(event.providerVersion).toEqual(expect.any(String));
      const [listed] = await desk.list();
      expect({ ...listed, raw: '' }).toEqual({ ...event, raw: '' });
    });

    test('keeps two creations of the same event apart', async () => {
      await desk.created(fieldsOf());
      await desk.created(fieldsOf(), '0193a000-0000-7000-8000-000000000002');
      expect(await desk.list()).toHaveLength(2);
    });

    test('makes one event of a creation that is asked for twice', async () => {
      const event = await desk.created(fieldsOf());
      const again = await desk.created(fieldsOf({ summary: 'said otherwise by now' }));
      expect({ ...again, raw: '' }).toEqual({ ...event, raw: '' });
      expect(await desk.list()).toHaveLength(1);
    });

    test('gives a creation that is asked for again what became of it since', async () => {
      const event = await desk.created(fieldsOf());
      const changed = await desk.update(event, { summary: 'changed' });
      const again = await desk.created(fieldsOf());
      expect(again).toMatchObject({
        providerVersion: changed.providerVersion,
        fields: { summary: 'changed' },
      });
    });

    test('makes one event of a creation whose answer was lost', async () => {
      await harness().cloud.fail({ operation: 'createEvent', failure: 'lost_answer' });
      expect((await errorFrom(desk.create(fieldsOf()))).code).toBe('provider_unavailable');
      expect(await desk.list()).toHaveLength(1);
      const event = await desk.created(fieldsOf());
      expect(await desk.list()).toMatchObject([{ providerEventId: event.providerEventId, writeId }]);
    });

    test('says deleted of a creation that somebody deleted since, and makes no second one', async () => {
      const event = await desk.created(fieldsOf());
      await desk.delete(event);
      const { providerEventId } = event;
      expect(await desk.create(fieldsOf())).toMatchObject({ type: 'deleted', providerEventId });
      expect(await desk.list()).toEqual([]);
    });

    for (const failure of ['unavailable', 'rate_limited'] as const)
      test(`creates nothing when it fails (${failure}), and all of it when asked again`, async () => {
        await harness().cloud.fail({ operation: 'createEvent', failure });
        const error = await errorFrom(desk.create(fieldsOf()));
        expect(error.code).toBe(failure === 'unavailable' ? 'provider_unavailable' : 'rate_limited');
        if (failure === 'rate_limited') expect(error.retryAfterMs).toBeGreaterThan(0);
        expect(await desk.list()).toEqual([]);
        expect((await desk.created(fieldsOf())).fields.summary).toBe('planning');
      });

    test('says request_rejected for an event that ends before it begins', async () => {
      const error = await errorFrom(desk.create(fieldsOf({ end: at('2026-11-23T08:00:00Z') })));
      expect(error.code).toBe('request_rejected');
      expect(await desk.list()).toEqual([]);
    });

    test('says remote_missing for a creation in a calendar that is not shared any more', async () => {
      await harness().cloud.unshareCalendar(desk.calendarId);
      expect((await errorFrom(desk.create(fieldsOf()))).code).toBe('remote_missing');
    });

    test('says permission_denied for a creation where this user may only read', async () => {
      const readOnly = new Desk(harness(), await harness().cloud.createCalendar({ readOnly: true }));
      expect((await errorFrom(readOnly.create(fieldsOf()))).code).toBe('permission_denied');
      expect(await readOnly.list()).toEqual([]);
    });

    test('keeps what it was told out of its errors', async () => {
      await harness().cloud.fail({ operation: 'createEvent', failure: 'unavailable' });
      const error = await errorFrom(desk.create(fieldsOf()));
      expect(JSON.stringify([error.message, error.context])).not.toMatch(/planning|room 1|what to plan/);
    });
  });
}
