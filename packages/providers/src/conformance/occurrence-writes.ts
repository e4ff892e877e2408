/** Writes of one occurrence: it gets a content of its own, its slot stays, and the others show what they did. */
import type { RemoteEvent } from '@calfleet/domain';
import type { Suite } from './cases.ts';
import { at, day, exception, secondMonday, series as weekly, thirdMonday } from './events.ts';
import { slotsOf } from './items.ts';
import { errorFrom } from './round.ts';
import { calendarTimeZone, Desk, fieldsOf, guest, saidBy } from './writing.ts';

const mondays = ['20261123T090000Z', '20261130T090000Z', '20261207T090000Z', '20261214T090000Z'];

export function describeOccurrenceWrites({ harness, test }: Suite): void {
  describe('occurrences', () => {
    let desk: Desk;
    let series: RemoteEvent;

    beforeEach(async () => {
      desk = new Desk(harness(), await harness().cloud.createCalendar({ timeZone: calendarTimeZone }));
      const attendees = [guest('bob@example.com')];
      series = await desk.created(fieldsOf({ attendees, recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] }));
    });

    test('changes one occurrence, which keeps the rest of its series', async () => {
      const changed = await desk.updateAt(series, secondMonday, { summary: 'changed' });
      expect(changed).toMatchObject({
        kind: 'exception',
        exceptionOf: { providerSeriesId: series.providerEventId, slot: '20261130T090000Z' },
        writeId: null,
      });
      const [start, end] = [secondMonday, at('2026-11-30T10:00:00Z')];
      expect(saidBy(changed.fields)).toEqual(saidBy({ ...series.fields, start, end, summary: 'changed' }));
      expect((await desk.readEvent(series.providerEventId)).fields.summary).toBe('planning');
      expect(await desk.slots(series)).toEqual(mondays);
    });

    test('answers the change of an occurrence as the next list shows it', async () => {
      const changed = await desk.updateAt(series, secondMonday, { summary: 'changed' });
      const listed = (await desk.list()).find(({ kind }) => kind === 'exception');
      expect({ ...listed, raw: '' }).toEqual({ ...changed, raw: '' });
    });

    test('moves one occurrence, whose slot stays', async () => {
      const [start, end] = [at('2026-12-01T15:00:00Z'), at('2026-12-01T16:30:00Z')];
      const moved = await desk.updateAt(series, secondMonday, { start, end });
      expect(moved).toMatchObject({ exceptionOf: { slot: '20261130T090000Z' }, fields: { start, end } });
      expect(await desk.slots(series)).toEqual(mondays);
    });

    test('moves one day of a weekly series of days', async () => {
      const [start, end] = [day('2026-11-23'), day('2026-11-24')];
      const fields = fieldsOf({ start, end, recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
      const days = await desk.created(fields, '0193a000-0000-7000-8000-000000000002');
      const to = { start: day('2026-12-02'), end: day('2026-12-03') };
      const moved = await desk.updateAt(days, day('2026-11-30'), to);
      expect(moved).toMatchObject({ exceptionOf: { slot: '20261130' }, fields: to });
      expect(await desk.slots(days)).toEqual(['20261123', '20261130', '20261207']);
    });

    test('changes the guests of one occurrence', async () => {
      const attendees = [guest('bob@example.com'), guest('carol@example.com')];
      const changed = await desk.updateAt(series, secondMonday, { attendees });
      expect(changed.fields.attendees.map(({ email }) => email)).toEqual([
        'bob@example.com',
        'carol@example.com',
      ]);
      expect((await desk.readEvent(series.providerEventId)).fields.attendees).toHaveLength(1);
    });

    test('changes an occurrence a second time, by its id', async () => {
      const once = await desk.updateAt(series, secondMonday, { summary: 'once' });
      const twice = await desk.update(once, { location: 'twice' });
      expect(twice).toMatchObject({
        kind: 'exception',
        providerEventId: once.providerEventId,
        exceptionOf: { slot: '20261130T090000Z' },
        fields: { summary: 'once', location: 'twice' },
      });
      expect((await errorFrom(desk.update(once, { summary: 'late' }))).code).toBe('version_conflict');
    });

    test('writes nothing over an occurrence that somebody else changed first', async () => {
      await harness().cloud.put(desk.calendarId, weekly('series1', 4));
      const theirs = await desk.readNamed('series1');
      await harness().cloud.put(desk.calendarId, exception('series1', secondMonday, 'theirs'));
      const update = desk.updateAt(theirs, secondMonday, { summary: 'ours' });
      expect((await errorFrom(update)).code).toBe('version_conflict');
      expect((await errorFrom(desk.deleteAt(theirs, secondMonday))).code).toBe('version_conflict');
      expect((await desk.readNamed('series1_20261130T090000Z')).fields.summary).toBe('theirs');
    });

    test('says remote_missing for an occurrence that was cancelled', async () => {
      await harness().cloud.put(desk.calendarId, weekly('series1', 4));
      const theirs = await desk.readNamed('series1');
      await harness().cloud.cancelOccurrence(desk.calendarId, {
        seriesId: 'series1',
        originalStart: secondMonday,
      });
      const update = desk.updateAt(theirs, secondMonday, { summary: 'ours' });
      expect((await errorFrom(update)).code).toBe('remote_missing');
      expect((await errorFrom(desk.deleteAt(theirs, secondMonday))).code).toBe('remote_missing');
    });

    test('says remote_missing for a slot that the series does not have', async () => {
      const tuesday = at('2026-12-01T09:00:00Z');
      const update = desk.updateAt(series, tuesday, { summary: 'ours' });
      expect((await errorFrom(update)).code).toBe('remote_missing');
      expect((await errorFrom(desk.deleteAt(series, tuesday))).code).toBe('remote_missing');
    });

    test('says remote_missing for an occurrence of a series that was deleted', async () => {
      await desk.delete(series);
      const update = desk.updateAt(series, secondMonday, { summary: 'ours' });
      expect((await errorFrom(update)).code).toBe('remote_missing');
      expect((await errorFrom(desk.deleteAt(series, secondMonday))).code).toBe('remote_missing');
    });

    test('deletes one occurrence, once', async () => {
      await desk.deleteAt(series, thirdMonday);
      expect(await desk.slots(series)).toEqual(mondays.filter((slot) => slot !== '20261207T090000Z'));
      expect((await errorFrom(desk.deleteAt(series, thirdMonday))).code).toBe('remote_missing');
    });

    test('deletes an occurrence that was changed, by its id', async () => {
      const changed = await desk.updateAt(series, thirdMonday, { summary: 'changed' });
      await desk.delete(changed);
      expect(await desk.slots(series)).toEqual(mondays.filter((slot) => slot !== '20261207T090000Z'));
      expect((await errorFrom(desk.delete(changed))).code).toBe('remote_missing');
    });

    test('keeps a changed occurrence when its series says something else', async () => {
      await desk.updateAt(series, secondMonday, { summary: 'changed' });
      const known = await desk.readEvent(series.providerEventId);
      const updated = await desk.update(known, { location: 'room 2' });
      expect(slotsOf(updated.fields)).toEqual(mondays);
      const kept = (await desk.list()).find(({ kind }) => kind === 'exception');
      expect(kept?.fields.summary).toBe('changed');
    });
  });
}
