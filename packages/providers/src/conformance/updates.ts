/** Updates: what the patch names and nothing else, over the version that the caller knows and no other. */
import type { EventPatch, RemoteEvent } from '@calfleet/domain';
import type { Suite } from './cases.ts';
import { at, day, single } from './events.ts';
import { slotsOf } from './items.ts';
import { errorFrom } from './round.ts';
import { answersOf, calendarTimeZone, Desk, fieldsOf, guest, saidBy } from './writing.ts';

const changes: [string, EventPatch][] = [
  ['the summary', { summary: 'changed' }],
  ['the description', { description: 'changed' }],
  ['the location', { location: 'changed' }],
  ['the status', { status: 'tentative' }],
  ['the visibility', { visibility: 'private' }],
  ['the transparency', { transparency: 'transparent' }],
  ['the times', { start: at('2026-11-24T13:00:00Z'), end: at('2026-11-24T13:45:00Z') }],
  [
    'the zone',
    {
      start: at('2026-11-23T09:00:00Z', 'America/New_York'),
      end: at('2026-11-23T10:00:00Z', 'America/New_York'),
    },
  ],
  ['timed to all-day', { start: day('2026-11-23'), end: day('2026-11-25') }],
  [
    'the attendees',
    { attendees: [guest('bob@example.com'), guest('carol@example.com', { optional: true })] },
  ],
];

export function describeUpdates({ harness, test }: Suite): void {
  describe('updates', () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(harness(), await harness().cloud.createCalendar({ timeZone: calendarTimeZone }));
    });

    const withGuests = () =>
      desk.created(fieldsOf({ attendees: [guest('bob@example.com'), guest('eve@example.com')] }));

    for (const [name, patch] of changes)
      test(`changes ${name} alone`, async () => {
        const event = await withGuests();
        const updated = await desk.update(event, patch);
        const expected = saidBy({ ...event.fields, ...patch });
        expect(saidBy(updated.fields)).toEqual(expected);
        expect(saidBy((await desk.readEvent(event.providerEventId)).fields)).toEqual(expected);
      });

    for (const field of ['summary', 'description', 'location'] as const)
      test(`clears the ${field}`, async () => {
        const event = await desk.created(fieldsOf());
        const updated = await desk.update(event, { [field]: null });
        expect(saidBy(updated.fields)).toEqual(saidBy({ ...event.fields, [field]: null }));
      });

    test('clears the attendees', async () => {
      const updated = await desk.update(await withGuests(), { attendees: [] });
      expect(updated.fields.attendees).toEqual([]);
    });

    test('makes a timed event of an all-day one', async () => {
      const event = await desk.created(fieldsOf({ start: day('2026-11-23'), end: day('2026-11-24') }));
      const [start, end] = [at('2026-11-23T09:00:00Z'), at('2026-11-23T10:00:00Z')];
      expect((await desk.update(event, { start, end })).fields).toMatchObject({ start, end });
    });

    test('gives a series another rule, and takes it away', async () => {
      const series = await desk.created(fieldsOf({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] }));
      const shorter = await desk.update(series, { recurrence: ['RRULE:FREQ=DAILY;COUNT=2'] });
      expect(slotsOf(shorter.fields)).toEqual(['20261123T090000Z', '20261124T090000Z']);
      expect(saidBy(shorter.fields)).toEqual(saidBy(series.fields));
      const once = await desk.update(shorter, { recurrence: [] });
      expect(once).toMatchObject({ kind: 'single', fields: { recurrence: [] } });
      const again = await desk.update(once, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'] });
      expect(again.kind).toBe('series');
      expect(await desk.slots(again)).toEqual(['20261123T090000Z', '20261130T090000Z']);
    });

    test('changes what a whole series says, and leaves its rule alone', async () => {
      const series = await desk.created(fieldsOf({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] }));
      const updated = await desk.update(series, { summary: 'changed' });
      expect(updated).toMatchObject({ kind: 'series', fields: { summary: 'changed' } });
      expect(updated.fields.recurrence).toEqual(series.fields.recurrence);
      expect(await desk.slots(updated)).toEqual(slotsOf(series.fields));
    });

    test('answers an update as the next list shows it, with a version of its own', async () => {
      const event = await withGuests();
      const updated = await desk.update(event, { summary: 'changed' });
      expect(updated.providerVersion).not.toBe(event.providerVersion);
      expect(updated.writeId).toBe(event.writeId);
      const [listed] = await desk.list();
      expect({ ...listed, raw: '' }).toEqual({ ...updated, raw: '' });
    });

    test('goes on from the version that it answered with', async () => {
      const once = await desk.update(await desk.created(fieldsOf()), { summary: 'once' });
      const twice = await desk.update(once, { location: 'twice' });
      expect(twice.fields).toMatchObject({ summary: 'once', location: 'twice' });
    });

    test('keeps the answers of guests when the list changes', async () => {
      const attendees = [
        guest('bob@example.com', { response: 'accepted' }),
        guest('eve@example.com', { response: 'declined', optional: true }),
        guest('sue@example.com', { response: 'tentative' }),
      ];
      await harness().cloud.put(desk.calendarId, single('event1', { attendees }));
      const event = await desk.readNamed('event1');
      const [bob, eve] = event.fields.attendees;
      if (!bob || !eve) throw new Error('the guests are not there');
      const updated = await desk.update(event, { attendees: [bob, eve, guest('carol@example.com')] });
      expect(answersOf(updated.fields)).toEqual([
        { email: 'bob@example.com', response: 'accepted', optional: false },
        { email: 'eve@example.com', response: 'declined', optional: true },
        { email: 'carol@example.com', response: 'needs_action', optional: false },
      ]);
    });

    test('writes nothing over what somebody else changed since', async () => {
      await harness().cloud.put(desk.calendarId, single('event1'));
      const event = await desk.readNamed('event1');
      await harness().cloud.put(desk.calendarId, single('event1', { summary: 'theirs' }));
      for (const patch of [{ summary: 'ours' }, { attendees: [guest('bob@example.com')] }])
        expect((await errorFrom(desk.update(event, patch))).code).toBe('version_conflict');
      expect((await desk.readNamed('event1')).fields).toMatchObject({ summary: 'theirs', attendees: [] });
    });

    test('says version_conflict for an update whose answer was lost, which was done once', async () => {
      const event = await desk.created(fieldsOf());
      await harness().cloud.fail({ operation: 'updateEvent', failure: 'lost_answer' });
      const update = () => desk.update(event, { summary: 'changed' });
      expect((await errorFrom(update())).code).toBe('provider_unavailable');
      expect((await errorFrom(update())).code).toBe('version_conflict');
      expect((await desk.readEvent(event.providerEventId)).fields.summary).toBe('changed');
    });

    for (const failure of ['unavailable', 'rate_limited'] as const)
      test(`changes nothing when it fails (${failure})`, async () => {
        const event = await desk.created(fieldsOf());
        await harness().cloud.fail({ operation: 'updateEvent', failure });
        const error = await errorFrom(desk.update(event, { summary: 'changed' }));
        expect(error.code).toBe(failure === 'unavailable' ? 'provider_unavailable' : 'rate_limited');
        expect((await desk.readEvent(event.providerEventId)).providerVersion).toBe(event.providerVersion);
      });

    describe('refuses', () => {
      const planted = async (calendarId: string): Promise<[Desk, RemoteEvent]> => {
        const there = new Desk(harness(), calendarId);
        await harness().cloud.put(calendarId, single('event1'));
        return [there, await there.readNamed('event1')];
      };

      test('says remote_missing for an update of what was deleted', async () => {
        const [there, event] = await planted(desk.calendarId);
        await harness().cloud.remove(desk.calendarId, 'event1');
        for (const patch of [{ summary: 'ours' }, { attendees: [guest('bob@example.com')] }])
          expect((await errorFrom(there.update(event, patch))).code).toBe('remote_missing');
      });

      test('says remote_missing for an update in a calendar that is not shared any more', async () => {
        const [there, event] = await planted(desk.calendarId);
        await harness().cloud.unshareCalendar(desk.calendarId);
        expect((await errorFrom(there.update(event, { summary: 'ours' }))).code).toBe('remote_missing');
      });

      test('says permission_denied for an update where this user may only read', async () => {
        const [there, event] = await planted(await harness().cloud.createCalendar({ readOnly: true }));
        expect((await errorFrom(there.update(event, { summary: 'ours' }))).code).toBe('permission_denied');
        expect((await there.readNamed('event1')).fields.summary).toBe('event event1');
      });

      test('says request_rejected for an update that ends the event before it begins', async () => {
        const event = await desk.created(fieldsOf());
        const [start, end] = [at('2026-11-23T09:00:00Z'), at('2026-11-23T08:00:00Z')];
        expect((await errorFrom(desk.update(event, { start, end }))).code).toBe('request_rejected');
      });

      test('says request_rejected for an update to cancelled', async () => {
        const event = await desk.created(fieldsOf());
        expect((await errorFrom(desk.update(event, { status: 'cancelled' }))).code).toBe('request_rejected');
        expect((await desk.readEvent(event.providerEventId)).providerVersion).toBe(event.providerVersion);
      });
    });
  });
}
