import fc from 'fast-check';
import type { RemoteEvent, RemoteItem } from '@calfleet/domain';
import { normalise } from './normalise.ts';

const base = {
  id: 'abcde1',
  etag: '"1"',
  status: 'confirmed',
  start: { dateTime: '2026-11-23T10:00:00+01:00', timeZone: 'Europe/Berlin' },
  end: { dateTime: '2026-11-23T11:00:00+01:00', timeZone: 'Europe/Berlin' },
};

const read = (changes: Record<string, unknown> = {}, zone: string | null = null): RemoteItem =>
  normalise({ ...base, ...changes }, zone);

function readEvent(changes: Record<string, unknown> = {}, zone: string | null = null): RemoteEvent {
  const item = read(changes, zone);
  if (item.type !== 'event') throw new Error(`${item.type}: not an event`);
  return item.event;
}

it('knows the creation that it came of by its own property; an exception came of none', () => {
  const extendedProperties = { private: { calfleetWriteId: '0193' }, shared: { calfleetWriteId: '0194' } };
  expect(readEvent({ extendedProperties }).writeId).toBe('0193');
  expect(readEvent().writeId).toBeNull();
  const exception = { recurringEventId: 'abcde0', originalStartTime: base.start };
  expect(readEvent({ ...exception, extendedProperties }).writeId).toBeNull();
});

describe('times', () => {
  it('turns an offset into UTC and keeps the zone of the event before that of the calendar', () => {
    const { start } = readEvent({}, 'Asia/Tokyo').fields;
    expect(start).toEqual({ kind: 'zoned', instant: '2026-11-23T09:00:00Z', zone: 'Europe/Berlin' });
  });

  it('takes the zone of the calendar when the event names none', () => {
    const bare = { start: { dateTime: base.start.dateTime }, end: { dateTime: base.end.dateTime } };
    expect(readEvent(bare, 'Asia/Tokyo').fields.start).toMatchObject({ zone: 'Asia/Tokyo' });
    expect(readEvent(bare).fields.start).toMatchObject({ zone: null });
  });

  it('reads a time without offset in its zone, and leaves it floating when there is none', () => {
    const [start, end] = [{ dateTime: '2026-07-01T10:00:00' }, { dateTime: '2026-07-01T11:00:00' }];
    expect(readEvent({ start, end }, 'Europe/Berlin').fields.start).toMatchObject({
      instant: '2026-07-01T08:00:00Z',
    });
    expect(readEvent({ start, end }).fields.start).toEqual({
      kind: 'floating',
      local: '2026-07-01T10:00:00',
    });
  });

  it.each(['UTC', 'Pacific/Kiritimati', 'America/Los_Angeles'])(
    'keeps all-day bounds dates in %s',
    (zone) => {
      const { start, end } = readEvent(
        { start: { date: '2026-12-24' }, end: { date: '2026-12-27' } },
        zone,
      ).fields;
      expect([start, end]).toEqual([
        { kind: 'date', date: '2026-12-24' },
        { kind: 'date', date: '2026-12-27' },
      ]);
    },
  );

  it.each([
    ['start', { start: undefined }, 'no start'],
    ['start content', { start: {} }, 'no start'],
    ['end', { end: undefined }, 'no end'],
    ['like kinds', { end: { date: '2026-11-24' } }, 'start and end are of different kinds'],
    ['a year', { start: { date: '0000-01-01' }, end: { date: '0000-01-02' } }, 'year outside 1-9999'],
    ['a real day', { start: { date: '2026-02-30' }, end: { date: '2026-03-01' } }, 'no such day'],
    ['a time', { start: { dateTime: 'now' } }, 'not a date-time'],
  ])('says unreadable without %s, never "now"', (_, changes, reason) => {
    expect(read(changes)).toMatchObject({ type: 'unreadable', providerEventId: 'abcde1', reason });
  });

  it.each([
    [{ start: base.start }, { kind: 'zoned', instant: '2026-11-23T09:00:00Z', zone: 'Europe/Berlin' }],
    [{ start: { date: '2026-12-31' } }, { kind: 'date', date: '2027-01-01' }],
  ])('gives an unspecified end to %j', (start, end) => {
    expect(readEvent({ ...start, end: undefined, endTimeUnspecified: true }).fields.end).toEqual(end);
  });

  it('keeps an end before its start as Google says it', () => {
    const { start, end } = readEvent({ start: base.end, end: base.start }).fields;
    expect([start, end]).toMatchObject([
      { instant: '2026-11-23T10:00:00Z' },
      { instant: '2026-11-23T09:00:00Z' },
    ]);
  });
});

describe('kinds', () => {
  it('reads a master with its lines', () => {
    const event = readEvent({ recurrence: ['RRULE:FREQ=DAILY', 'EXDATE:20261124T090000Z'] });
    expect([event.kind, event.fields.recurrence]).toEqual([
      'series',
      ['RRULE:FREQ=DAILY', 'EXDATE:20261124T090000Z'],
    ]);
  });

  it('reads an exception by its original start, wherever it was moved', () => {
    const originalStartTime = { dateTime: '2026-11-22T10:00:00+01:00', timeZone: 'Europe/Berlin' };
    const event = readEvent({ id: 'abcde_x', recurringEventId: 'abcde', originalStartTime });
    expect(event).toMatchObject({
      kind: 'exception',
      exceptionOf: { providerSeriesId: 'abcde', slot: '20261122T090000Z' },
      fields: { recurrence: [] },
    });
  });

  it('reads the slot of an exception from its id when the original start is missing', () => {
    const event = readEvent({ id: 'abcde_20261122', recurringEventId: 'abcde' });
    expect(event.exceptionOf).toMatchObject({ providerSeriesId: 'abcde', slot: '20261122' });
  });

  it('says unreadable for an exception that does not say where it belongs', () => {
    expect(read({ recurringEventId: 'abcde' })).toMatchObject({ reason: 'an exception without its slot' });
    expect(read({ id: 'other_20261122', recurringEventId: 'abcde' })).toMatchObject({ type: 'unreadable' });
  });
});

describe('cancelled items', () => {
  const cancelled = (item: Record<string, unknown>) =>
    normalise({ status: 'cancelled', ...item }, 'Europe/Berlin');

  it('reads the documented form of a cancelled occurrence', () => {
    const originalStartTime = { date: '2026-11-22' };
    const item = cancelled({ id: 'abcde_20261122', recurringEventId: 'abcde', originalStartTime });
    expect(item).toMatchObject({
      type: 'deleted',
      exceptionOf: { providerSeriesId: 'abcde', slot: '20261122', originalStart: { kind: 'date' } },
    });
  });

  it.each([
    ['abcde_20261122T090000Z', 'abcde', '20261122T090000Z'],
    ['abcde_20261122', 'abcde', '20261122'],
    ['abcde_R20261101T090000_20261122T090000Z', 'abcde_R20261101T090000', '20261122T090000Z'],
  ])('rebuilds series and slot of a bare %s', (id, providerSeriesId, slot) => {
    expect(cancelled({ id })).toMatchObject({ type: 'deleted', exceptionOf: { providerSeriesId, slot } });
  });

  it.each(['abcde', 'abcde_R20261101T090000', 'abcde_99999999', 'abcde_20261122T990000Z', '_20261122'])(
    'takes a bare %s for a deleted event of its own',
    (id) => {
      expect(cancelled({ id })).toMatchObject({ type: 'deleted', providerEventId: id, exceptionOf: null });
    },
  );

  it('believes a deletion whose times are nonsense', () => {
    const item = cancelled({ id: 'abcde', recurringEventId: 'fghij', originalStartTime: { date: 'never' } });
    expect(item).toMatchObject({ type: 'deleted', exceptionOf: null });
  });

  it('believes a deletion that kept its details', () => {
    expect(read({ status: 'cancelled', summary: 'party' })).toMatchObject({
      type: 'deleted',
      providerVersion: '"1"',
    });
  });
});

describe('fields', () => {
  it('says null and the documented defaults where Google says nothing', () => {
    expect(readEvent().fields).toMatchObject({
      icalUid: null,
      summary: null,
      description: null,
      location: null,
      attendees: [],
      organizer: null,
      meetingUrl: null,
      visibility: 'default',
      transparency: 'opaque',
      eventType: 'default',
      htmlLink: null,
    });
  });

  it('reads people', () => {
    const { attendees, organizer } = readEvent({
      organizer: { email: 'ada@example.com', displayName: 'Ada', self: true },
      attendees: [
        { email: 'bob@example.com', responseStatus: 'needsAction', optional: true },
        {
          email: 'room@example.com',
          responseStatus: 'accepted',
          resource: true,
          self: true,
          organizer: true,
        },
        { displayName: 'no mail', responseStatus: 'perhaps' },
        'nobody',
      ],
    }).fields;
    expect(organizer).toEqual({ email: 'ada@example.com', name: 'Ada', self: true });
    expect(attendees).toMatchObject([
      { email: 'bob@example.com', response: 'needs_action', optional: true, self: false },
      { email: 'room@example.com', response: 'accepted', resource: true, self: true, organizer: true },
      { email: null, name: 'no mail', response: 'needs_action' },
    ]);
  });

  it('prefers the video entry point over the old link', () => {
    const entryPoints = [
      { entryPointType: 'phone', uri: 'tel:+1' },
      { entryPointType: 'video', uri: 'https://meet.example/x' },
    ];
    const hangoutLink = 'https://hangout.example/y';
    expect(readEvent({ conferenceData: { entryPoints }, hangoutLink }).fields.meetingUrl).toBe(
      'https://meet.example/x',
    );
    expect(readEvent({ hangoutLink }).fields.meetingUrl).toBe(hangoutLink);
  });

  it('cuts the fraction of "updated" and forgives a broken one', () => {
    expect(readEvent({ updated: '2026-11-20T08:00:00.123Z' }).providerUpdatedAt).toBe('2026-11-20T08:00:00Z');
    expect(readEvent({ updated: 'yesterday' }).providerUpdatedAt).toBeNull();
  });

  it('counts a field of the wrong type as absent', () => {
    const odd = {
      summary: 7,
      attendees: 'all',
      organizer: [],
      recurrence: {},
      visibility: 3,
      eventType: null,
    };
    expect(readEvent(odd).fields).toMatchObject({
      summary: null,
      attendees: [],
      organizer: null,
      eventType: 'default',
    });
  });

  it('cleans fields and raw text', () => {
    const { fields, raw } = readEvent({ summary: 'a\0b\uD800', extra: { '\0': '\0' } });
    expect(fields.summary).toBe('a\uFFFDb\uFFFD');
    expect(JSON.parse(raw)).toMatchObject({ summary: 'a\uFFFDb\uFFFD', extra: { '\uFFFD': '\uFFFD' } });
  });
});

describe('anything', () => {
  it.each([null, undefined, 7, 'text', [], {}, { id: 7 }, { id: '' }])('says unreadable for %j', (item) => {
    expect(normalise(item, null)).toMatchObject({ type: 'unreadable', providerEventId: null });
  });

  it('survives an item that is nested too deeply to be written', () => {
    let nested: unknown = {};
    for (let depth = 0; depth < 100_000; depth += 1) nested = { nested };
    expect(read({ nested })).toMatchObject({ type: 'unreadable', reason: 'not readable' });
  });

  it('never throws and always gives storable JSON text', () => {
    const odd = fc.jsonValue({ stringUnit: 'binary' });
    const names = [
      'id',
      'status',
      'start',
      'end',
      'recurrence',
      'recurringEventId',
      'originalStartTime',
      'attendees',
    ];
    const item = fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 8 });
    fc.assert(
      fc.property(fc.oneof(odd, item), fc.boolean(), (value, mixed) => {
        const read = normalise(mixed && typeof value === 'object' ? { ...base, ...value } : value, 'UTC');
        const raw = read.type === 'event' ? read.event.raw : 'raw' in read ? read.raw : '';
        expect(() => void JSON.parse(raw)).not.toThrow();
        expect(raw).not.toMatch(/[\p{Surrogate}\0]/u);
      }),
    );
  });
});
