/** Deletions: of the version that the caller knows, and quiet about what is gone already. */
import type { Suite } from './cases.ts';
import { secondMonday, single } from './events.ts';
import { errorFrom, expectGone, readRound } from './round.ts';
import { calendarTimeZone, Desk, fieldsOf } from './writing.ts';

export function describeDeletions(suite: Suite): void {
  const { harness, test } = suite;

  describe('deletions', () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(harness(), await harness().cloud.createCalendar({ timeZone: calendarTimeZone }));
    });

    test('deletes an event, and the next round says so', async () => {
      await harness().cloud.put(desk.calendarId, single('event1'));
      const { cursor } = await readRound(harness(), desk.calendarId);
      await desk.delete(await desk.readNamed('event1'));
      const { items } = await readRound(harness(), desk.calendarId, { cursor });
      await expectGone(suite, desk.calendarId, { items, name: 'event1' });
    });

    test('deletes a series with its exceptions', async () => {
      const series = await desk.created(fieldsOf({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] }));
      const changed = await desk.updateAt(series, secondMonday, { summary: 'changed' });
      await desk.delete(await desk.readEvent(series.providerEventId));
      expect(await desk.list()).toEqual([]);
      expect((await errorFrom(desk.update(changed, { summary: 'late' }))).code).toBe('remote_missing');
    });

    test('says remote_missing for what is gone already', async () => {
      const event = await desk.created(fieldsOf());
      await desk.delete(event);
      expect((await errorFrom(desk.delete(event))).code).toBe('remote_missing');
    });

    test('says remote_missing for a deletion whose answer was lost, when asked again', async () => {
      const event = await desk.created(fieldsOf());
      await harness().cloud.fail({ operation: 'deleteEvent', failure: 'lost_answer' });
      expect((await errorFrom(desk.delete(event))).code).toBe('provider_unavailable');
      expect((await errorFrom(desk.delete(event))).code).toBe('remote_missing');
      expect(await desk.list()).toEqual([]);
    });

    test('deletes nothing that somebody else changed since', async () => {
      await harness().cloud.put(desk.calendarId, single('event1'));
      const event = await desk.readNamed('event1');
      await harness().cloud.put(desk.calendarId, single('event1', { summary: 'theirs' }));
      expect((await errorFrom(desk.delete(event))).code).toBe('version_conflict');
      expect((await desk.readNamed('event1')).fields.summary).toBe('theirs');
    });

    for (const failure of ['unavailable', 'rate_limited'] as const)
      test(`deletes nothing when it fails (${failure})`, async () => {
        const event = await desk.created(fieldsOf());
        await harness().cloud.fail({ operation: 'deleteEvent', failure });
        const error = await errorFrom(desk.delete(event));
        expect(error.code).toBe(failure === 'unavailable' ? 'provider_unavailable' : 'rate_limited');
        expect(await desk.list()).toHaveLength(1);
      });

    test('says remote_missing for a deletion in a calendar that is not shared any more', async () => {
      const event = await desk.created(fieldsOf());
      await harness().cloud.unshareCalendar(desk.calendarId);
      expect((await errorFrom(desk.delete(event))).code).toBe('remote_missing');
    });

    test('says permission_denied for a deletion where this user may only read', async () => {
      const readOnly = new Desk(harness(), await harness().cloud.createCalendar({ readOnly: true }));
      await harness().cloud.put(readOnly.calendarId, single('event1'));
      const event = await readOnly.readNamed('event1');
      expect((await errorFrom(readOnly.delete(event))).code).toBe('permission_denied');
      expect(await readOnly.list()).toHaveLength(1);
    });
  });
}
